//! Three ways to end.

/// How a connection is closed: what is done with what is queued for it. The stricter way is the lesser one.
///
/// ```
/// use switchboard_wire::Shutdown;
///
/// assert!(Shutdown::Now < Shutdown::FinishMessages && Shutdown::FinishMessages < Shutdown::FinishQueues);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shutdown {
    /// At once; what is half-sent is cut off.
    Now,
    /// A message that is half-sent is finished, the queued ones are handed back.
    FinishMessages,
    /// All that is queued is sent.
    FinishQueues,
}
