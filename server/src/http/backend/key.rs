//! The key that programs show to a back end.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::http::handshake::single;

/// What requests must bring. It is shown nowhere: not in a log, an error or a `Debug` output.
#[derive(Clone)]
pub(crate) struct Key(Arc<str>);

impl Key {
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self(key.into().into())
    }

    /// Why it cannot be used, if it cannot.
    pub(super) fn problem(&self) -> Option<String> {
        if self.0.len() < SHORTEST {
            return Some(format!(
                "has {} bytes, and could be guessed: take {SHORTEST} or more, as `openssl rand -hex 32` makes them",
                self.0.len()
            ));
        }
        if !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(
                "has a character that no header can bring: take letters, digits and punctuation of ASCII, without spaces \
                 (a key that was read from a file may end in a line break)"
                    .to_owned(),
            );
        }
        None
    }

    /// Whether these headers bring the key. How long that takes depends only on what they bring.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let Some(given) = given(headers) else { return false };
        // As long as what was given, so that the comparison does not tell how long the key is.
        let ours: Vec<u8> = self.0.bytes().cycle().take(given.len()).collect();
        let is_as_long = given.len().ct_eq(&self.0.len());
        (ours.ct_eq(given.as_bytes()) & is_as_long).into()
    }
}

/// The key that a request brings; none where it brings several.
fn given(headers: &HeaderMap) -> Option<&str> {
    let bearer = single(headers, &AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| single(headers, &http::HeaderName::from_static(BACKEND_KEY)))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Snorky's header.
const BACKEND_KEY: &str = "x-backend-key";
/// Bytes of a key that is long enough.
const SHORTEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_is_the_key() {
        let key = Key::new("0123456789abcdef");
        let is_in = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())]);
            key.is_in(&headers)
        };
        assert!(is_in("authorization", "Bearer 0123456789abcdef"));
        assert!(is_in("authorization", "bearer  0123456789abcdef"));
        assert!(is_in("x-backend-key", "0123456789abcdef"));
        for wrong in [
            "",
            "0",
            "0123456789abcde",
            "0123456789abcdeF",
            "0123456789abcdef0",
            // Were the key only repeated until it is long enough, this would pass.
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_in("authorization", &format!("Bearer {wrong}")), "{wrong}");
            assert!(!is_in("x-backend-key", wrong), "{wrong}");
        }
        assert!(!is_in("authorization", "0123456789abcdef"));
        assert!(!is_in("authorization", "Basic 0123456789abcdef"));
        assert!(!is_in("cookie", "0123456789abcdef"));
    }

    #[test]
    fn a_request_brings_one_key() {
        let key = Key::new("0123456789abcdef");
        let mut headers = HeaderMap::new();
        headers.append("x-backend-key", "0123456789abcdef".parse().unwrap());
        headers.append("authorization", "Basic a2V2aW46".parse().unwrap());
        assert!(key.is_in(&headers), "another scheme is somebody else's");
        headers.append("x-backend-key", "0123456789abcdef".parse().unwrap());
        assert!(!key.is_in(&headers), "twice is once too often");
        headers.insert("x-backend-key", "0123456789abcdef".parse().unwrap());
        headers.insert("authorization", "Bearer wrong".parse().unwrap());
        assert!(!key.is_in(&headers), "the standard header counts first");
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::new("hunter2");
        let shown = format!("{key:?} {:?}", key.problem());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(Key::new("0123456789abcdef\n").problem().is_some());
        assert!(Key::new("0123456789abcdeé").problem().is_some());
        assert_eq!(Key::new("0123456789abcdef").problem(), None);
    }
}
