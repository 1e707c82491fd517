use switchboard_wire::websocket::Opcode;

use super::*;

const LIMITS: DecoderLimits = DecoderLimits {
    message: 100,
    fragments: 3,
    skip: 300,
    prefix: 4,
};

#[test]
fn an_idle_decoder_is_small_and_holds_nothing() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    let decoder = Decoder::new(Role::Server);
    assert!(decoder.is_idle());
    assert_eq!(decoder.held(), 0);
}

#[test]
fn a_whole_message_is_lent_from_the_input() {
    let mut bytes = masked(&[0x81, 5, b'h', b'e', b'l', b'l', b'o', 0x89, 1, b'p']);
    let buffer = bytes.as_ptr_range();
    let mut decoder = Decoder::new(Role::Server);
    let mut input = Input::new(&mut bytes);
    let Ok(Some(Event::Text(text))) = decoder.next(&mut input, &LIMITS) else {
        panic!("no text")
    };
    assert_eq!(text, "hello");
    assert!(buffer.contains(&text.as_ptr()));
    let Ok(Some(Event::Ping(payload))) = decoder.next(&mut input, &LIMITS) else {
        panic!("no ping")
    };
    assert_eq!(payload, b"p");
    assert!(buffer.contains(&payload.as_ptr()));
    assert_eq!(decoder.held(), 0);
}

#[test]
fn what_was_kept_is_freed_when_it_is_complete() {
    for (start, end) in [
        (&[0x81, 3, b'a'], b"bc"),
        (&[0x82, 3, 0], b"bc"),
        (&[0x89, 3, b'a'], b"bc"),
    ] {
        let mut decoder = Decoder::new(Role::Client);
        assert_eq!(read(&mut decoder, &LIMITS, start), []);
        assert!(decoder.held() > 0);
        assert!(!decoder.is_idle());
        assert_eq!(read(&mut decoder, &LIMITS, end).len(), 1);
        assert_eq!(decoder.held(), 0);
        assert!(decoder.is_idle());
    }
}

#[test]
fn the_rest_of_an_input_can_be_decoded_later() {
    let mut bytes = masked(&[0x81, 1, b'a', 0x81, 1, b'b', 0x81, 2, b'c']);
    let mut decoder = Decoder::new(Role::Server);
    let mut input = Input::new(&mut bytes);
    assert_eq!(decoder.next(&mut input, &LIMITS), Ok(Some(Event::Text("a"))));
    let rest = input.rest().to_vec();
    assert_eq!(read(&mut decoder, &LIMITS, &rest), [Seen::text("b")]);
    assert!(!decoder.is_idle());
}

#[test]
fn a_message_at_the_limit_is_delivered_and_one_over_it_is_not() {
    let prefix = Seen::TooLarge(MessageKind::Text, b"xxxx".to_vec());
    for (length, expected) in [(100, Seen::Text("x".repeat(100))), (101, prefix.clone()), (300, prefix)] {
        let payload = vec![b'x'; length];
        let whole = frame(FrameHeader::new(Opcode::Text, length), &payload);
        let fragments = [
            frame(FrameHeader::new(Opcode::Text, 60).with_more(), &payload[..60]),
            vec![0x00, 0],
            frame(FrameHeader::new(Opcode::Continuation, length - 60), &payload[60..]),
        ]
        .concat();
        for mut frames in [whole, fragments] {
            frames.extend([0x81, 1, b'y']);
            for size in [1, 2, 7, 64, frames.len()] {
                let seen = decode(Role::Client, &LIMITS, frames.chunks(size));
                assert_eq!(
                    seen,
                    [expected.clone(), Seen::text("y")],
                    "{length} bytes in pieces of {size}"
                );
                let frames = masked(&frames);
                let seen = decode(Role::Server, &LIMITS, frames.chunks(size));
                assert_eq!(
                    seen,
                    [expected.clone(), Seen::text("y")],
                    "masked, {length} bytes in pieces of {size}"
                );
            }
        }
    }
}

