//! All clients, and the loop that waits for them.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::connection::{Connection, Expected, Read};
use super::failure::{Closed, Failure};
use super::options::Common;
use crate::message::Dialect;

/// All clients of this process.
pub(super) struct Pool {
    server: SocketAddrV4,
    dialect: Dialect,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    events: Vec<Event>,
    buffer: Vec<u8>,
    /// What messages have to look like from now on.
    pub(super) expected: Expected,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    /// What is waited for.
    flags: EventFlags,
}

/// What is done with what comes.
pub(super) trait Work {
    /// The client can be used.
    fn opened(&mut self, pool: &mut Pool, client: usize) -> Result<(), Failure>;

    /// So many messages came for a client in one read.
    fn received(&mut self, pool: &mut Pool, client: usize, messages: usize) -> Result<(), Failure>;

    /// The client is gone.
    fn closed(&mut self, pool: &mut Pool, client: usize, why: Closed) -> Result<(), Failure> {
        let _ = pool;
        Err(why.of(client))
    }

    /// All that was there is handled.
    fn turn_ends(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        let _ = pool;
        Ok(())
    }
}

impl Pool {
    /// A pool with room for so many clients.
    pub(super) fn new(common: &Common, clients: usize) -> Result<Self, Failure> {
        Self::to(common.server, common.dialect, clients)
    }

    pub(super) fn to(server: SocketAddrV4, dialect: Dialect, clients: usize) -> Result<Self, Failure> {
        Ok(Self {
            server,
            dialect,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: (0..clients).map(|_| None).collect(),
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER],
            expected: Expected::any(),
        })
    }

    /// Begins to connect a client. `number` is what its address is chosen by.
    pub(super) fn connect(
        &mut self,
        client: usize,
        number: usize,
        receive_buffer: Option<usize>,
    ) -> Result<(), Failure> {
        let connection = Connection::connect(number, self.server, receive_buffer)?;
        let flags = EventFlags::OUT;
        epoll::add(&self.epoll, &connection, EventData::new_u64(client as u64), flags)?;
        self.clients[client] = Some(Client { connection, flags });
        Ok(())
    }

    /// Connects all, some at a time. Where `receive_buffer` says so for a client, with a small one.
    pub(super) fn connect_all(
        &mut self,
        first: usize,
        receive_buffer: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), Failure> {
        let mut opening = Opening(0);
        let mut begun = 0;
        let all = self.clients.len();
        let deadline = Deadline::new(
            format!("the {all} connections"),
            CONNECT + Duration::from_millis(all as u64 * 5),
        );
        while opening.0 < all {
            while begun < all && begun - opening.0 < CONNECTING {
                self.connect(begun, first + begun, receive_buffer(begun))?;
                begun += 1;
            }
            self.turn(&mut opening)?;
            deadline.check()?;
        }
        Ok(())
    }

    /// Writes.
    #[inline]
    pub(super) fn send(&mut self, client: usize, bytes: &[u8]) -> Result<(), Failure> {
        let Some(at) = &mut self.clients[client] else {
            return Ok(());
        };
        if let Err(error) = at.connection.send(bytes) {
            return Err(Closed::Broken(error).of(client));
        }
        Self::wait_for(&self.epoll, client, at)
    }

    /// Says goodbye; the client is closed when the server has said so, too.
    pub(super) fn leave(&mut self, client: usize) -> Result<(), Failure> {
        if let Some(at) = &mut self.clients[client] {
            at.connection
                .leave()
                .map_err(|error| Closed::Broken(error).of(client))?;
        }
        Ok(())
    }

    /// Does not read what comes for this client any more.
    pub(super) fn stall(&mut self, client: usize) -> Result<(), Failure> {
        if let Some(at) = &self.clients[client] {
            epoll::delete(&self.epoll, &at.connection)?;
        }
        Ok(())
    }

    /// Ends a connection without ado.
    pub(super) fn close(&mut self, client: usize) {
        if let Some(at) = self.clients[client].take() {
            at.connection.cut();
        }
    }

    /// Waits a moment for something to happen and handles all that did.
    pub(super) fn turn(&mut self, work: &mut impl Work) -> Result<(), Failure> {
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&MOMENT)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let (client, flags) = (event.data.u64() as usize, event.flags);
            if let Err(error) = self.handle(work, client, flags) {
                let Failure::Closed { client, why } = error else {
                    return Err(error);
                };
                self.clients[client] = None;
                work.closed(self, client, why)?;
            }
        }
        self.events = events;
        work.turn_ends(self)
    }

    #[inline]
    fn handle(&mut self, work: &mut impl Work, client: usize, flags: EventFlags) -> Result<(), Failure> {
        let Some(at) = &mut self.clients[client] else {
            return Ok(());
        };
        if at.connection.waits_to_write() {
            at.connection.begin(client, self.server, self.dialect)?;
            if let Err(error) = at.connection.flush() {
                return Err(Closed::Broken(error).of(client));
            }
            Self::wait_for(&self.epoll, client, at)?;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(());
        }
        let read = at
            .connection
            .read(client, self.dialect, &mut self.expected, &mut self.buffer)?;
        Self::wait_for(&self.epoll, client, at)?;
        match read {
            Read::Messages(messages) => work.received(self, client, messages),
            Read::Opened => work.opened(self, client),
            Read::Nothing => Ok(()),
        }
    }

    /// Waits for what the connection needs next.
    #[inline]
    fn wait_for(epoll: &OwnedFd, client: usize, at: &mut Client) -> Result<(), Failure> {
        let flags = match (at.connection.is_connecting(), at.connection.waits_to_write()) {
            (true, _) => EventFlags::OUT,
            (false, true) => EventFlags::IN | EventFlags::OUT,
            (false, false) => EventFlags::IN,
        };
        if flags != at.flags {
            at.flags = flags;
            epoll::modify(epoll, &at.connection, EventData::new_u64(client as u64), flags)?;
        }
        Ok(())
    }
}

/// Thousands of ports that wait for a minute would be missed in the next run.
impl Drop for Pool {
    fn drop(&mut self) {
        (0..self.clients.len()).for_each(|client| self.close(client));
    }
}

/// Counts who is connected.
struct Opening(usize);

impl Work for Opening {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        self.0 += 1;
        Ok(())
    }

    fn received(&mut self, _: &mut Pool, client: usize, _: usize) -> Result<(), Failure> {
        Err(Failure::Unexpected(
            client,
            "a message before anything was said".to_owned(),
        ))
    }
}

/// When something has to have come.
#[derive(Debug)]
pub(super) struct Deadline {
    what: String,
    within: Duration,
    started: Instant,
}

impl Deadline {
    pub(super) fn new(what: impl Into<String>, within: Duration) -> Self {
        Self {
            what: what.into(),
            within,
            started: Instant::now(),
        }
    }

    pub(super) fn restart(&mut self) {
        self.started = Instant::now();
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.started.elapsed() > self.within {
            return Err(Failure::Late(self.what.clone(), self.within.as_secs()));
        }
        Ok(())
    }
}

const EVENTS: usize = 1024;
const BUFFER: usize = 256 << 10;
/// Connections that are being opened at a time.
const CONNECTING: usize = 100;
const CONNECT: Duration = Duration::from_secs(20);
const MOMENT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
