//! `echo`: each client has requests open; an answer is replied to with the next one.

use super::connection::Expected;
use super::failure::Failure;
use super::options;
use super::pool::{Pool, Work};
use super::report::{Report, Window};
use super::run::{self, Endless};
use crate::frame::{TEXT, masked};
use crate::message::{MOST_UIDS, TEXT_BEGINS};

pub(super) fn run(options: &options::Echo) -> Result<Report, Failure> {
    let mut echo = Echo::new(options)?;
    let mut pool = Pool::new(&options.common, options.clients)?;
    pool.connect_all(0, |_| None)?;
    pool.expected = Expected::alike(TEXT_BEGINS);
    run::measure(&mut pool, &mut echo)?;
    Report::new("echo", "answers", options, echo.window.measured()?)
}

struct Echo {
    window: Window,
    in_flight: usize,
    /// The requests of all uids, twice, so that any run of them is one slice.
    requests: Vec<u8>,
    /// Bytes of one.
    size: usize,
    /// By client, the uid that is answered next.
    next: Vec<usize>,
    /// By client and uid, when it was sent.
    sent: Vec<u64>,
    is_stopping: bool,
    outstanding: u64,
}

impl Echo {
    fn new(options: &options::Echo) -> Result<Self, Failure> {
        let &options::Echo {
            clients,
            in_flight,
            size,
            ..
        } = options;
        if !(1..=MOST_UIDS).contains(&in_flight) || clients == 0 {
            let usage = format!("at least one client is needed, and 1 to {MOST_UIDS} requests in flight");
            return Err(Failure::Usage(usage));
        }
        let request = |uid| masked(TEXT, options.common.dialect.echo(uid, size).as_bytes());
        let requests: Vec<u8> = (0..in_flight).chain(0..in_flight).flat_map(request).collect();
        Ok(Self {
            window: Window::new(&options.common),
            in_flight,
            size: requests.len() / in_flight / 2,
            requests,
            next: vec![0; clients],
            sent: vec![0; clients * in_flight],
            is_stopping: false,
            outstanding: 0,
        })
    }
}

impl Endless for Echo {
    fn begin(&mut self, pool: &mut Pool) -> Result<(), Failure> {
        for client in 0..self.next.len() {
            let now = self.window.now();
            self.sent[client * self.in_flight..][..self.in_flight].fill(now);
            pool.send(client, &self.requests[..self.in_flight * self.size])?;
            self.outstanding += self.in_flight as u64;
        }
        Ok(())
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

impl Work for Echo {
    fn opened(&mut self, _: &mut Pool, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn received(&mut self, pool: &mut Pool, client: usize, messages: usize) -> Result<(), Failure> {
        if messages > self.in_flight {
            let what = format!("{messages} answers to {} requests", self.in_flight);
            return Err(Failure::Unexpected(client, what));
        }
        let now = self.window.now();
        let first = self.next[client];
        let sent = &mut self.sent[client * self.in_flight..][..self.in_flight];
        let mut uid = first;
        for _ in 0..messages {
            self.window.count(now - sent[uid]);
            sent[uid] = now;
            uid += 1;
            if uid == self.in_flight {
                uid = 0;
            }
        }
        self.next[client] = uid;
        if self.is_stopping {
            self.outstanding -= messages as u64;
            return Ok(());
        }
        let requests = &self.requests[first * self.size..][..messages * self.size];
        pool.send(client, requests)
    }
}
