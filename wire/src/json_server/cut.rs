//! What can be told of a line that was skipped. Anaconda writes the uid behind the source of a whole file, so both ends are
//! looked at.

use super::read::Call;
use crate::payload::scan::Scanner;
use crate::{Text, Ticket, Uid};

pub(super) fn read(prefix: &[u8], suffix: &[u8]) -> (Option<Text>, Ticket) {
    let mut call = Call::default();
    // It ends in a fault wherever it was cut; what was read by then counts.
    let _ = call.read(&Text::from(valid_start(prefix)), usize::from(u8::MAX) / 2);
    if call.uid.is_none() {
        call.uid = uid_at_end(valid_end(suffix));
    }
    call.into_known()
}

/// The uid in the last entries of an object, of which this is the end.
///
/// A key in quotes that are not escaped stands in no string, and what is closed by the last bracket of all is the outermost
/// object: so it is the message's own uid, if the message is JSON at all.
fn uid_at_end(text: &str) -> Option<Uid> {
    let key = text.rfind(KEY)?;
    let is_entry = matches!(text[..key].trim_end().bytes().next_back(), Some(b',' | b'{'));
    let mut scanner = Scanner::at(text, key);
    let mut uid = None;
    let mut more = is_entry;
    while more {
        let is_uid = scanner.key().ok()?.raw == "uid";
        let value = scanner.skip(DEPTH).ok()?;
        if is_uid {
            uid = parse(value);
        }
        more = scanner.more(b'}').ok()?;
    }
    scanner.end().ok()?;
    uid
}

fn parse(value: &str) -> Option<Uid> {
    if !value.starts_with('"') {
        return value.parse().ok().filter(|_| value != "-0").and_then(Uid::integer);
    }
    let uid = Scanner::new(value).string().ok()?.unescape().into_owned();
    (1..=Uid::MAX_BYTES).contains(&uid.len()).then(|| Uid::Text(uid.into()))
}

fn valid_start(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cut) => std::str::from_utf8(&bytes[..cut.valid_up_to()]).unwrap_or_default(),
    }
}

/// Without what a cut within a character left of it; nothing where the bytes behind are no text either.
fn valid_end(bytes: &[u8]) -> &str {
    let cut = bytes.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    std::str::from_utf8(&bytes[cut..]).unwrap_or_default()
}

const KEY: &str = "\"uid\"";
/// Deeper values behind a uid are not looked through.
const DEPTH: usize = 8;
