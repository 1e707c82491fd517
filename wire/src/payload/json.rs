//! Values to JSON and back, with bytes as base64.

use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::base64_bytes::Base64Bytes;
use super::writer::Writer;
use super::{EncodeError, Format, PayloadError, reader, scan};
use crate::Text;

/// The largest scratch buffer that a thread keeps; what is larger was an exception.
const KEPT_SCRATCH: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes into the thread's scratch buffer first, so that the text is one allocation of its very size.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Text, EncodeError> {
    // Taken, not borrowed: a `Serialize` may itself encode a payload.
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    let encoded = encode_into(value, &mut scratch).map(|()| Text::from(utf8(&scratch)));
    if scratch.capacity() <= KEPT_SCRATCH {
        let _ = SCRATCH.try_with(|kept| kept.set(scratch));
    }
    encoded
}

/// Appends the value, without line breaks.
pub(super) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = Writer::new(out);
    let written = value.serialize(&mut writer);
    let has_raw = writer.has_raw;
    written.map_err(|error| failed(&error))?;
    // A `Serialize` can smuggle text in as it stands: serde_json's `RawValue`.
    if has_raw {
        let one_line = scan::without_line_breaks(utf8(&out[start..]));
        if let Some(one_line) = one_line {
            out.truncate(start);
            out.extend_from_slice(one_line.as_bytes());
        }
    }
    Ok(())
}

#[cold]
fn failed(error: &serde_json::Error) -> EncodeError {
    EncodeError::Value {
        format: Format::Json,
        reason: error.to_string().into(),
    }
}

/// What our own writers wrote, as a text without line breaks.
pub(super) fn text(written: &[u8]) -> Text {
    let written = utf8(written);
    scan::without_line_breaks(written).map_or_else(|| Text::from(written), Text::from)
}

pub(super) fn utf8(written: &[u8]) -> &str {
    simdutf8::basic::from_utf8(written).expect("serde_json writes nothing but UTF-8")
}

#[inline]
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, PayloadError> {
    match reader::read(text) {
        Some(value) => Ok(value),
        None => decode_with_path(text),
    }
}

/// Following the path costs time and allocations, so only what could not be read at once is read with it.
#[cold]
fn decode_with_path<T: DeserializeOwned>(text: &str) -> Result<T, PayloadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(Base64Bytes(&mut json)).map_err(|error| {
        let inner = error.inner();
        let position = format!(" at line {} column {}", inner.line(), inner.column());
        let reason = inner.to_string();
        PayloadError::at(error.path(), reason.strip_suffix(&position).unwrap_or(&reason))
    })
}

#[cfg(test)]
mod tests;
