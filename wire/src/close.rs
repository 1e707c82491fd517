//! Why a connection ends, as a number, and whether the client should come back.

use std::fmt;

/// A WebSocket close code ([RFC 6455, section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4)).
///
/// Every code that Switchboard sends is a constant here. The number itself says what the client does next: of the codes of
/// ours it comes back on 4000 to 4499 and stays away on 4500 to 4999.
///
/// ```
/// use switchboard_wire::CloseCode;
///
/// assert!(CloseCode::SHUTDOWN.should_reconnect());
/// assert!(!CloseCode::VIOLATIONS.should_reconnect());
/// assert_eq!(CloseCode::SLOW_CONSUMER.get(), 4001);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the conversation is over, as agreed.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the page was left, or the server goes down.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the framing.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the peer sent a kind of data that cannot be taken.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: never on the wire; the peer closed without a code.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: never on the wire; the connection was lost without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: against the rules of this server.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message far beyond the limit.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1011: the server failed.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 4000: the server shuts down.
    pub const SHUTDOWN: Self = Self(4000);
    /// 4001: the client read too slowly for what was sent to it.
    pub const SLOW_CONSUMER: Self = Self(4001);
    /// 4002: nothing was heard from the client for too long.
    pub const IDLE: Self = Self(4002);
    /// 4003: the application asked the client to connect again.
    pub const RECONNECT: Self = Self(4003);
    /// 4500: the client did not say who it is.
    pub const UNAUTHENTICATED: Self = Self(4500);
    /// 4501: the client may not be here.
    pub const FORBIDDEN: Self = Self(4501);
    /// 4502: the client broke the rules too often.
    pub const VIOLATIONS: Self = Self(4502);

    /// The code with this number, whatever it means.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether a client that sees this code should connect again (after a pause, with jitter).
    pub const fn should_reconnect(self) -> bool {
        matches!(self.0, 1001 | 1006 | 1011 | 1012 | 1013 | 4000..=4499)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
