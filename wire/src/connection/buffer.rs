//! One buffer a thread to read into.

use std::cell::Cell;

/// Lends the thread's read buffer, of [`READ`] bytes, so that no connection needs one of its own. What it holds at first is
/// left from somebody else.
///
/// ```
/// let n = switchboard_wire::connection::with_buffer(|buffer| buffer.len());
/// assert_eq!(n, switchboard_wire::connection::READ);
/// ```
pub fn with_buffer<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    thread_local! {
        static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    }
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
    let result = f(&mut buffer);
    BUFFER.set(Some(buffer));
    result
}

/// Bytes that one read can take. 64 KiB.
pub const READ: usize = 64 << 10;