#[test]
fn a_message_over_the_limit_is_told_once_its_prefix_is_there() {
    let mut decoder = Decoder::new(Role::Client);
    assert_eq!(read(&mut decoder, &LIMITS, &[0x82, 126, 0, 200, 1, 2, 3]), []);
    assert_eq!(
        read(&mut decoder, &LIMITS, &[4, 5]),
        [Seen::TooLarge(MessageKind::Binary, vec![1, 2, 3, 4])]
    );
    assert!(decoder.held() <= Decoder::OVERHEAD);
    assert_eq!(read(&mut decoder, &LIMITS, &[0; 194]), []);
    assert!(!decoder.is_idle());
    assert_eq!(read(&mut decoder, &LIMITS, &[0, 0x89, 0]), [Seen::Ping(vec![])]);
    assert_eq!(decoder.held(), 0);
}

#[test]
fn a_message_over_the_limit_that_ends_before_its_prefix_is_told_at_its_end() {
    let limits = DecoderLimits {
        message: 2,
        prefix: 10,
        ..LIMITS
    };
    let frames = [0x01, 2, b'a', b'b', 0x89, 0, 0x80, 1, b'c'];
    for size in 1..=frames.len() {
        let seen = decode(Role::Client, &limits, frames.chunks(size));
        assert_eq!(
            seen,
            [Seen::Ping(vec![]), Seen::TooLarge(MessageKind::Text, b"abc".to_vec())]
        );
    }
}

#[test]
fn a_prefix_of_nothing_is_told_with_the_header() {
    let limits = DecoderLimits { prefix: 0, ..LIMITS };
    let seen = decode(Role::Client, &limits, [&[0x81, 126, 0, 200][..]]);
    assert_eq!(seen, [Seen::TooLarge(MessageKind::Text, vec![])]);
}

#[test]
fn control_frames_within_a_skipped_message_are_heard() {
    let mut decoder = Decoder::new(Role::Client);
    let start = frame(FrameHeader::new(Opcode::Binary, 120).with_more(), &[7; 120]);
    assert_eq!(
        read(&mut decoder, &LIMITS, &start),
        [Seen::TooLarge(MessageKind::Binary, vec![7; 4])]
    );
    assert_eq!(
        read(&mut decoder, &LIMITS, &[0x89, 2, b'h', b'i']),
        [Seen::Ping(b"hi".to_vec())]
    );
    assert_eq!(read(&mut decoder, &LIMITS, &[0x80, 1, 7, 0x81, 0]), [Seen::text("")]);
}

#[test]
fn a_message_beyond_the_skip_is_refused_by_its_header() {
    let too_big = Seen::Error(ProtocolError::MessageTooBig(300));
    let header = FrameHeader::new(Opcode::Text, 301);
    assert_eq!(decode(Role::Client, &LIMITS, [&*header]).first(), Some(&too_big));

    let skipped = Seen::TooLarge(MessageKind::Binary, vec![0; 4]);
    let mut frames = frame(FrameHeader::new(Opcode::Binary, 200).with_more(), &[0; 200]);
    frames.extend(&*FrameHeader::new(Opcode::Continuation, 101));
    assert_eq!(decode(Role::Client, &LIMITS, [&*frames]), [skipped, too_big]);
}

