//! One client's socket: the way to an open WebSocket, reading and writing.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::{Errno, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::failure::{Closed, Failure};
use crate::deframe::{Deframer, Frame};
use crate::frame::{CLOSE, PING, PONG, TEXT, masked};
use crate::message::Dialect;

/// One client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    stage: Stage,
    deframer: Deframer,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    /// What is to be said about the connection itself.
    control: Vec<u8>,
    /// We have said goodbye.
    is_leaving: bool,
    /// What the server said to that.
    farewell: Option<Closed>,
}

/// How far a connection is.
#[derive(Debug)]
enum Stage {
    Connecting,
    /// The response as far as it was read.
    Upgrading(Vec<u8>),
    /// Socket.IO's server has to begin.
    Greeting,
    /// Socket.IO's server has to let us in.
    Joining,
    Open,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// As many messages.
    Messages(usize),
    /// The connection can be used from now on.
    Opened,
    /// Nothing that concerns anybody.
    Nothing,
}

/// What messages have to look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// What is in each of them.
    has: &'static str,
    length: Length,
}

/// How long messages are.
#[derive(Clone, Copy, Debug)]
enum Length {
    Any,
    /// The first will tell.
    Unknown,
    Known(u64),
}

impl Connection {
    /// Begins to connect; there is something to write when it has.
    pub(super) fn connect(client: usize, server: SocketAddrV4, receive_buffer: Option<usize>) -> Result<Self, Failure> {
        let from = source(client);
        let connect = || {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
            sockopt::set_tcp_nodelay(&socket, true)?;
            if let Some(bytes) = receive_buffer {
                sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
            }
            rustix::net::bind(&socket, &SocketAddrV4::new(from, 0))?;
            match rustix::net::connect(&socket, &server) {
                Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
                Err(error) => Err(error),
            }
        };
        let socket = connect().map_err(|error| Failure::Connect { client, from, error })?;
        Ok(Self {
            socket,
            stage: Stage::Connecting,
            deframer: Deframer::default(),
            unsent: Vec::new(),
            control: Vec::new(),
            is_leaving: false,
            farewell: None,
        })
    }

    /// Asks for the upgrade, now that the connection stands or has failed.
    pub(super) fn begin(&mut self, client: usize, server: SocketAddrV4, dialect: Dialect) -> Result<(), Failure> {
        if !self.is_connecting() {
            return Ok(());
        }
        sockopt::socket_error(&self.socket)?.map_err(|error| Failure::Connect {
            client,
            from: source(client),
            error,
        })?;
        self.stage = Stage::Upgrading(Vec::new());
        let path = dialect.path();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        Ok(self.send(request.as_bytes())?)
    }

