use super::plain_end;

/// Bytes beside those that need a look, and one beyond ASCII.
const BYTES: &[u8] = b"\"\\\x00\x1f\n !#[]~\x7f\x80\xc3\xff\x02\x22a";

fn byte_by_byte(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.iter().skip(at);
    at + rest
        .take_while(|byte| !matches!(**byte, 0..0x20 | b'"' | b'\\'))
        .count()
}

#[test]
fn the_end_of_plain_text_is_found_as_byte_by_byte() {
    for len in 0..40 {
        for first in BYTES {
            for second in BYTES {
                for place in 0..len {
                    // Before it stands what a string begins with, and must not count.
                    let mut bytes = vec![b'#'; len];
                    bytes[0] = b'"';
                    bytes[place] = *first;
                    bytes[len - 1 - place / 2] = *second;
                    for at in [0, 1, place, place + 1, len, len + 1] {
                        assert_eq!(plain_end(&bytes, at), byte_by_byte(&bytes, at), "{bytes:?} from {at}");
                    }
                }
            }
        }
    }
}
