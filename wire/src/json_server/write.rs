//! Writing a line.

use super::Outcome;
use crate::payload::MAX_DEPTH;
use crate::payload::scan::{Fault, Scanner};
use crate::{EncodeError, Error, Format, RawPayload, Uid};

/// Appends the one answer of a request.
pub(super) fn line(
    result: Option<&Outcome>,
    uid: &Uid,
    vid: Option<&str>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match result {
        None | Some(Outcome::Answer(None)) => out.extend_from_slice(b"{\"success\":true"),
        Some(Outcome::Answer(Some(payload))) => answer(payload, out)?,
        Some(Outcome::Failed(error)) => failure(error, out),
    }
    out.extend_from_slice(b",\"uid\":");
    match uid {
        Uid::Text(uid) => json(&**uid, out),
        Uid::Integer(uid) => json(uid, out),
    }
    if let Some(vid) = vid {
        out.extend_from_slice(b",\"vid\":");
        out.extend_from_slice(vid.as_bytes());
    }
    out.push(b'}');
    Ok(())
}

fn answer(payload: &RawPayload, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut transcoded = Vec::new();
    let text = match payload.json() {
        Some(text) => text,
        None => {
            payload.write(Format::Json, &mut transcoded)?;
            std::str::from_utf8(&transcoded).unwrap_or_default()
        }
    };
    let start = out.len();
    // A payload has been checked when it was read or written, so this cannot fail.
    entries(text, out).map_err(|fault| {
        out.truncate(start);
        EncodeError::Broken(fault.to_string().into())
    })
}

/// The object's own entries behind `success`; a value that is no object as `result`.
fn entries(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text);
    scanner.whitespace();
    if scanner.peek() != Some(b'{') {
        out.extend_from_slice(b"{\"success\":true,\"result\":");
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let mut success = "true";
    let mut own = Vec::new();
    let mut more = scanner.open(b'}');
    while more {
        let start = scanner.position();
        let key = scanner.key()?;
        let key = key.unescape();
        let value = scanner.skip(MAX_DEPTH)?;
        match &*key {
            "success" => success = value,
            "uid" | "vid" => {}
            _ => own.push(&text[start..scanner.position()]),
        }
        more = scanner.more(b'}')?;
    }
    out.extend_from_slice(b"{\"success\":");
    out.extend_from_slice(success.as_bytes());
    for entry in own {
        out.push(b',');
        out.extend_from_slice(entry.as_bytes());
    }
    Ok(())
}

fn failure(error: &Error, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"success\":false,\"error\":");
    json(error.message(), out);
    out.extend_from_slice(b",\"code\":");
    json(error.code(), out);
    if let Some(details) = error.details() {
        out.extend_from_slice(b",\"details\":");
        json(details, out);
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a `Vec` takes every write");
}
