//! A stream that a test holds both ends of, and a converter that does as each message says.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use switchboard_wire::connection::Stream;
use switchboard_wire::connector::{
    Connection, Connector, ConvertError, Converter, Deserializer, Event, Limits, Serializer, Written,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The test's end of a stream. What the connector writes is taken as far as there is room.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: Vec<u8>,
    room: usize,
    incoming: VecDeque<u8>,
    has_ended: bool,
    is_cut: bool,
    is_shut: bool,
    is_dropped: bool,
    wakers: Vec<Waker>,
}

impl Pipe {
    pub(crate) fn with_room(bytes: usize) -> Self {
        let pipe = Self::default();
        pipe.lock().room = bytes;
        pipe
    }

    /// For the connector.
    pub(crate) fn stream(&self) -> Stream {
        Stream::new(End(self.clone()))
    }

    /// Takes so many more bytes.
    pub(crate) fn take(&self, bytes: usize) {
        self.change(|state| state.room = state.room.saturating_add(bytes));
    }

    /// Sends something to the connector.
    pub(crate) fn feed(&self, bytes: &[u8]) {
        self.change(|state| state.incoming.extend(bytes));
    }

    /// The peer says that it has sent all.
    pub(crate) fn end(&self) {
        self.change(|state| state.has_ended = true);
    }

    pub(crate) fn has_ended(&self) -> bool {
        let state = self.lock();
        state.has_ended || state.is_cut || state.is_dropped
    }

    /// The connection is lost.
    pub(crate) fn cut(&self) {
        self.change(|state| state.is_cut = true);
    }

    /// All that the connector has written.
    pub(crate) fn taken(&self) -> Vec<u8> {
        self.lock().taken.clone()
    }

    /// Bytes that the connector has not read.
    pub(crate) fn unread(&self) -> usize {
        self.lock().incoming.len()
    }

    /// The connector has said that it writes no more.
    pub(crate) fn is_shut(&self) -> bool {
        self.lock().is_shut
    }

    /// The connector has let go of it.
    pub(crate) fn is_dropped(&self) -> bool {
        self.lock().is_dropped
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.lock();
            change(&mut state);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// The connector's end.
struct End(Pipe);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().is_dropped = true;
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.incoming.is_empty() {
            if state.is_cut {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if state.has_ended {
                return Poll::Ready(Ok(()));
            }
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes = state.incoming.len().min(buffer.remaining());
        let bytes: Vec<u8> = state.incoming.drain(..bytes).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.is_cut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = state.room.min(bytes.len());
        if taken == 0 {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.room -= taken;
        state.taken.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().is_shut = true;
        Poll::Ready(Ok(()))
    }
}

/// A message: on the wire its number, its size, and so many bytes; `HEADER` bytes more than its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) number: u32,
    pub(crate) size: u16,
    pub(crate) manner: Manner,
}

pub(crate) const HEADER: usize = 6;

/// How a parcel behaves when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All at once.
    Whole,
    /// In pieces of so many bytes.
    Pieces(u16),
    /// Byte by byte, and it waits before each.
    Slow,
    /// It waits for ever after so many bytes.
    Stuck(u16),
    /// It cannot be written, which shows after so many bytes.
    Bad(u16),
    /// It panics after so many bytes.
    Panic(u16),
}

impl Parcel {
    pub(crate) fn new(number: u32, size: u16) -> Self {
        let manner = Manner::Whole;
        Self { number, size, manner }
    }

    pub(crate) fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_u32(self.number);
        bytes.put_u16(self.size);
        bytes.resize(HEADER + usize::from(self.size), self.number as u8);
        bytes
    }
}

/// Sends and receives parcels.
#[derive(Clone, Default)]
pub(crate) struct Parcels(pub(crate) Arc<Asked>);

/// What was asked of the converter.
#[derive(Default)]
pub(crate) struct Asked {
    /// Bytes that serializers have given.
    pub(crate) given: AtomicUsize,
    /// Bytes that deserializers have seen at once, at most.
    pub(crate) seen: AtomicUsize,
    /// Deserializers wait before they give a message while this is not 0.
    pub(crate) hold: AtomicUsize,
    pub(crate) held: Mutex<Vec<Waker>>,
}

impl Asked {
    pub(crate) fn release(&self) {
        self.hold.store(0, Ordering::SeqCst);
        std::mem::take(&mut *self.held.lock().unwrap())
            .into_iter()
            .for_each(Waker::wake);
    }
}