#[test]
fn announcing_the_longest_length_costs_nothing() {
    let header = [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let mut decoder = Decoder::new(Role::Client);
    let limits = DecoderLimits::default();
    assert_eq!(
        read(&mut decoder, &limits, &header),
        [Seen::Error(ProtocolError::MessageTooBig(limits.skip))]
    );
    assert_eq!(decoder.held(), 0);

    // Without any limit, lengths that add up to more than there are numbers for.
    let limits = DecoderLimits {
        message: usize::MAX,
        fragments: usize::MAX,
        skip: usize::MAX,
        prefix: usize::MAX,
    };
    let mut decoder = Decoder::new(Role::Client);
    assert_eq!(read(&mut decoder, &limits, &[0x02, 1, 9]), []);
    assert_eq!(read(&mut decoder, &limits, &[&[0x00], &header[1..], &[9]].concat()), []);
    assert!(decoder.held() <= Decoder::OVERHEAD + 128, "{}", decoder.held());
}

#[test]
fn a_message_may_have_so_many_fragments_and_no_more() {
    let three = [0x01, 0, 0x00, 0, 0x80, 0];
    assert_eq!(decode(Role::Client, &LIMITS, [&three[..]]), [Seen::text("")]);
    let four = [0x01, 0, 0x00, 0, 0x89, 0, 0x00, 0, 0x80, 0];
    let error = Seen::Error(ProtocolError::TooManyFragments(3));
    assert_eq!(
        decode(Role::Client, &LIMITS, [&four[..]]),
        [Seen::Ping(vec![]), error.clone()]
    );

    let mut skipped = frame(FrameHeader::new(Opcode::Binary, 120).with_more(), &[7; 120]);
    skipped.extend([0x00, 0, 0x00, 0, 0x80, 0]);
    let told = Seen::TooLarge(MessageKind::Binary, vec![7; 4]);
    assert_eq!(decode(Role::Client, &LIMITS, [&*skipped]), [told, error]);

    let limits = DecoderLimits { fragments: 0, ..LIMITS };
    for size in 1..4 {
        assert_eq!(
            decode(Role::Client, &limits, [0x81, 1, b'a'].chunks(size)),
            [Seen::text("a")]
        );
    }
}

#[test]
fn memory_grows_with_what_has_arrived() {
    let limits = DecoderLimits::default();
    let mut decoder = Decoder::new(Role::Client);
    let mut bytes = FrameHeader::new(Opcode::Binary, limits.message).to_vec();
    bytes.extend([1; 10]);
    assert_eq!(read(&mut decoder, &limits, &bytes), []);
    assert!(
        decoder.held() <= Decoder::OVERHEAD + 128,
        "{} for 10 bytes",
        decoder.held()
    );
    assert_eq!(read(&mut decoder, &limits, &[1; 990]), []);
    assert!(
        decoder.held() <= Decoder::OVERHEAD + 2000,
        "{} for 1000 bytes",
        decoder.held()
    );
}

#[test]
fn a_dribbling_sender_costs_few_copies_and_no_more_than_the_limit() {
    let limits = DecoderLimits::with_message(50_000);
    let more = FrameHeader::new(Opcode::Text, 20_000).with_more();
    let last = FrameHeader::new(Opcode::Continuation, 30_000);
    let frames = [&more[..], &[b'x'; 20_000], &last[..], &[b'y'; 30_000]].concat();
    let mut decoder = Decoder::new(Role::Client);
    let mut sizes = Vec::new();
    let mut seen = Vec::new();
    for byte in frames {
        seen.extend(read(&mut decoder, &limits, &[byte]));
        assert!(decoder.held() <= limits.message + Decoder::OVERHEAD);
        sizes.push(decoder.held());
    }
    assert_eq!(seen, [Seen::Text(["x".repeat(20_000), "y".repeat(30_000)].concat())]);
    assert_eq!(sizes.last(), Some(&0));
    sizes.dedup();
    assert!(sizes.len() < 20, "grown {} times", sizes.len());
}

#[test]
fn skipping_gives_back_what_the_first_fragments_took() {
    let limits = DecoderLimits::default();
    let mut decoder = Decoder::new(Role::Client);
    let first = frame(FrameHeader::new(Opcode::Binary, 60_000).with_more(), &[7; 60_000]);
    assert_eq!(read(&mut decoder, &limits, &first), []);
    let second = FrameHeader::new(Opcode::Continuation, 60_000);
    assert_eq!(
        read(&mut decoder, &limits, &second),
        [Seen::TooLarge(MessageKind::Binary, vec![7; 512])]
    );
    assert!(decoder.held() <= Decoder::OVERHEAD, "{}", decoder.held());
}

#[test]
fn limits_that_change_within_a_message_do_no_harm() {
    for (before, after) in [(LIMITS, DecoderLimits::default()), (DecoderLimits::default(), LIMITS)] {
        let mut decoder = Decoder::new(Role::Client);
        let mut frames = frame(FrameHeader::new(Opcode::Text, 90).with_more(), &[b'x'; 90]);
        frames.extend([0x00, 90]);
        frames.extend([b'x'; 50]);
        read(&mut decoder, &before, &frames);
        let seen = read(
            &mut decoder,
            &after,
            &[[b'x'; 40].as_slice(), &[0x80, 0, 0x81, 1, b'y']].concat(),
        );
        assert_eq!(seen.last(), Some(&Seen::text("y")));
        assert_eq!(decoder.held(), 0);
    }
}
