use switchboard_wire::CloseCode;

use super::ProtocolError as E;
use super::*;

/// Frames as a server sends them, by the rule that their last byte breaks.
const BROKEN: &[(E, &[&[u8]])] = &[
    (E::ReservedBits, &[b"\xC1", b"\xA1", b"\x91", b"\xF2", b"\xC9"]),
    (E::FragmentedControl, &[b"\x08", b"\x09", b"\x0A"]),
    (E::LongControl, &[b"\x88\x7E", b"\x89\x7E", b"\x8A\x7F"]),
    (
        E::LongerLengthForm,
        &[
            b"\x82\x7E\0\x7D",
            b"\x81\x7E\0\0",
            b"\x82\x7F\0\0\0\0\0\0\xFF\xFF",
            b"\x82\x7F\0\0\0\0\0\0\0\x01",
        ],
    ),
    (E::NegativeLength, &[b"\x82\x7F\x80", b"\x81\x7F\xFF"]),
    (
        E::LoneContinuation,
        &[b"\x80\0", b"\x00\0", b"\x81\0\x80\0", b"\x01\0\x80\0\x80\0"],
    ),
    (
        E::InterruptedMessage,
        &[b"\x01\x01a\x81\0", b"\x01\x01a\x02\0", b"\x02\0\x89\0\x01\0"],
    ),
    (E::ShortClose, &[b"\x88\x01\x03"]),
    (
        E::InvalidCloseReason,
        &[b"\x88\x04\x03\xE8a\xFF", b"\x88\x03\x03\xE8\xC3"],
    ),
];

fn broken() -> impl Iterator<Item = (E, Vec<u8>)> {
    let spelled = BROKEN
        .iter()
        .flat_map(|(rule, rows)| rows.iter().map(|row| (*rule, row.to_vec())));
    let opcodes = [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF]
        .into_iter()
        .flat_map(|opcode| [opcode, 0x80 | opcode].map(|first| (E::ReservedOpcode(opcode), vec![first])));
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535]
        .into_iter()
        .flat_map(|code: u16| {
            let [high, low] = code.to_be_bytes();
            [vec![0x88, 2, high, low], vec![0x88, 3, high, low, b'x']].map(|row| (E::ForbiddenCloseCode(code), row))
        });
    spelled.chain(opcodes).chain(codes)
}

/// Text payloads whose last byte is the first that cannot be UTF-8, whatever follows.
const NOT_UTF8: &[&[u8]] = &[
    b"\x80",
    b"ab\xBF",
    b"\xC0",
    b"\xC1",
    b"\xF5",
    b"\xFF",
    b"\xC3a",
    b"\xE0\x9F",
    b"\xE2\x82a",
    b"\xED\xA0",
    b"\xF0\x8F",
    b"\xF0\x9F\x98a",
    b"\xF4\x90",
    b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0",
];

#[test]
fn every_broken_rule_is_told_at_the_byte_that_breaks_it() {
    for (rule, frames) in broken() {
        let limits = DecoderLimits::default();
        for (role, frames) in [(Role::Client, frames.clone()), (Role::Server, masked(&frames))] {
            let seen = decode(role, &limits, [&*frames]);
            assert_eq!(seen.last(), Some(&Seen::Error(rule)), "{frames:x?}, whole");

            let mut decoder = Decoder::new(role);
            for (at, byte) in frames.iter().enumerate() {
                let seen = read(&mut decoder, &limits, &[*byte]);
                let is_told = seen.contains(&Seen::Error(rule));
                assert_eq!(
                    is_told,
                    at + 1 == frames.len(),
                    "{rule:?}, {frames:x?}, byte {at}: {seen:?}"
                );
            }
        }
    }
}

#[test]
fn a_server_wants_masks_and_a_client_does_not() {
    let limits = DecoderLimits::default();
    for first in [0x81, 0x82, 0x89, 0x8A, 0x88, 0x01] {
        let seen = decode(Role::Server, &limits, [&[first, 0x00][..]]);
        assert_eq!(seen, [Seen::Error(E::NotMasked)], "{first:#x}");
        let seen = decode(Role::Client, &limits, [&[first, 0x80][..]]);
        assert_eq!(seen, [Seen::Error(E::Masked)], "{first:#x}");
    }
}

#[test]
fn text_is_refused_at_its_first_wrong_byte_in_an_unfinished_frame() {
    for payload in NOT_UTF8 {
        let mut frames = vec![0x81, 100];
        frames.extend(*payload);
        assert_refused_at_last_byte(&frames, "in one frame");
    }
}