    /// Takes in what is there.
    pub(super) fn read(
        &mut self,
        client: usize,
        dialect: Dialect,
        expected: &mut Expected,
        buffer: &mut [u8],
    ) -> Result<Read, Failure> {
        let count = match read(&self.socket, &mut *buffer) {
            Ok(0) => return Err(self.farewell.take().unwrap_or(Closed::End).of(client)),
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Read::Nothing),
            Err(error) => return Err(self.farewell.take().unwrap_or(Closed::Broken(error)).of(client)),
        };
        let mut bytes = &buffer[..count];
        let was_open = self.is_open();
        if let Stage::Upgrading(response) = &mut self.stage {
            let before = response.len();
            response.extend_from_slice(bytes);
            let Some(end) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(Read::Nothing);
            };
            if !response.starts_with(b"HTTP/1.1 101 ") || !contains(response, ACCEPT) {
                let response = String::from_utf8_lossy(response).into_owned();
                return Err(Failure::Upgrade(client, response));
            }
            bytes = &bytes[end + 4 - before..];
            self.stage = match dialect {
                Dialect::Native => Stage::Open,
                Dialect::SocketIo => Stage::Greeting,
            };
        }
        let mut messages = 0;
        // Apart, because the deframer is borrowed while it tells.
        let mut deframer = std::mem::take(&mut self.deframer);
        let told = deframer.feed(bytes, |frame| {
            if frame.header.ends_message() && frame.header.length > SHORT && self.is_open() {
                messages += 1;
                return expected.check(client, &frame);
            }
            self.control(client, dialect, &frame)
        });
        self.deframer = deframer;
        told?;
        if !self.control.is_empty() {
            let control = std::mem::take(&mut self.control);
            self.send(&control)?;
        }
        Ok(match self.is_open() {
            // Who has just been let in may hear of what it knows nothing about.
            true if !was_open => Read::Opened,
            _ if messages > 0 => Read::Messages(messages),
            _ => Read::Nothing,
        })
    }

    /// What is no message of the work.
    #[cold]
    fn control(&mut self, client: usize, dialect: Dialect, frame: &Frame<'_>) -> Result<(), Failure> {
        let payload = frame.payload.unwrap_or_default();
        match (frame.header.opcode, dialect, &self.stage) {
            (PING, ..) => self.control.extend(masked(PONG, payload)),
            (PONG, ..) => {}
            (CLOSE, ..) => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                let closed = Closed::Frame { code, reason };
                if !self.is_leaving {
                    return Err(closed.of(client));
                }
                self.farewell = Some(closed);
            }
            (TEXT, Dialect::SocketIo, _) if payload == b"2" => self.control.extend(masked(TEXT, b"3")),
            (TEXT, Dialect::SocketIo, Stage::Greeting) if payload.starts_with(b"0") => {
                self.control.extend(masked(TEXT, b"40"));
                self.stage = Stage::Joining;
            }
            (TEXT, Dialect::SocketIo, Stage::Joining) if payload.starts_with(b"40") => self.stage = Stage::Open,
            // The beginning of a message in several frames.
            _ if !frame.header.is_last && !frame.header.is_control() => {}
            _ => return Err(Failure::Unexpected(client, shown(frame))),
        }
        Ok(())
    }

    /// Says goodbye. The server is to end the connection then.
    pub(super) fn leave(&mut self) -> Result<(), Errno> {
        self.is_leaving = true;
        self.send(&masked(CLOSE, &1000u16.to_be_bytes()))
    }

    /// Will end without ado: the port can be used again at once.
    pub(super) fn cut(&self) {
        // Where that cannot be set, the port waits.
        let _ = sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// Writes, or keeps for later what the socket does not take.
    #[inline]
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let mut sent = 0;
        if self.unsent.is_empty() {
            sent = match write(&self.socket, bytes) {
                Err(Errno::AGAIN | Errno::INTR) => 0,
                other => other?,
            };
        }
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Writes what was kept.
    pub(super) fn flush(&mut self) -> Result<(), Errno> {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent)?;
        }
        Ok(())
    }

    pub(super) fn is_connecting(&self) -> bool {
        matches!(self.stage, Stage::Connecting)
    }

    /// Whether something is to be written when the socket can take it.
    #[inline]
    pub(super) fn waits_to_write(&self) -> bool {
        self.is_connecting() || !self.unsent.is_empty()
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Expected {
    /// All have this in them and are of one length.
    pub(super) fn alike(has: &'static str) -> Self {
        let length = Length::Unknown;
        Self { has, length }
    }

    /// None is an error.
    pub(super) fn any() -> Self {
        let (has, length) = ("", Length::Any);
        Self { has, length }
    }

    #[inline]
    fn check(&mut self, client: usize, frame: &Frame<'_>) -> Result<(), Failure> {
        match self.length {
            Length::Known(length) if length == frame.header.length => Ok(()),
            _ => self.look_into(client, frame),
        }
    }

    #[cold]
    fn look_into(&mut self, client: usize, frame: &Frame<'_>) -> Result<(), Failure> {
        let is_good = |payload| contains(payload, self.has.as_bytes()) && !contains(payload, b"\"error\"");
        if matches!(self.length, Length::Known(_)) || !frame.payload.is_none_or(is_good) {
            return Err(Failure::Unexpected(client, shown(frame)));
        }
        if matches!(self.length, Length::Unknown) {
            self.length = Length::Known(frame.header.length);
        }
        Ok(())
    }
}

/// Where a client connects from: one address has only so many ports, and a server may let in only so many of it.
pub(super) fn source(client: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST_SOURCE.to_bits() + (client / PER_SOURCE) as u32)
}

fn shown(frame: &Frame<'_>) -> String {
    match frame.payload {
        Some(payload) => {
            let text = String::from_utf8_lossy(payload);
            let shown: String = text.chars().take(300).collect();
            format!("{shown:?} (opcode {})", frame.header.opcode)
        }
        None => format!("{} bytes with opcode {}", frame.header.length, frame.header.opcode),
    }
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    what.is_empty() || text.windows(what.len()).any(|window| window == what)
}

const FIRST_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PER_SOURCE: usize = 1500;
/// What answers the key of [`Connection::begin`].
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// No message of the work is this short, but each of Engine.IO's own is.
const SHORT: u64 = 3;
