//! The browser's side of Switchboard, as texts to serve: the ES modules in a package of their own, so that the server's
//! package holds a copy.

/// The ES module. The server gives it out at `/switchboard.js`.
///
/// ```
/// assert!(switchboard_javascript::MODULE.contains("export function connect"));
/// ```
pub const MODULE: &str = include_str!("../switchboard.js");

/// The ES module with the codec for MessagePack, for who asks for it. The server gives it out at `/switchboard/msgpack.js`.
///
/// ```
/// assert!(switchboard_javascript::MESSAGE_PACK.contains("export const messagePack"));
/// ```
pub const MESSAGE_PACK: &str = include_str!("../source/msgpack.js");