#[test]
fn text_is_refused_at_its_first_wrong_byte_in_any_fragment() {
    for payload in NOT_UTF8 {
        for cut in 0..payload.len() {
            let mut frames = vec![0x01, cut as u8];
            frames.extend(&payload[..cut]);
            frames.extend([0x89, 0, 0x00, 0, 0x00, 50]);
            frames.extend(&payload[cut..]);
            assert_refused_at_last_byte(&frames, "in fragments");
        }
    }
}

fn assert_refused_at_last_byte(frames: &[u8], way: &str) {
    let limits = DecoderLimits::default();
    for (role, frames) in [(Role::Client, frames.to_vec()), (Role::Server, masked(frames))] {
        let (before, last) = frames.split_at(frames.len() - 1);
        let mut decoder = Decoder::new(role);
        let early = read(&mut decoder, &limits, before);
        assert!(
            !early.iter().any(|seen| matches!(seen, Seen::Error(_))),
            "{way}, {frames:x?}: early {early:?}"
        );
        let seen = read(&mut decoder, &limits, last);
        assert_eq!(seen, [Seen::Error(E::InvalidUtf8)], "{way}, {frames:x?}");
    }
}

#[test]
fn text_that_ends_within_a_character_is_refused() {
    let whole = [0x81, 2, 0xE2, 0x82, 0x81, 0];
    let fragments = [0x01, 1, 0xE2, 0x80, 1, 0x82, 0x81, 0];
    for frames in [&whole[..], &fragments[..]] {
        for size in 1..=frames.len() {
            let seen = decode(Role::Client, &DecoderLimits::default(), frames.chunks(size));
            assert_eq!(seen, [Seen::Error(E::InvalidUtf8)], "{frames:x?} in pieces of {size}");
        }
    }
}

#[test]
fn a_character_may_be_cut_by_fragments_and_reads() {
    let frames = [0x01, 1, 0xE2, 0x00, 1, 0x82, 0x89, 1, b'p', 0x80, 1, 0xAC];
    for size in 1..=frames.len() {
        let seen = decode(Role::Client, &DecoderLimits::default(), frames.chunks(size));
        assert_eq!(
            seen,
            [Seen::Ping(b"p".to_vec()), Seen::text("€")],
            "in pieces of {size}"
        );
    }
}

#[test]
fn binary_messages_may_be_any_bytes() {
    let frames = [0x82, 2, 0xFF, 0xC0, 0x02, 1, 0x80, 0x80, 1, 0xFE];
    for size in 1..=frames.len() {
        let seen = decode(Role::Client, &DecoderLimits::default(), frames.chunks(size));
        assert_eq!(
            seen,
            [Seen::Binary(vec![0xFF, 0xC0]), Seen::Binary(vec![0x80, 0xFE])],
            "in pieces of {size}"
        );
    }
}

#[test]
fn control_frames_between_fragments_come_at_once() {
    let mut decoder = Decoder::new(Role::Client);
    let limits = DecoderLimits::default();
    assert_eq!(read(&mut decoder, &limits, &[0x01, 2, b'a', b'b']), []);
    assert_eq!(
        read(&mut decoder, &limits, &[0x89, 1, b'x']),
        [Seen::Ping(b"x".to_vec())]
    );
    assert_eq!(read(&mut decoder, &limits, &[0x8A, 3, b'y']), []);
    assert_eq!(read(&mut decoder, &limits, b"zz"), [Seen::Pong(b"yzz".to_vec())]);
    assert_eq!(read(&mut decoder, &limits, &[0x80, 1, b'c']), [Seen::text("abc")]);
}

#[test]
fn empty_messages_and_empty_fragments_count() {
    let frames = [0x81, 0, 0x82, 0, 0x01, 0, 0x00, 0, 0x80, 0, 0x89, 0, 0x8A, 0];
    let expected = [
        Seen::text(""),
        Seen::Binary(vec![]),
        Seen::text(""),
        Seen::Ping(vec![]),
        Seen::Pong(vec![]),
    ];
    for size in 1..=frames.len() {
        assert_eq!(
            decode(Role::Client, &DecoderLimits::default(), frames.chunks(size)),
            expected
        );
    }
}

