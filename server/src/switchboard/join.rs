//! Why a client is not let into a mailbox.

use switchboard_wire::Error;

/// Why a client could not be let into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Mailboxes under `client/`, `users/` and `switchboard/` are given by the server.
    #[error("mailbox {0:?} cannot be joined: names under client/, users/ and switchboard/ are the server's to give")]
    Reserved(String),
    /// The name is no name.
    #[error("mailbox {0:?} cannot be joined: {1}")]
    BadName(String, String),
    /// The client holds as many as [`Limits::mailboxes_per_client`](crate::Limits::mailboxes_per_client) allows.
    #[error("mailbox {0:?} cannot be joined: this client holds {1} already, which is the limit")]
    TooMany(String, usize),
    /// The client has left.
    #[error("mailbox {0:?} cannot be joined: the client has left")]
    Left(String),
    /// The client has no connection that deliveries could come through: it asks over HTTP, and leaves with its answer.
    #[error("mailbox {0:?} cannot be joined: who asks over HTTP hears its answer and nothing else; connect to join")]
    NoConnection(String),
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        use switchboard_wire::code;
        let code = match error {
            JoinError::Reserved(_) | JoinError::NoConnection(_) => code::FORBIDDEN,
            JoinError::BadName(..) => code::BAD_PAYLOAD,
            JoinError::TooMany(..) => code::OVERLOADED,
            JoinError::Left(_) => code::UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}
