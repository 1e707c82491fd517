//! What can be told of a JSON message of which only the first and the last bytes are there.

use crate::Uid;
use crate::payload::scan::Scanner;

/// The uid in the last entries of an object, of which this is the end.
pub(crate) fn uid_at_end(text: &str) -> Option<Uid> {
    let value = value_at_end(text, "uid")?;
    if !value.starts_with('"') {
        return value.parse().ok().filter(|_| value != "-0").and_then(Uid::integer);
    }
    let uid = Scanner::new(value).string().ok()?.unescape().into_owned();
    (1..=Uid::MAX_BYTES).contains(&uid.len()).then(|| Uid::Text(uid.into()))
}

/// The value of a key in the last entries of an object, of which this is the end.
///
/// A key in quotes that are not escaped stands in no string, and what is closed by the last bracket of all is the outermost
/// object: so it is the message's own key, if the message is JSON at all.
pub(crate) fn value_at_end<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.rfind(&format!("\"{key}\""))?;
    let is_entry = matches!(text[..at].trim_end().bytes().next_back(), Some(b',' | b'{'));
    let mut scanner = Scanner::at(text, at);
    let mut value = None;
    let mut more = is_entry;
    while more {
        let is_it = scanner.key().ok()?.raw == key;
        let other = scanner.skip(DEPTH).ok()?;
        if is_it {
            value = Some(other);
        }
        more = scanner.more(b'}').ok()?;
    }
    scanner.end().ok()?;
    value
}

/// The text that these bytes begin with.
pub(crate) fn valid_start(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cut) => std::str::from_utf8(&bytes[..cut.valid_up_to()]).unwrap_or_default(),
    }
}

/// Without what a cut within a character left of it; nothing where the bytes behind are no text either.
pub(crate) fn valid_end(bytes: &[u8]) -> &str {
    let cut = bytes.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    std::str::from_utf8(&bytes[cut..]).unwrap_or_default()
}

/// Deeper values behind a key are not looked through.
const DEPTH: usize = 8;