#[test]
fn every_code_that_may_be_sent_is_taken() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ] {
        let [high, low] = u16::to_be_bytes(code);
        let frames = [0x88, 4, high, low, 0xC3, 0xA9];
        for size in 1..=frames.len() {
            let seen = decode(Role::Client, &DecoderLimits::default(), frames.chunks(size));
            assert_eq!(
                seen,
                [Seen::Close(Some((code, "é".to_owned())))],
                "{code} in pieces of {size}"
            );
        }
    }
    assert_eq!(
        decode(Role::Client, &DecoderLimits::default(), [&[0x88, 0][..]]),
        [Seen::Close(None)]
    );
}

#[test]
fn what_follows_a_close_frame_is_ignored() {
    let limits = DecoderLimits::default();
    let frames = [0x01, 1, b'a', 0x88, 2, 0x03, 0xE8, 0x81, 1, b'b', 0xFF, 0xFF];
    for size in 1..=frames.len() {
        let mut decoder = Decoder::new(Role::Client);
        let seen: Vec<_> = frames
            .chunks(size)
            .flat_map(|bytes| read(&mut decoder, &limits, bytes))
            .collect();
        assert_eq!(seen, [Seen::Close(Some((1000, String::new())))], "in pieces of {size}");
        assert!(decoder.is_closed());
        assert_eq!(decoder.held(), 0);
    }
}

#[test]
fn what_follows_an_error_is_ignored() {
    let mut decoder = Decoder::new(Role::Client);
    let limits = DecoderLimits::default();
    let seen = read(&mut decoder, &limits, &[0x01, 1, b'a', 0xC1, 0, 0x81, 1, b'b']);
    assert_eq!(seen, [Seen::Error(E::ReservedBits)]);
    assert_eq!(read(&mut decoder, &limits, &[0x81, 1, b'b']), []);
    assert!(decoder.is_closed());
    assert_eq!(decoder.held(), 0);
}

#[test]
fn errors_have_their_close_codes_and_fit_into_a_close_frame() {
    let rows = [
        (E::ReservedBits, CloseCode::PROTOCOL_ERROR),
        (E::ReservedOpcode(15), CloseCode::PROTOCOL_ERROR),
        (E::FragmentedControl, CloseCode::PROTOCOL_ERROR),
        (E::LongControl, CloseCode::PROTOCOL_ERROR),
        (E::LongerLengthForm, CloseCode::PROTOCOL_ERROR),
        (E::NegativeLength, CloseCode::PROTOCOL_ERROR),
        (E::LoneContinuation, CloseCode::PROTOCOL_ERROR),
        (E::InterruptedMessage, CloseCode::PROTOCOL_ERROR),
        (E::NotMasked, CloseCode::PROTOCOL_ERROR),
        (E::Masked, CloseCode::PROTOCOL_ERROR),
        (E::ShortClose, CloseCode::PROTOCOL_ERROR),
        (E::ForbiddenCloseCode(u16::MAX), CloseCode::PROTOCOL_ERROR),
        (E::InvalidUtf8, CloseCode::INVALID_PAYLOAD),
        (E::InvalidCloseReason, CloseCode::INVALID_PAYLOAD),
        (E::TooManyFragments(usize::MAX), CloseCode::POLICY_VIOLATION),
        (E::MessageTooBig(usize::MAX), CloseCode::MESSAGE_TOO_BIG),
    ];
    for (error, code) in rows {
        assert_eq!(error.close_code(), code, "{error:?}");
        assert!(error.to_string().len() <= 123, "{error:?}");
    }
}

/// As a client sends them: not cut within the header, but whole.
#[test]
fn whole_masked_texts_keep_to_the_same_rules() {
    let limits = DecoderLimits::default();
    for len in [0_usize, 1, 124, 125, 126, 127, 300] {
        let mut bytes = vec![0x81, 0x80 | 126];
        bytes.extend((len as u16).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(vec![b'a'; len]);
        let mut decoder = Decoder::new(Role::Server);
        let expected = if len < 126 { Err(E::LongerLengthForm) } else { Ok(len) };
        let decoded = decoder
            .next(&mut Input::new(&mut bytes), &limits)
            .map(|event| match event {
                Some(Event::Text(text)) => text.len(),
                event => panic!("{event:?}"),
            });
        assert_eq!(decoded, expected, "{len}");
    }
    for first in [0x01, 0xC1, 0x80, 0x83] {
        let mut bytes = [first, 0x81, 0, 0, 0, 0, b'a'];
        let decoded = Decoder::new(Role::Server)
            .next(&mut Input::new(&mut bytes), &limits)
            .map(|event| event.is_some());
        assert_ne!(decoded, Ok(true), "{first:x}");
    }
}
