//! `mailboxes`: each client is in a room; in some rooms at a time somebody says a line.

use std::collections::VecDeque;
use std::time::Duration;

use super::connection::Expected;
use super::failure::Failure;
use super::options;
use super::pool::{Deadline, Pool, Work};
use super::report::{Report, Window};
use super::run::{self, Endless};
use crate::frame::{TEXT, masked};
use crate::message::{Dialect, MOST_ROOMS, TEXT_BEGINS};

pub(super) fn run(options: &options::Mailboxes) -> Result<Report, Failure> {
    let &options::Mailboxes {
        clients,
        rooms,
        in_flight,
        ..
    } = options;
    if !(1..=MOST_ROOMS.min(clients)).contains(&rooms) || !(1..=rooms).contains(&in_flight) {
        let usage =
            format!("1 to {MOST_ROOMS} rooms are needed with somebody in each, and a line in flight in at most each");
        return Err(Failure::Usage(usage));
    }
    let mut pool = Pool::new(&options.common, clients)?;
    pool.connect_all(0, |_| None)?;
    ask_all(&mut pool, clients, |client| {
        join(options.common.dialect, client % rooms)
    })?;
    pool.expected = Expected::alike(TEXT_BEGINS);
    let mut mailboxes = Mailboxes::new(options);
    run::measure(&mut pool, &mut mailboxes)?;
    Report::new("mailboxes", "deliveries", options, mailboxes.window.measured()?)
}

/// The frame that asks to be let into a room.
pub(super) fn join(dialect: Dialect, room: usize) -> Vec<u8> {
    masked(TEXT, dialect.join(room, 0).as_bytes())
}

/// Has each client ask something, and waits for the answers.
pub(super) fn ask_all(pool: &mut Pool, clients: usize, ask: impl Fn(usize) -> Vec<u8>) -> Result<(), Failure> {
    pool.expected = Expected::any();
    let deadline = Deadline::new("the answers to what each client asked", ANSWERS);
    let mut answers = Answers(0);
    for client in 0..clients {
        pool.send(client, &ask(client))?;
        while answers.0 + AT_A_TIME < client {
            pool.turn(&mut answers)?;
            deadline.check()?;
        }
    }
    while answers.0 < clients {
        pool.turn(&mut answers)?;
        deadline.check()?;
    }
    Ok(())
}

struct Answers(usize);

impl Work for Answers {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn received(&mut self, _: &mut Pool, _: usize, messages: usize) -> Result<(), Failure> {
        self.0 += messages;
        Ok(())
    }
}

struct Mailboxes {
    window: Window,
    rooms: Vec<Room>,
    /// Rooms where nothing is being said.
    quiet: VecDeque<usize>,
    in_flight: usize,
    is_stopping: bool,
}

struct Room {
    /// The frame of a line in it.
    line: Vec<u8>,
    sent: u64,
    /// How many of its members have not got the line yet.
    to_come: usize,
    /// Which of its members speaks next.
    speaker: usize,
    /// By member, whether the line is still to come to it.
    waits: Vec<bool>,
}

impl Mailboxes {
    fn new(options: &options::Mailboxes) -> Self {
        let &options::Mailboxes {
            clients,
            rooms,
            size,
            in_flight,
            ..
        } = options;
        let room = |room| Room {
            line: masked(TEXT, options.common.dialect.say(room, size).as_bytes()),
            sent: 0,
            to_come: 0,
            speaker: 0,
            waits: vec![false; (room..clients).step_by(rooms).len()],
        };
        Self {
            window: Window::new(&options.common),
            rooms: (0..rooms).map(room).collect(),
            quiet: (0..rooms).collect(),
            in_flight,
            is_stopping: false,
        }
    }

    /// Has somebody say something where nothing has been said for longest.
    fn say(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        let Some(at) = self.quiet.pop_front() else {
            return Ok(());
        };
        let speaker = at + self.rooms[at].speaker * self.rooms.len();
        let room = &mut self.rooms[at];
        room.sent = self.window.now();
        room.to_come = room.waits.len();
        room.waits.fill(true);
        room.speaker = (room.speaker + 1) % room.waits.len();
        pool.send(speaker, &room.line)
    }
}

impl Endless for Mailboxes {
    fn begin(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        (0..self.in_flight).try_for_each(|_| self.say(pool))
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn outstanding(&self) -> u64 {
        self.rooms.iter().map(|room| room.to_come as u64).sum()
    }
}

impl Work for Mailboxes {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn received(&mut self, pool: &mut Pool, client: usize, messages: usize) -> Result<(), Failure> {
        let rooms = self.rooms.len();
        let at = client % rooms;
        let room = &mut self.rooms[at];
        let waited = std::mem::replace(&mut room.waits[client / rooms], false);
        if messages != 1 || !waited {
            let what = format!("{messages} lines where {} was said", u8::from(waited));
            return Err(Failure::Unexpected(client, what));
        }
        self.window.count(self.window.now() - room.sent);
        room.to_come -= 1;
        if room.to_come == 0 {
            self.quiet.push_back(at);
            if !self.is_stopping {
                self.say(pool)?;
            }
        }
        Ok(())
    }
}

/// Requests that have no answer yet, at most.
const AT_A_TIME: usize = 1000;
const ANSWERS: Duration = Duration::from_secs(30);
