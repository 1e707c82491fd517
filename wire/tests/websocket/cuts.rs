use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use switchboard_wire::CloseCode;
use switchboard_wire::websocket::{Opcode, encode_close, fuzzing};

use super::*;

/// A ping or pong.
#[derive(Clone, Debug)]
struct Control {
    opcode: Opcode,
    payload: Vec<u8>,
}

/// One message, the places where it is cut into fragments, and what is sent after each fragment.
#[derive(Clone, Debug)]
struct Sent {
    opcode: Opcode,
    payload: Vec<u8>,
    cuts: Vec<Index>,
    between: Vec<Option<Control>>,
}

impl Sent {
    fn encode(&self, keys: &mut impl FnMut() -> Option<MaskKey>, out: &mut Vec<u8>, expected: &mut Vec<Seen>) {
        let fragments = pieces(&self.payload, &self.cuts);
        let last = fragments.len() - 1;
        for (at, fragment) in fragments.into_iter().enumerate() {
            let opcode = if at == 0 { self.opcode } else { Opcode::Continuation };
            let header = FrameHeader::new(opcode, fragment.len());
            append(
                if at == last { header } else { header.with_more() },
                fragment,
                keys(),
                out,
            );
            if at == last {
                expected.push(match self.opcode {
                    Opcode::Text => Seen::Text(String::from_utf8_lossy(&self.payload).into_owned()),
                    _ => Seen::Binary(self.payload.clone()),
                });
            }
            if let Some(Some(Control { opcode, payload })) = self.between.get(at) {
                append(FrameHeader::new(*opcode, payload.len()), payload, keys(), out);
                expected.push(match opcode {
                    Opcode::Ping => Seen::Ping(payload.clone()),
                    _ => Seen::Pong(payload.clone()),
                });
            }
        }
    }
}

fn append(header: FrameHeader, payload: &[u8], key: Option<MaskKey>, out: &mut Vec<u8>) {
    out.extend(key.map_or(header, |key| header.with_mask(key)).iter());
    let start = out.len();
    out.extend(payload);
    apply_mask(key.unwrap_or_default(), &mut out[start..]);
}

/// The bytes, cut at these places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts {
        pieces.push(&bytes[start..cut]);
        start = cut;
    }
    pieces.push(&bytes[start..]);
    pieces
}

fn control() -> impl Strategy<Value = Control> {
    let opcode = prop_oneof![Just(Opcode::Ping), Just(Opcode::Pong)];
    (opcode, vec(any::<u8>(), 0..=125)).prop_map(|(opcode, payload)| Control { opcode, payload })
}

fn sent() -> impl Strategy<Value = Sent> {
    let message = prop_oneof![
        8 => ".{0,80}".prop_map(|text| (Opcode::Text, text.into_bytes())),
        8 => "[a-zäß€😀]{0,200}".prop_map(|text| (Opcode::Text, text.into_bytes())),
        8 => vec(any::<u8>(), 0..500).prop_map(|bytes| (Opcode::Binary, bytes)),
        1 => vec(any::<u8>(), 65_530..65_540).prop_map(|bytes| (Opcode::Binary, bytes)),
    ];
    let cuts = vec(any::<Index>(), 0..5);
    let between = vec(proptest::option::of(control()), 0..6);
    (message, cuts, between).prop_map(|((opcode, payload), cuts, between)| Sent {
        opcode,
        payload,
        cuts,
        between,
    })
}

fn encode_all(sent: &[Sent], key: Option<MaskKey>) -> (Vec<u8>, Vec<Seen>) {
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    let mut key = key;
    let mut keys = || {
        if let Some(key) = &mut key {
            key[0] = key[0].wrapping_add(17);
            key.rotate_left(1);
        }
        key
    };
    for message in sent {
        message.encode(&mut keys, &mut out, &mut expected);
    }
    encode_close(CloseCode::GOING_AWAY, "", keys(), &mut out);
    expected.push(Seen::Close(Some((1001, String::new()))));
    (out, expected)
}

proptest! {
    #[test]
    fn valid_frames_give_what_was_sent_however_they_are_cut(
        sent in vec(sent(), 0..5),
        key: Option<MaskKey>,
        cuts in vec(any::<Index>(), 0..40),
    ) {
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let limits = DecoderLimits::with_message(70_000);
        let (out, expected) = encode_all(&sent, key);
        prop_assert_eq!(decode(role, &limits, [&*out]), &*expected);
        prop_assert_eq!(decode(role, &limits, pieces(&out, &cuts)), &*expected);
        prop_assert_eq!(decode(role, &limits, out.chunks(1)), &*expected);
    }

    #[test]
    fn damaged_frames_do_the_same_harm_however_they_are_cut(
        sent in vec(sent(), 1..4),
        key: Option<MaskKey>,
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        limits: u8,
        piece: u8,
    ) {
        let (mut data, _) = encode_all(&sent, key);
        for (place, byte) in damage {
            let at = place.index(data.len());
            data[at] = byte;
        }
        fuzzing::frames(&[&[u8::from(key.is_none()), limits, piece], &*data].concat());
    }

    #[test]
    fn random_bytes_do_no_harm(data in vec(any::<u8>(), 0..400)) {
        fuzzing::frames(&data);
    }
}
