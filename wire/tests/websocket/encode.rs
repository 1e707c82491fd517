use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_wire::CloseCode;
use switchboard_wire::websocket::{
    Opcode, accept_key, encode_binary, encode_close, encode_ping, encode_pong, encode_text, is_handshake_key,
};

use super::*;

#[test]
fn lengths_take_their_shortest_form() {
    let rows: [(usize, &[u8]); 7] = [
        (0, &[0x82, 0]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (256, &[0x82, 126, 1, 0]),
        (65535, &[0x82, 126, 0xFF, 0xFF]),
        (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (0x0102_0304, &[0x82, 127, 0, 0, 0, 0, 1, 2, 3, 4]),
    ];
    for (length, expected) in rows {
        assert_eq!(*FrameHeader::new(Opcode::Binary, length), *expected, "{length}");
    }
}

#[test]
fn headers_say_kind_and_place_of_the_frame() {
    let rows = [
        (Opcode::Continuation, 0x80),
        (Opcode::Text, 0x81),
        (Opcode::Binary, 0x82),
        (Opcode::Close, 0x88),
        (Opcode::Ping, 0x89),
        (Opcode::Pong, 0x8A),
    ];
    for (opcode, first) in rows {
        assert_eq!(*FrameHeader::new(opcode, 3), [first, 3]);
        assert_eq!(*FrameHeader::new(opcode, 3).with_more(), [first & 0x0F, 3]);
        assert_eq!(
            *FrameHeader::new(opcode, 300).with_mask([5, 6, 7, 8]),
            [first, 0xFE, 1, 44, 5, 6, 7, 8]
        );
    }
}

#[test]
fn frames_are_spelled_as_the_rfc_shows() {
    let key = Some([0x37, 0xFA, 0x21, 0x3D]);
    let mut out = BytesMut::new();
    encode_text("Hello", None, &mut out);
    encode_text("Hello", key, &mut out);
    encode_ping(b"Hello", None, &mut out);
    encode_pong(b"Hello", key, &mut out);
    let expected = [
        &[0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F][..],
        &[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
        &[0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F],
        &[0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
    ];
    assert_eq!(out, expected.concat());
}

#[test]
fn a_close_reason_is_cut_between_characters() {
    let mut out = Vec::new();
    encode_close(CloseCode::POLICY_VIOLATION, &"€".repeat(50), None, &mut out);
    let seen = decode(Role::Client, &DecoderLimits::default(), [&*out]);
    assert_eq!(seen, [Seen::Close(Some((1008, "€".repeat(41))))]);
}

#[test]
fn a_code_that_must_not_be_sent_is_not_sent() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        let mut out = Vec::new();
        encode_close(CloseCode::new(code), "why", None, &mut out);
        assert_eq!(out, [0x88, 0], "{code}");
    }
}

#[test]
#[should_panic(expected = "at most 125 bytes, not 126")]
fn a_ping_over_the_bound_is_a_mistake_of_ours() {
    encode_ping(&[0; 126], None, &mut Vec::new());
}

#[test]
fn handshake_keys_are_sixteen_bytes() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(is_handshake_key("AAAAAAAAAAAAAAAAAAAAAA=="));
    for bad in [
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAA!A==",
        " ",
    ] {
        assert!(!is_handshake_key(bad), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        text in ".{0,300}",
        binary in vec(any::<u8>(), 0..3000),
        control in vec(any::<u8>(), 0..=125),
        key: MaskKey,
        is_masked: bool,
    ) {
        let (role, mask) = if is_masked { (Role::Server, Some(key)) } else { (Role::Client, None) };
        let mut out = Vec::new();
        encode_text(&text, mask, &mut out);
        encode_binary(&binary, mask, &mut out);
        encode_ping(&control, mask, &mut out);
        encode_pong(&control, mask, &mut out);
        encode_close(CloseCode::SHUTDOWN, "bye", mask, &mut out);
        let expected = [
            Seen::Text(text),
            Seen::Binary(binary),
            Seen::Ping(control.clone()),
            Seen::Pong(control),
            Seen::Close(Some((4000, "bye".to_owned()))),
        ];
        prop_assert_eq!(decode(role, &DecoderLimits::default(), [&*out]), expected);
    }
}
