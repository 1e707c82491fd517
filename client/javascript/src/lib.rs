//! The browser's side of Switchboard, as a text to serve: `switchboard.js` in a package of its own, so that the server's
//! package holds a copy.

/// The ES module. The server gives it out at `/switchboard.js`.
///
/// ```
/// assert!(switchboard_javascript::MODULE.contains("export"));
/// ```
pub const MODULE: &str = include_str!("../switchboard.js");
