//! Whether a server can be talked to.

use std::io;
use std::time::Duration;

use serde::de::IgnoredAny;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::error::{Ended, Refusal, RequestError};
use crate::state::State;

/// What there is at an address.
pub(super) enum Found {
    /// A server that answers.
    Server,
    Nobody,
    /// Somebody who cannot be talked to.
    Other(Ended),
}

/// Looks who listens where this client connects to. Takes as long as it is given.
pub(super) async fn look(client: &Client) -> Found {
    let mut states = client.states();
    loop {
        let state = states.borrow_and_update().clone();
        match state {
            State::Connecting => {}
            State::Connected => {
                tokio::select! {
                    biased;
                    answered = answered(client) => return match answered {
                        Ok(()) => Found::Server,
                        Err(why) => Found::Other(why),
                    },
                    _ = states.changed() => continue,
                }
            }
            State::Waiting { why, .. } if is_nobody(&why) => return Found::Nobody,
            State::Waiting { why, .. } | State::Closed(why) => return Found::Other(why),
        }
        // The client lives, and with it what tells its states.
        let _ = states.changed().await;
    }
}

/// Waits until the connection is away for too long, and says why.
pub(super) async fn lost(client: &Client, patience: Duration) -> Ended {
    let mut states = client.states();
    loop {
        // The client lives, and with it what tells its states.
        let lost = states
            .wait_for(|state| !state.is_connected())
            .await
            .map(|state| state.clone());
        let why = match lost {
            Ok(State::Waiting { why, .. } | State::Closed(why)) => why,
            Ok(_) | Err(_) => Ended::Slow(patience),
        };
        match timeout(patience, answered(client)).await {
            Ok(Ok(())) => {}
            Ok(Err(closed)) => return closed,
            Err(_) => return why,
        }
    }
}

/// As [`lost`]; or until nobody listens there any more, which says of a server that is not ours that it is gone.
pub(super) async fn gone(client: &Client, patience: Duration) -> Ended {
    let mut states = client.states();
    let left = async {
        loop {
            if let State::Waiting { why, .. } = &*states.borrow_and_update()
                && is_nobody(why)
            {
                return why.clone();
            }
            // The client lives, and with it what tells its states.
            let _ = states.changed().await;
        }
    };
    tokio::select! {
        why = lost(client, patience) => why,
        why = left => why,
    }
}

/// Why the client is not connected, where it knows.
pub(super) fn ended(client: &Client) -> Option<Ended> {
    match client.state() {
        State::Waiting { why, .. } | State::Closed(why) => Some(why),
        State::Connecting | State::Connected => None,
    }
}

/// Waits for a sign of life. A connection alone is none: the system takes it for a process that is frozen, too.
async fn answered(client: &Client) -> Result<(), Ended> {
    loop {
        match client.request::<IgnoredAny>(PING, &()).await {
            Err(RequestError::Refused(Refusal::Closed(why))) => return Err(why),
            Err(RequestError::Lost { .. } | RequestError::TimedOut { .. }) => {}
            // Too many wait for the same already.
            Err(RequestError::Refused(_)) => sleep(AGAIN).await,
            _ => return Ok(()),
        }
    }
}

/// Whether this is how a system says that nobody listens at an address.
fn is_nobody(why: &Ended) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};

    matches!(why, Ended::Unreachable(error) if matches!(error.kind(), ConnectionRefused | NotFound))
}

const PING: &str = "switchboard/ping";
const AGAIN: Duration = Duration::from_millis(100);
