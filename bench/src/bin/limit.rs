//! What a server could reach at best: a bare loop of system calls on one thread, which looks at nothing but frame headers.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::{Parser, ValueEnum};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::{Errno, read, write};
use rustix::net::SocketFlags;
use sha1::{Digest, Sha1};
use switchboard_bench::frame::{CLOSE, Header, push_unmasked_header, xor};
use switchboard_bench::serving;

#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// Who gets what is sent.
    #[arg(long, default_value = "echo")]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The sender.
    Echo,
    /// Everybody.
    Fanout,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { bind, mode } = Arguments::parse();
    let listener = TcpListener::bind(bind)?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, BACKLOG)?;
    serving::end_with_standard_input()?;
    serving::announce(listener.local_addr()?)?;
    Server::new(listener, mode)?.run()
}

struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    mode: Mode,
    connections: HashMap<u64, Connection>,
    next: u64,
}

struct Connection {
    socket: OwnedFd,
    is_open: bool,
    /// What was read of a handshake or a frame that is not whole.
    partial: Vec<u8>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
}

impl Server {
    fn new(listener: TcpListener, mode: Mode) -> Result<Self, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            mode,
            connections: HashMap::new(),
            next: LISTENER + 1,
        })
    }

    fn run(mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut events = Vec::with_capacity(1024);
        let mut buffer = vec![0; 64 << 10];
        let mut answers = Vec::new();
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Err(Errno::INTR) => continue,
                other => other?,
            };
            for event in events.drain(..) {
                let (id, flags) = (event.data.u64(), event.flags);
                if id == LISTENER {
                    self.accept()?;
                } else if self.serve(id, flags, &mut buffer, &mut answers).is_err() {
                    self.connections.remove(&id);
                }
            }
        }
    }

    fn accept(&mut self) -> Result<(), Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = match rustix::net::accept_with(&self.listener, flags) {
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::MFILE) => return Ok(()),
            other => other?,
        };
        rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
        epoll::add(&self.epoll, &socket, EventData::new_u64(self.next), EventFlags::IN)?;
        let connection = Connection {
            socket,
            is_open: false,
            partial: Vec::new(),
            unsent: Vec::new(),
        };
        self.connections.insert(self.next, connection);
        self.next += 1;
        Ok(())
    }

    fn serve(&mut self, id: u64, flags: EventFlags, buffer: &mut [u8], answers: &mut Vec<u8>) -> Result<(), Errno> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        if flags.contains(EventFlags::OUT) {
            let unsent = std::mem::take(&mut connection.unsent);
            connection.send(&self.epoll, id, &unsent)?;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(());
        }
        let count = match read(&connection.socket, &mut *buffer) {
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Ok(0) => return Err(Errno::PIPE),
            other => other?,
        };
        answers.clear();
        if !connection.is_open {
            connection.partial.extend_from_slice(&buffer[..count]);
            return connection.upgrade(&self.epoll, id);
        }
        let (used, is_closing);
        if connection.partial.is_empty() {
            (used, is_closing) = turn_around(&mut buffer[..count], answers)?;
            connection.partial.extend_from_slice(&buffer[used..count]);
        } else {
            connection.partial.extend_from_slice(&buffer[..count]);
            (used, is_closing) = turn_around(&mut connection.partial, answers)?;
            connection.partial.drain(..used);
        }
        if is_closing {
            connection.send(&self.epoll, id, answers)?;
            return Err(Errno::PIPE);
        }
        if answers.is_empty() {
            return Ok(());
        }
        match self.mode {
            Mode::Echo => connection.send(&self.epoll, id, answers),
            Mode::Fanout => {
                let epoll = &self.epoll;
                self.connections
                    .retain(|&id, connection| !connection.is_open || connection.send(epoll, id, answers).is_ok());
                Ok(())
            }
        }
    }
}

impl Connection {
    fn upgrade(&mut self, epoll: &OwnedFd, id: u64) -> Result<(), Errno> {
        let text = String::from_utf8_lossy(&self.partial);
        if !text.contains("\r\n\r\n") {
            return Ok(());
        }
        let key = text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
            .ok_or(Errno::PROTO)?;
        let accept = BASE64_STANDARD.encode(Sha1::digest(format!("{}{GUID}", key.1)));
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.partial.clear();
        self.is_open = true;
        self.send(epoll, id, answer.as_bytes())
    }

    fn send(&mut self, epoll: &OwnedFd, id: u64, bytes: &[u8]) -> Result<(), Errno> {
        let mut sent = 0;
        if self.unsent.is_empty() {
            sent = match write(&self.socket, bytes) {
                Err(Errno::AGAIN) => 0,
                other => other?,
            };
            if sent == bytes.len() {
                return Ok(());
            }
        }
        self.unsent.extend_from_slice(&bytes[sent..]);
        if self.unsent.len() > MOST_UNSENT {
            return Err(Errno::NOBUFS);
        }
        let flags = EventFlags::IN | EventFlags::OUT;
        epoll::modify(epoll, &self.socket, EventData::new_u64(id), flags)
    }
}

/// Makes frames of a server out of all whole frames of a client; says how many bytes they were, and whether it closes.
fn turn_around(bytes: &mut [u8], answers: &mut Vec<u8>) -> Result<(usize, bool), Errno> {
    let (mut used, mut is_closing) = (0, false);
    while let Some(header) = Header::parse(&bytes[used..]) {
        let start = used + header.size;
        let end = start + header.length as usize;
        let Some(payload) = bytes.get_mut(start..end) else {
            break;
        };
        let mask = header.mask.ok_or(Errno::PROTO)?;
        push_unmasked_header(answers, header.opcode, payload.len());
        let at = answers.len();
        answers.extend_from_slice(payload);
        xor(&mut answers[at..], mask);
        used = end;
        is_closing |= header.opcode == CLOSE;
    }
    Ok((used, is_closing))
}

const LISTENER: u64 = 0;
const BACKLOG: i32 = 4096;
const MOST_UNSENT: usize = 1 << 20;
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
