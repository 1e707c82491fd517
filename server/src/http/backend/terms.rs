//! What a request says about its message, and about how it wants to be answered.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use switchboard_wire::Format;

use super::desk::Style;
use super::refusal::Refusal;
use super::shown;
use crate::http::handshake::{Encodings, elements, single};
use crate::switchboard::Core;

/// How one request is read and answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Which of the server's encodings the message is in.
    pub(super) reading: u8,
    /// The format of that.
    pub(super) format: Format,
    /// Which of the server's encodings the answer is in.
    pub(super) writing: u8,
    pub(super) style: Style,
    pub(super) content_type: &'static str,
}

impl Terms {
    /// What these headers ask for, where that is spoken here.
    pub(super) fn of(headers: &HeaderMap, encodings: Encodings, core: &Core) -> Result<Self, Refusal> {
        if let Some(encoding) = headers.get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(Refusal::ContentEncoding(shown(encoding)));
        }
        let asked = asked(headers);
        let (reading, format) = match encodings {
            Encodings::Native => {
                let format = asked.unwrap_or(Some(Format::Json)).ok_or_else(|| {
                    let types = "application/json or application/msgpack";
                    Refusal::ContentType(given(headers), types)
                })?;
                (index(format), format)
            }
            Encodings::Only(only) => {
                let format = core.encoding(only).dialect.format();
                if asked.is_some_and(|asked| asked != Some(format)) {
                    return Err(Refusal::ContentType(given(headers), name(format)));
                }
                (only, format)
            }
        };
        let terms = Self {
            reading,
            format,
            writing: reading,
            style: Style::Result,
            content_type: name(format),
        };
        let wants_lines = elements(headers, &ACCEPT).any(|accepted| is_type(accepted, NDJSON));
        Ok(match (wants_lines, encodings, format) {
            // Lines are of JSON, whatever the message is.
            (true, Encodings::Native, _) => terms.in_lines(index(Format::Json)),
            (true, Encodings::Only(only), Format::Json) => terms.in_lines(only),
            _ => terms,
        })
    }

    fn in_lines(self, writing: u8) -> Self {
        Self {
            writing,
            style: Style::Lines,
            content_type: NDJSON,
            ..self
        }
    }
}

/// The format that the content type names: none where there is no content type, `Some(None)` where it names none of ours.
#[expect(clippy::option_option, reason = "no content type is fine, and an unknown one is not")]
fn asked(headers: &HeaderMap) -> Option<Option<Format>> {
    headers.contains_key(CONTENT_TYPE).then(|| {
        let media = single(headers, &CONTENT_TYPE)?;
        if is_type(media, JSON) {
            return Some(Format::Json);
        }
        let is_message_pack = is_type(media, MESSAGE_PACK) || is_type(media, "application/vnd.msgpack");
        is_message_pack.then_some(Format::MessagePack)
    })
}

fn given(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).map(shown).unwrap_or_default()
}

/// Whether a media type is this one, whatever its parameters.
fn is_type(media: &str, name: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(name)
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Json => JSON,
        Format::MessagePack => MESSAGE_PACK,
    }
}

/// The native dialect's place among the server's encodings.
fn index(format: Format) -> u8 {
    match format {
        Format::Json => 0,
        Format::MessagePack => 1,
    }
}

pub(super) const JSON: &str = "application/json";
const MESSAGE_PACK: &str = "application/msgpack";
const NDJSON: &str = "application/x-ndjson";