impl Converter for Parcels {
    type Message = Parcel;
    type Serializer = Out;
    type Deserializer = In;

    fn serializer(&self) -> Out {
        Out {
            asked: Arc::clone(&self.0),
            given: 0,
            has_waited: false,
        }
    }

    fn deserializer(&self) -> In {
        In(Arc::clone(&self.0))
    }

    fn weight(&self, message: &Parcel) -> usize {
        usize::from(message.size)
    }
}

pub(crate) struct Out {
    asked: Arc<Asked>,
    given: usize,
    has_waited: bool,
}

impl Serializer<Parcel> for Out {
    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        message: &Parcel,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        assert!(out.is_empty(), "a piece of its own");
        let bytes = message.bytes();
        let rest = &bytes[self.given..];
        let piece = match message.manner {
            Manner::Whole => rest.len(),
            Manner::Pieces(size) => usize::from(size.max(1)),
            Manner::Slow if !self.has_waited => {
                self.has_waited = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Manner::Slow => 1,
            Manner::Stuck(at) | Manner::Bad(at) | Manner::Panic(at) if self.given < bytes.len().min(at.into()) => {
                usize::from(at) - self.given
            }
            Manner::Stuck(_) => return Poll::Pending,
            Manner::Bad(_) => {
                self.given = 0;
                out.extend_from_slice(b"to be forgotten");
                return Poll::Ready(Err("a bad parcel".into()));
            }
            Manner::Panic(_) => panic!("{PLANNED}"),
        };
        let piece = &rest[..piece.min(rest.len())];
        out.extend_from_slice(piece);
        self.has_waited = false;
        self.given += piece.len();
        self.asked.given.fetch_add(piece.len(), Ordering::SeqCst);
        let is_done = self.given == bytes.len() && !matches!(message.manner, Manner::Bad(_) | Manner::Panic(_));
        Poll::Ready(Ok(if is_done {
            self.given = 0;
            Written::Done
        } else {
            Written::More
        }))
    }
}

pub(crate) struct In(Arc<Asked>);

impl Deserializer<Parcel> for In {
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<Option<Parcel>, ConvertError>> {
        self.0.seen.fetch_max(input.len(), Ordering::SeqCst);
        if input.len() < HEADER {
            return Poll::Ready(Ok(None));
        }
        let (number, size) = ((&input[..4]).get_u32(), (&input[4..6]).get_u16());
        match number {
            UNREADABLE => return Poll::Ready(Err("an unreadable parcel".into())),
            PANICKING => panic!("{PLANNED}"),
            _ if input.len() < HEADER + usize::from(size) => return Poll::Ready(Ok(None)),
            _ => {}
        }
        if self.0.hold.load(Ordering::SeqCst) > 0 {
            self.0.held.lock().unwrap().push(cx.waker().clone());
            return Poll::Pending;
        }
        input.advance(HEADER + usize::from(size));
        Poll::Ready(Ok(Some(Parcel::new(number, size))))
    }
}

/// Numbers of parcels that a peer should not send.
pub(crate) const UNREADABLE: u32 = u32::MAX;
pub(crate) const PANICKING: u32 = u32::MAX - 1;

/// What a panic says that is part of a test, and is not printed.
pub(crate) const PLANNED: &str = "a panic as planned";

/// Keeps panics that are planned out of the output.
pub(crate) fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(PLANNED) {
                usual(panic);
            }
        }));
    });
}

pub(crate) fn connector(limits: Limits) -> Connector<Parcels> {
    Connector::new(Parcels::default(), limits)
}

/// A connection over this pipe, connected.
pub(crate) async fn adopted(connector: &Connector<Parcels>, pipe: &Pipe) -> Connection {
    let connection = connector.adopt(pipe.stream()).unwrap();
    let event = next(connector).await;
    let Event::FinishConnect {
        connection: connected,
        result: Ok(()),
        queued,
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((connected, queued), (connection, vec![]));
    connection
}

pub(crate) async fn next<C: Converter<Message: std::fmt::Debug>>(connector: &Connector<C>) -> Event<C::Message> {
    let event = tokio::time::timeout(PATIENCE, connector.recv()).await;
    event.expect("an event").expect("not the end")
}

/// Lets every task run until it has nothing to do. Only for a paused clock: it moves when all wait.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Numbers, for comparing.
pub(crate) fn numbers<'a>(parcels: impl IntoIterator<Item = &'a Parcel>) -> Vec<u32> {
    parcels.into_iter().map(|parcel| parcel.number).collect()
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LONG: Duration = Duration::from_secs(3600);
