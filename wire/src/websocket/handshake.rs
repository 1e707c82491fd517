use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`
/// ([RFC 6455, section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2)).
///
/// Any text is taken, without looking whether it is a [valid key](is_handshake_key).
///
/// ```
/// use switchboard_wire::websocket::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// Whether a `Sec-WebSocket-Key` is what the RFC asks for: 16 bytes in base64, with padding. Refuse the handshake otherwise.
///
/// ```
/// use switchboard_wire::websocket::is_handshake_key;
///
/// assert!(is_handshake_key("dGhlIHNhbXBsZSBub25jZQ=="));
/// assert!(!is_handshake_key("dGhlIHNhbXBsZQ=="));
/// ```
pub fn is_handshake_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// The constant of RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
