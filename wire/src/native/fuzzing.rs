//! What must hold of every unit, kept beside the code for the fuzz target and the property tests.

use super::envelope::Envelope;
use super::{Json, MessagePack, ServerFrame, json, plain, write_message};
use crate::{Dialect, Format, Incoming, RawPayload, ReadLimits, Text, Unit};

/// Reads arbitrary bytes in every way there is. What is read, written and read again must be the same.
///
/// # Panics
///
/// Where it is not: that is a bug in this crate.
pub fn envelopes(data: &[u8]) {
    let limits = ReadLimits { depth: 32 };
    if let Ok(text) = std::str::from_utf8(data) {
        let read = Json.read(Unit::Text(text), &limits);
        let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(is_json || read.is_err(), "taken, though no JSON: {text}");
        assert_eq!(text.parse::<RawPayload>().is_ok(), is_json, "{text}");
        if let Ok(read) = read {
            again(&Json, &read, &limits);
        }
        let _ = ServerFrame::parse(Unit::Text(text));
        for depth in [1, 2, 32] {
            short_cut(text, depth);
        }
    }
    if let Ok(read) = MessagePack.read(Unit::Binary(data), &limits) {
        again(&MessagePack, &read, &limits);
    }
    let _ = ServerFrame::parse(Unit::Binary(data));
    prefix(&Json, data, &limits);
    prefix(&MessagePack, data, &limits);
}

/// What the short cut takes, the general way takes for the same. Whether it took it.
pub(super) fn short_cut(text: &str, depth: usize) -> bool {
    let whole = Text::from(text);
    let Some(plain) = plain::read(&whole, depth) else {
        return false;
    };
    let mut envelope = Envelope::default();
    let read = json::read(&whole, depth, &mut envelope);
    let general = envelope.finish(read).expect("the short cut takes what is right");
    assert_same(&plain, &general);
    let payloads = [&plain, &general].map(|read| read.message.payload().and_then(RawPayload::json));
    assert_eq!(payloads[0], payloads[1], "{text}");
    true
}

/// A message comes back the same from its own format, and from the other where it has a form there.
fn again(dialect: &dyn Dialect, read: &Incoming, limits: &ReadLimits) {
    // The payload of a flat envelope is one level deeper in the canonical one.
    let limits = &ReadLimits {
        depth: limits.depth + 1,
    };
    let mut unit = Vec::new();
    let receipt = read.ticket.receipt;
    write_message(&read.message, receipt, dialect.format(), &mut unit).expect("the format that it came in");
    let same = dialect
        .read(unit_of(dialect, &unit), limits)
        .expect("what was written can be read");
    assert_same(read, &same);
    let payloads = read.message.payload().zip(same.message.payload());
    assert!(payloads.is_none_or(|(a, b)| a.json() == b.json() && a.message_pack() == b.message_pack()));

    let other: &dyn Dialect = match dialect.format() {
        Format::Json => &MessagePack,
        Format::MessagePack => &Json,
    };
    unit.clear();
    match write_message(&read.message, receipt, other.format(), &mut unit) {
        Ok(()) => {
            let same = other
                .read(unit_of(other, &unit), limits)
                .expect("what was transcoded can be read");
            assert_same(read, &same);
        }
        Err(error) => assert_eq!(other.format(), Format::Json, "{error}"),
    }
}

fn assert_same(read: &Incoming, same: &Incoming) {
    assert_eq!(read.message.name(), same.message.name());
    assert_eq!(read.message.uid(), same.message.uid());
    assert_eq!(read.ticket.uid(), same.ticket.uid());
    assert_eq!(read.ticket.receipt, same.ticket.receipt);
    assert_eq!(read.message.payload().is_some(), same.message.payload().is_some());
}

/// What the beginning of a whole message tells is what the message says.
fn prefix(dialect: &dyn Dialect, data: &[u8], limits: &ReadLimits) {
    let (name, ticket) = dialect.read_prefix(data);
    let whole = match std::str::from_utf8(data) {
        Ok(text) if dialect.format() == Format::Json => dialect.read(Unit::Text(text), limits),
        Err(_) if dialect.format() == Format::Json => return,
        _ => dialect.read(Unit::Binary(data), limits),
    };
    if let Ok(whole) = whole {
        assert_eq!(name.as_deref(), Some(whole.message.name()));
        assert_eq!(ticket.uid(), whole.ticket.uid());
    }
    let (cut_name, cut_ticket) = dialect.read_prefix(&data[..data.len() / 2]);
    assert!(cut_name.is_none() || cut_name == name);
    assert!(cut_ticket.uid().is_none() || cut_ticket.uid() == ticket.uid());
}

fn unit_of<'a>(dialect: &dyn Dialect, bytes: &'a [u8]) -> Unit<'a> {
    if dialect.format() == Format::Json {
        Unit::Text(std::str::from_utf8(bytes).expect("a text dialect writes text"))
    } else {
        Unit::Binary(bytes)
    }
}
