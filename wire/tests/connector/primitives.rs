//! Primitive values as Pike writes them, and codecs: which bytes become which messages, and which are refused.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use switchboard_wire::Shutdown;
use switchboard_wire::connector::{
    BoolConverter, CodecConverter, Connector, Converter, Event, FloatConverter, IntConverter, Limits, Reason,
    Rejection, StringConverter,
};
use tokio_util::codec::{LengthDelimitedCodec, LinesCodec};

use super::common::{LONG, Pipe, next};

/// What is written for these messages, all of them sent.
async fn written<C: Converter<Message: Debug>>(
    converter: C,
    messages: impl IntoIterator<Item = C::Message>,
) -> Vec<u8> {
    let connector = Connector::new(converter, Limits::default());
    let pipe = Pipe::with_room(usize::MAX);
    let connection = connector.adopt(pipe.stream()).unwrap();
    for message in messages {
        connector.send(connection, message).unwrap();
    }
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    pipe.end();
    while !matches!(
        next(&connector).await,
        Event::FinishDisconnect { .. } | Event::RemoteDisconnect { .. }
    ) {}
    pipe.taken()
}

/// What is read of these bytes, and how it ends.
async fn read<C: Converter<Message: Debug>>(converter: C, pieces: &[&[u8]]) -> (Vec<C::Message>, Reason) {
    let connector = Connector::new(converter, Limits::default());
    let pipe = Pipe::default();
    connector.adopt(pipe.stream()).unwrap();
    for piece in pieces {
        pipe.feed(piece);
        super::common::settle().await;
    }
    pipe.end();
    let mut messages = Vec::new();
    loop {
        match next(&connector).await {
            Event::FinishConnect { .. } => {}
            Event::MessageReceived { message, .. } => messages.push(message),
            Event::RemoteDisconnect { reason, .. } => return (messages, reason),
            event => panic!("{event:?}"),
        }
    }
}

/// That what is read of these bytes, in one piece and byte by byte, is these messages.
async fn is_read<C>(converter: impl Fn() -> C, bytes: &[u8], messages: &[C::Message])
where
    C: Converter<Message: Debug + PartialEq>,
{
    let each: Vec<_> = bytes.chunks(1).collect();
    for pieces in [&[bytes][..], &each] {
        let (read, reason) = read(converter(), pieces).await;
        assert_eq!(read, messages);
        assert!(matches!(reason, Reason::Closed), "{reason}");
    }
}

async fn is_refused<C: Converter<Message: Debug>>(converter: C, bytes: &[u8], why: &str) {
    let (read, reason) = read(converter, &[bytes]).await;
    assert!(read.is_empty(), "{read:?}");
    assert_eq!(reason.to_string(), format!("cannot read what the peer sent: {why}"));
}

const CUT_OFF: &str = "the peer closed the connection within a message; it must send the rest first";

#[tokio::test(start_paused = true)]
async fn booleans() {
    assert_eq!(written(BoolConverter, [true, false, true]).await, b"TrueFalseTrue");
    is_read(|| BoolConverter, b"TrueFalseTrue", &[true, false, true]).await;
    is_refused(
        BoolConverter,
        b"true",
        "a boolean begins with \"true\"; send `True` or `False`",
    )
    .await;
    is_refused(
        BoolConverter,
        b"Falcon!",
        "a boolean begins with \"Falco\"; send `True` or `False`",
    )
    .await;
    is_refused(BoolConverter, b"Tr", CUT_OFF).await;
}

#[tokio::test(start_paused = true)]
async fn integers() {
    let all = [0, 7, -7, i64::MAX, i64::MIN];
    let bytes = b"0 7 -7 9223372036854775807 -9223372036854775808 ";
    assert_eq!(written(IntConverter, all).await, bytes);
    is_read(|| IntConverter, bytes, &all).await;
    for (sent, found) in [
        ("9223372036854775808 ", "9223372036854775808"),
        ("1.5 ", "1.5"),
        (" ", ""),
        ("0x1f ", "0x1f"),
    ] {
        let why = format!("{found:?} is no integer of 64 bits; send one and a space after it");
        is_refused(IntConverter, sent.as_bytes(), &why).await;
    }
    let why = "integer has no end within 20 bytes; send a space after it";
    is_refused(IntConverter, b"123456789012345678901", why).await;
    is_refused(IntConverter, b"12", CUT_OFF).await;
}

#[tokio::test(start_paused = true)]
async fn floating_point_numbers() {
    let all = [1.0, -0.5, 1e16, 1e-5, f64::INFINITY, f64::NEG_INFINITY];
    let bytes = b"1.0 -0.5 1e+16 1e-05 inf -inf ";
    assert_eq!(written(FloatConverter, all).await, bytes);
    is_read(|| FloatConverter, bytes, &all).await;
    assert_eq!(written(FloatConverter, [f64::NAN]).await, b"nan ");
    assert!(read(FloatConverter, &[b"nan "]).await.0[0].is_nan());
    is_refused(
        FloatConverter,
        b"one ",
        "\"one\" is no floating point number; send one and a space after it",
    )
    .await;
    let why = "floating point number has no end within 64 bytes; send a space after it";
    is_refused(FloatConverter, &[b'1'; 65], why).await;
}

