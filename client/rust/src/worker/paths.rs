//! Paths that are one thing here and another where the server runs: a box, a container.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchboard_wire::{EncodeError, Format, RawPayload, Text};

use crate::error::{Refusal, RequestError};

/// Which folder here is which folder there, and the fields of payloads that name files.
///
/// A field is mapped wherever in a payload it stands, if it is a string that begins with the folder, or a list of such; all else
/// stays as it is. Of several pairs the longest folder wins.
///
/// ```
/// use serde_json::json;
/// use switchboard_client::worker::PathMap;
///
/// let paths = PathMap::new("/home/kevin/app", "/vagrant").and("/home/kevin/app/lib", "/opt/lib").fields(["filename"]);
/// let mut payload = json!({"filename": "/home/kevin/app/main.py", "source": "/home/kevin/app"});
/// paths.to_remote(&mut payload);
/// assert_eq!(payload, json!({"filename": "/vagrant/main.py", "source": "/home/kevin/app"}));
/// paths.to_local(&mut payload);
/// assert_eq!(payload["filename"], "/home/kevin/app/main.py");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMap {
    /// Here and there.
    pairs: Vec<(String, String)>,
    fields: Vec<String>,
}

impl PathMap {
    /// One folder, as it is called here and there.
    pub fn new(local: impl Into<String>, remote: impl Into<String>) -> Self {
        Self::default().and(local, remote)
    }

    /// Another folder.
    #[must_use]
    pub fn and(mut self, local: impl Into<String>, remote: impl Into<String>) -> Self {
        self.pairs.push((folder(local.into()), folder(remote.into())));
        self
    }

    /// The fields that name files.
    #[must_use]
    pub fn fields<F: Into<String>>(mut self, fields: impl IntoIterator<Item = F>) -> Self {
        self.fields.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Writes paths as the server knows them.
    pub fn to_remote(&self, payload: &mut Value) {
        self.walk(payload, &|path| {
            replace(path, self.pairs.iter().map(|(here, there)| (here, there)))
        });
    }

    /// Writes paths as this side knows them.
    pub fn to_local(&self, payload: &mut Value) {
        self.walk(payload, &|path| {
            replace(path, self.pairs.iter().map(|(here, there)| (there, here)))
        });
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() || self.fields.is_empty()
    }

    /// A payload on its way to the server.
    pub(super) fn outgoing(&self, payload: &(impl Serialize + ?Sized)) -> Result<Value, Refusal> {
        let mut value = serde_json::to_value(payload).map_err(|error| {
            Refusal::Payload(EncodeError::Value {
                format: Format::Json,
                reason: error.to_string().into(),
            })
        })?;
        self.to_remote(&mut value);
        Ok(value)
    }

    /// An answer of the server; none where there was no payload.
    pub(super) fn incoming<T: DeserializeOwned>(&self, answer: Option<Value>) -> Result<T, RequestError> {
        let Some(mut value) = answer else {
            return RawPayload::decode_absent().map_err(RequestError::Unreadable);
        };
        self.to_local(&mut value);
        let text = Text::from(value.to_string());
        let payload = RawPayload::from_json(text).and_then(|payload| payload.decode());
        payload.map_err(RequestError::Unreadable)
    }

    fn walk(&self, value: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if self.fields.iter().any(|field| field == name) {
                        replace_in(value, map);
                    }
                    self.walk(value, map);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, map)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn replace_in(value: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(path) => {
            if let Some(mapped) = map(path) {
                *path = mapped;
            }
        }
        Value::Array(paths) => {
            for path in paths.iter_mut().filter(|path| path.is_string()) {
                replace_in(path, map);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

/// The path with the other folder in place of the longest one that it is in.
fn replace<'a>(path: &str, pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Option<String> {
    let inside = pairs.filter_map(|(from, to)| {
        let rest = path.strip_prefix(from.as_str())?;
        // `/home/kevin2` is not in `/home/kevin`. Servers elsewhere may write the other slash.
        (rest.is_empty() || rest.starts_with(['/', '\\'])).then_some((from.len(), to, rest))
    });
    let (_, to, rest) = inside.max_by_key(|(length, ..)| *length)?;
    Some(match (to.as_str(), rest) {
        ("", "") => "/".to_owned(),
        (to, rest) => format!("{to}{rest}"),
    })
}

/// Without a slash at its end: the root is nothing.
fn folder(mut path: String) -> String {
    path.truncate(path.trim_end_matches(['/', '\\']).len());
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths() -> PathMap {
        PathMap::new("/home/kevin/", "/vagrant").fields(["filename", "files"])
    }

    #[test]
    fn only_named_fields_and_whole_folders_are_mapped() {
        for (local, remote) in [
            (json!({"filename": "/home/kevin"}), json!({"filename": "/vagrant"})),
            (
                json!({"filename": "/home/kevin/a/b"}),
                json!({"filename": "/vagrant/a/b"}),
            ),
            (
                json!({"filename": "/home/kevin2/a"}),
                json!({"filename": "/home/kevin2/a"}),
            ),
            (json!({"filename": "a/home/kevin"}), json!({"filename": "a/home/kevin"})),
            (
                json!({"filename": 7, "files": null}),
                json!({"filename": 7, "files": null}),
            ),
            (json!({"source": "/home/kevin/a"}), json!({"source": "/home/kevin/a"})),
            (
                json!({"files": ["/home/kevin/a", 1]}),
                json!({"files": ["/vagrant/a", 1]}),
            ),
            (
                json!([{"in": {"filename": "/home/kevin/a"}}]),
                json!([{"in": {"filename": "/vagrant/a"}}]),
            ),
            (json!("/home/kevin/a"), json!("/home/kevin/a")),
            (json!(null), json!(null)),
        ] {
            assert_eq!(paths().outgoing(&local).unwrap(), remote);
            assert_eq!(paths().incoming::<Value>(Some(remote)).unwrap(), local);
        }
    }

    #[test]
    fn the_longest_folder_wins_and_the_root_is_one() {
        let paths = PathMap::new("/", "/mnt").and("/home", "/").fields(["f"]);
        for (local, remote) in [("/etc/x", "/mnt/etc/x"), ("/home/x", "/x"), ("/home", "/")] {
            assert_eq!(paths.outgoing(&json!({"f": local})).unwrap(), json!({"f": remote}));
        }
    }

    #[test]
    fn an_answer_without_payload_reads_as_it_does_without_a_map() {
        paths().incoming::<()>(None).unwrap();
        assert_eq!(paths().incoming::<Option<u8>>(None).unwrap(), None);
        assert!(matches!(
            paths().incoming::<u8>(Some(json!("a"))),
            Err(RequestError::Unreadable(_))
        ));
    }
}
