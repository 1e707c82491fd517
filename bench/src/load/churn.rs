//! `churn`: clients come, join a room, have a message echoed, leave the room, say goodbye and are closed, again and again.

use super::connection::Expected;
use super::failure::{Closed, Failure};
use super::mailboxes::join;
use super::options;
use super::pool::{Pool, Work};
use super::report::{Report, Window};
use super::run::{self, Endless};
use crate::frame::{TEXT, masked};
use crate::message::Dialect;

pub(super) fn run(options: &options::Churn) -> Result<Report, Failure> {
    let mut pool = Pool::new(&options.common, options.clients)?;
    pool.expected = Expected::any();
    let mut churn = Churn {
        window: Window::new(&options.common).until(options.count),
        clients: (0..options.clients).map(|_| Client::default()).collect(),
        steps: steps(options.common.dialect),
        begun: 0,
        ended: 0,
        is_stopping: false,
    };
    run::measure(&mut pool, &mut churn)?;
    Report::new("churn", "connections", options, churn.window.measured()?)
}

/// What a client says, each when the one before was answered.
fn steps(dialect: Dialect) -> Vec<Vec<u8>> {
    vec![
        join(dialect, 0),
        masked(TEXT, dialect.echo(0, 64).as_bytes()),
        masked(TEXT, dialect.leave(0, 0).as_bytes()),
    ]
}

struct Churn {
    window: Window,
    clients: Vec<Client>,
    steps: Vec<Vec<u8>>,
    begun: usize,
    ended: usize,
    is_stopping: bool,
}

#[derive(Default)]
struct Client {
    started: u64,
    /// Steps that it has made, its goodbye the last.
    made: usize,
}

impl Churn {
    fn come(&mut self, pool: &mut Pool, client: usize) -> Result<(), Failure> {
        self.clients[client] = Client {
            started: self.window.now(),
            made: 0,
        };
        let number = self.begun % NUMBERS;
        self.begun += 1;
        pool.connect(client, number, None)
    }

    fn make_step(&mut self, pool: &mut Pool, client: usize) -> Result<(), Failure> {
        let made = self.clients[client].made;
        self.clients[client].made += 1;
        match self.steps.get(made) {
            Some(step) => pool.send(client, step),
            None if made == self.steps.len() => pool.leave(client),
            None => Err(Failure::Unexpected(client, "a message after its goodbye".to_owned())),
        }
    }
}

impl Endless for Churn {
    fn begin(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        (0..self.clients.len()).try_for_each(|client| self.come(pool, client))
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn outstanding(&self) -> u64 {
        (self.begun - self.ended) as u64
    }
}

impl Work for Churn {
    fn opened(&mut self, pool: &mut Pool, client: usize) -> Result<(), Failure> {
        self.make_step(pool, client)
    }

    fn received(&mut self, pool: &mut Pool, client: usize, messages: usize) -> Result<(), Failure> {
        if messages != 1 {
            return Err(Failure::Unexpected(
                client,
                format!("{messages} answers to one request"),
            ));
        }
        self.make_step(pool, client)
    }

    fn closed(&mut self, pool: &mut Pool, client: usize, why: Closed) -> Result<(), Failure> {
        let has_left = self.clients[client].made > self.steps.len();
        if !has_left || !matches!(why, Closed::Frame { code: 1000 | 1005, .. }) {
            return Err(why.of(client));
        }
        self.window.count(self.window.now() - self.clients[client].started);
        self.ended += 1;
        if self.is_stopping {
            return Ok(());
        }
        self.come(pool, client)
    }
}

/// Connections are spread over 64 addresses, so that none is used up by those that have ended.
const NUMBERS: usize = 64 * 1500;