#[tokio::test(start_paused = true)]
async fn strings() {
    let all = ["hello", "", "a space", "\u{e9}t\u{e9}", "5 nested"].map(str::to_owned);
    let bytes = "5 hello0 7 a space5 \u{e9}t\u{e9}8 5 nested".as_bytes();
    assert_eq!(written(StringConverter::default(), all.clone()).await, bytes);
    is_read(StringConverter::default, bytes, &all).await;
    is_read(|| StringConverter::new(3), b"3 abc", &["abc".to_owned()]).await;
    let why = "string has 4 bytes, and may have 3; send a shorter one, or raise the converter's bound";
    is_refused(StringConverter::new(3), b"4 ", why).await;
    let why =
        "string has 18446744073709551615 bytes, and may have 65536; send a shorter one, or raise the converter's bound";
    is_refused(StringConverter::default(), b"18446744073709551615 ", why).await;
    let why = "\"-1\" is no length of a string; send one and a space after it";
    is_refused(StringConverter::default(), b"-1 ", why).await;
    let why = "length of a string has no end within 20 bytes; send a space after it";
    is_refused(StringConverter::default(), &[b'0'; 21], why).await;
    is_refused(
        StringConverter::default(),
        b"3 a\xff\xff",
        "string is not UTF-8 from byte 1 on; send it as UTF-8",
    )
    .await;
    is_refused(StringConverter::default(), b"5 hell", CUT_OFF).await;
    is_refused(StringConverter::default(), b"5", CUT_OFF).await;
}

#[tokio::test(start_paused = true)]
async fn any_codec_is_a_converter() {
    let lines = || CodecConverter::<String, _, _>::new(|| LinesCodec::new_with_max_length(10));
    let all = ["one", "", "two"].map(str::to_owned);
    assert_eq!(written(lines(), all.clone()).await, b"one\n\ntwo\n");
    // A codec hears of the end too: the last line needs no end.
    is_read(lines, b"one\n\ntwo", &all).await;
    is_refused(lines(), b"a line of many\n", "max line length exceeded").await;

    let frames =
        || CodecConverter::<Bytes, _, _>::new(|| LengthDelimitedCodec::builder().max_frame_length(8).new_codec());
    let all = ["one", "", "two"].map(Bytes::from);
    let bytes = b"\0\0\0\x03one\0\0\0\0\0\0\0\x03two";
    assert_eq!(written(frames(), all.clone()).await, bytes);
    is_read(frames, bytes, &all).await;
    is_refused(frames(), b"\0\0\0\x09", "frame size too big").await;
    is_refused(frames(), b"\0\0\0\x08too", "bytes remaining on stream").await;
}

#[tokio::test(start_paused = true)]
async fn what_an_encoder_refuses_comes_back() {
    let codec = || LengthDelimitedCodec::builder().max_frame_length(3).new_codec();
    let connector = Connector::new(
        CodecConverter::<Bytes, _, _>::from_pair(codec, codec),
        Limits::default(),
    );
    let pipe = Pipe::with_room(usize::MAX);
    let connection = connector.adopt(pipe.stream()).unwrap();
    for message in ["one", "three", "two"] {
        connector.send(connection, Bytes::from(message)).unwrap();
    }
    next(&connector).await;
    let event = next(&connector).await;
    let Event::RejectedMessage {
        message,
        why: Rejection::Unwritable(_),
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(message, "three");
    super::common::settle().await;
    assert_eq!(pipe.taken(), b"\0\0\0\x03one\0\0\0\x03two");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_is_read_as_it_was_written(
        ints in proptest::collection::vec(any::<i64>(), 0..20),
        floats in proptest::collection::vec(any::<f64>(), 0..20),
        strings in proptest::collection::vec(".{0,20}", 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            is_read(|| IntConverter, &written(IntConverter, ints.clone()).await, &ints).await;
            let bytes = written(FloatConverter, floats.clone()).await;
            let read = read(FloatConverter, &[&bytes]).await.0;
            let bits = |all: &[f64]| all.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&floats));
            let bytes = written(StringConverter::default(), strings.clone()).await;
            is_read(StringConverter::default, &bytes, &strings).await;
            Ok(())
        })?;
    }

    #[test]
    fn whatever_a_peer_sends_ends_its_connection_at_worst(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let reasons = [
                read(BoolConverter, &[&bytes]).await.1,
                read(IntConverter, &[&bytes]).await.1,
                read(FloatConverter, &[&bytes]).await.1,
                read(StringConverter::default(), &[&bytes]).await.1,
            ];
            for reason in reasons {
                prop_assert!(matches!(reason, Reason::Closed | Reason::Unreadable(_)), "{}", reason);
            }
            Ok(())
        })?;
    }
}
