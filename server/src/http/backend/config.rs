//! What a back end is told when the server is put together.

use std::net::SocketAddr;

use switchboard_wire::connection::Endpoint;

use super::key::Key;
use crate::http::config::unusable;

/// Where it is asked, and with which key.
#[derive(Clone, Debug)]
pub(crate) struct BackendConfig {
    pub(crate) path: String,
    pub(crate) key: Option<Key>,
}

impl Default for BackendConfig {
    fn default() -> Self {
        Self {
            path: "/switchboard".to_owned(),
            key: None,
        }
    }
}

impl BackendConfig {
    /// Everything that is wrong with a back end at this endpoint.
    pub(crate) fn problems(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut problems: Vec<_> = unusable(&self.path, "a back end").into_iter().collect();
        match &self.key {
            Some(key) => problems.extend(
                key.problem()
                    .map(|problem| format!("the key of the back end at {endpoint} {problem}")),
            ),
            None if is_loopback(endpoint) => {}
            None => problems.push(format!(
                "the back end at {endpoint} has no key, so whoever reaches it could send to every client: give it one with \
                 `key(…)`, or listen on 127.0.0.1, [::1] or a Unix socket"
            )),
        }
        problems
    }
}

/// Whether only this machine reaches it. What `localhost` means is seen again once it is bound.
fn is_loopback(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Tcp(address) => match address.parse::<SocketAddr>() {
            Ok(address) => address.ip().to_canonical().is_loopback(),
            Err(_) => address
                .rsplit_once(':')
                .is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_only_loopback_will_do() {
        let is_refused = |address: &str| !BackendConfig::default().problems(&address.into()).is_empty();
        for address in [
            "127.0.0.1:9000",
            "127.8.8.8:9000",
            "[::1]:9000",
            "[::ffff:127.0.0.1]:9000",
            "localhost:9000",
            "unix:/run/backend.sock",
        ] {
            assert!(!is_refused(address), "{address}");
        }
        for address in [
            "0.0.0.0:9000",
            "[::]:9000",
            "192.0.2.1:9000",
            "10.0.0.1:9000",
            "localhost.example.org:9000",
            "127.0.0.1.example.org:9000",
            "9000",
        ] {
            assert!(is_refused(address), "{address}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let config = BackendConfig {
            path: "no slash".to_owned(),
            key: Some(Key::new("hunter2")),
        };
        let problems = config.problems(&"0.0.0.0:9000".into());
        assert_eq!(problems.len(), 2);
        assert_eq!(
            problems[1],
            "the key of the back end at 0.0.0.0:9000 has 7 bytes, and could be guessed: take 16 or more, as `openssl rand \
             -hex 32` makes them"
        );
    }
}
