/// The four bytes that a client mixes into a frame's payload
/// ([RFC 6455, section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3)).
///
/// A client takes fresh ones for every frame, from a source that nobody can predict.
pub type MaskKey = [u8; 4];

/// Masks a payload in place, or unmasks it: twice with the same key is the identity.
///
/// ```
/// use switchboard_wire::websocket::apply_mask;
///
/// let mut payload = *b"hello";
/// apply_mask([1, 2, 3, 4], &mut payload);
/// assert_eq!(payload, [b'h' ^ 1, b'e' ^ 2, b'l' ^ 3, b'l' ^ 4, b'o' ^ 1]);
/// ```
pub fn apply_mask(key: MaskKey, payload: &mut [u8]) {
    // Whole chunks first, as vector instructions; of the rest, each half that there is.
    let rest = mask_chunks::<32>(key, payload);
    let rest = mask_chunks::<8>(key, rest);
    let rest = mask_chunks::<4>(key, rest);
    for (byte, mask) in rest.iter_mut().zip(key) {
        *byte ^= mask;
    }
}

/// Masks chunks of `LANE` bytes, a multiple of four, and returns what is left.
#[inline(always)]
fn mask_chunks<const LANE: usize>(key: MaskKey, payload: &mut [u8]) -> &mut [u8] {
    let (chunks, rest) = payload.as_chunks_mut::<LANE>();
    for chunk in chunks {
        for (at, byte) in chunk.iter_mut().enumerate() {
            *byte ^= key[at % 4];
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_masked_as_byte_by_byte() {
        let key = [0x12, 0x34, 0x56, 0x78];
        for length in 0..200_usize {
            let plain: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let expected: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            let mut masked = plain.clone();
            apply_mask(key, &mut masked);
            assert_eq!(masked, expected, "length {length}");
            apply_mask(key, &mut masked);
            assert_eq!(masked, plain, "length {length}");
        }
    }
}
