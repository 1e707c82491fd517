//! Envelopes as nearly all clients write them, read in few instructions.

use std::ops::Range;

use crate::payload::scan::{self, Scanner};
use crate::{Incoming, Message, RawPayload, Text, Ticket, Uid};

/// Reads an envelope of `name`, and perhaps `uid`, and perhaps `payload`, in that order, the first two without escapes, and with
/// no whitespace around them but a space before a key or a value.
///
/// `None` where anything else stands there, right or wrong: [`json::read`](super::json::read) says of every text what it is, and
/// of this one the same.
#[inline(always)]
pub(super) fn read(whole: &Text, depth: usize) -> Option<Incoming> {
    let text = whole.as_str();
    // Offsets in place of a scanner, so that they stay in registers.
    let bytes = text.as_bytes();
    let name = string(bytes, space(bytes, behind(bytes, 0, NAME)?))?;
    let mut at = name.end + 1;
    let mut uid = None;
    let mut uid_len = 0;
    if let Some(value) = value(bytes, at, UID) {
        if let Some((number, end)) = integer(bytes, value) {
            uid = Some(Uid::Integer(number));
            at = end;
        } else {
            let range = string(bytes, value).filter(|uid| uid.len() <= Uid::MAX_BYTES)?;
            at = range.end + 1;
            uid = Some(Uid::Text(whole.cut(range)));
        }
        uid_len = 1 + UID.len() + at - value;
    }
    let mut head = 0;
    let payload = if let Some(value) = value(bytes, at, PAYLOAD) {
        // Without a space in it, it is spelled as we spell it ourselves.
        let spelled = name.end + 1 + uid_len + 1 + PAYLOAD.len();
        head = if name.start == NAME.len() + 1 && value == spelled {
            value
        } else {
            0
        };
        let mut scanner = Scanner::at(text, value);
        scanner.pass(depth - 1).ok()?;
        at = scanner.position();
        let text = whole.cut(value..at);
        Some(if scanner.has_line_break() {
            RawPayload::trusted_json(text)
        } else {
            RawPayload::trusted_json_line(text)
        })
    } else {
        None
    };
    if behind(bytes, at, b"}") != Some(bytes.len()) {
        return None;
    }
    Some(Incoming {
        message: Message::of(whole.cut(name), uid.clone(), payload),
        ticket: Ticket::new(uid, false).with_head(head),
    })
}

/// What the answer to a message of this ticket and name begins with, where it is what the message began with.
#[inline]
pub(super) fn head<'a>(ticket: &Ticket, name: &'a Text) -> Option<&'a [u8]> {
    (ticket.head > 0).then(|| name.around(NAME.len() + 1, ticket.head as usize))?
}

const NAME: &[u8; 8] = b"{\"name\":";
const UID: &[u8; 6] = b"\"uid\":";
const PAYLOAD: &[u8; 10] = b"\"payload\":";

/// The offset behind these bytes, where they stand at `at`.
#[inline(always)]
fn behind<const N: usize>(bytes: &[u8], at: usize, expected: &[u8; N]) -> Option<usize> {
    (bytes.get(at..)?.first_chunk() == Some(expected)).then_some(at + N)
}

/// The offset behind a space that may stand at `at`.
#[inline(always)]
fn space(bytes: &[u8], at: usize) -> usize {
    at + usize::from(bytes.get(at) == Some(&b' '))
}

/// The offset of the value, where a comma and this key with its colon stand at `at`.
#[inline(always)]
fn value<const N: usize>(bytes: &[u8], at: usize, key: &[u8; N]) -> Option<usize> {
    let key_at = space(bytes, behind(bytes, at, b",")?);
    Some(space(bytes, behind(bytes, key_at, key)?))
}

/// What stands between the quotes of a string without escapes.
#[inline]
fn string(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = behind(bytes, at, b"\"")?;
    let end = scan::plain_end(bytes, start);
    (bytes.get(end) == Some(&b'"')).then_some(start..end)
}

/// An integer of up to 15 digits, where one stands there and nothing goes on behind it, and the offset behind it.
#[inline]
fn integer(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut number = 0;
    let mut end = at;
    for byte in bytes.get(at..)?.iter().take(15) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number * 10 + i64::from(digit);
        end += 1;
    }
    let is_whole = matches!(bytes.get(end), Some(b',' | b'}'));
    let has_zero_before = end > at + 1 && bytes[at] == b'0';
    (end > at && is_whole && !has_zero_before).then_some((number, end))
}

#[cfg(test)]
mod tests {
    use crate::native::fuzzing::short_cut;

    const PLAIN: &[&str] = &[
        r#"{"name":"a"}"#,
        r#"{"name":""}"#,
        r#"{"name":"räume/日本","uid":"ü"}"#,
        r#"{"name": "a", "uid": 1, "payload": {"x": [1, "\n"]}}"#,
        r#"{"name":"a","uid":0,"payload":null}"#,
        r#"{"name":"a","uid":999999999999999}"#,
        r#"{"name":"a","uid":"","payload":"\ud83d\ude00"}"#,
        "{\"name\":\"a\",\"payload\":[1,\n2\r]}",
        r#"{"name":"twenty bytes of name","payload":-1.5e3}"#,
    ];

    const NOT_PLAIN: &[&str] = &[
        r#"{"uid":1,"name":"a"}"#,
        r#"{"name":"\u0061"}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a","uid":1,"uid":1}"#,
        r#"{"name":"a","payload":1,"uid":1}"#,
        r#"{"name":"a","receipt":true}"#,
        r#"{"name":"a","uid":-1}"#,
        r#"{"name":"a","uid":-0}"#,
        r#"{"name":"a","uid":00}"#,
        r#"{"name":"a","uid":1.0}"#,
        r#"{"name":"a","uid":1e3}"#,
        r#"{"name":"a","uid":1000000000000000}"#,
        r#"{"name":"a","uid":9007199254740991}"#,
        r#"{"name":"a","uid":9007199254740992}"#,
        r#"{"name":"a","uid":18446744073709551617}"#,
        r#"{"name":"a","uid":null}"#,
        r#"{"name":"a","payload":01}"#,
        r#"{"name":"a",}"#,
        r#"{"name":"a"}}"#,
        r#"{"name":"a"} "#,
        r#" {"name":"a"}"#,
        "{\"name\":\"a\n\"}",
        "{\"name\":\"a\",\n\"uid\":1}",
        "",
    ];

    #[test]
    fn the_short_cut_is_for_what_clients_write_and_agrees_with_the_general_way() {
        for text in PLAIN {
            assert!(short_cut(text, 32), "{text}");
            for (cut, _) in text.char_indices() {
                assert!(!short_cut(&text[..cut], 32), "cut: {}", &text[..cut]);
            }
        }
        for text in NOT_PLAIN {
            assert!(!short_cut(text, 32), "{text}");
        }
    }

    #[test]
    fn a_uid_of_the_longest_length_and_the_deepest_payload_are_taken() {
        let uid = |len: usize| format!(r#"{{"name":"a","uid":"{}"}}"#, "u".repeat(len));
        assert!(short_cut(&uid(128), 32));
        assert!(!short_cut(&uid(129), 32));
        let nested = |depth: usize| format!(r#"{{"name":"a","payload":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(short_cut(&nested(7), 8));
        assert!(!short_cut(&nested(8), 8));
    }
}
