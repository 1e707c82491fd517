//! How long bytes take to become messages, and messages bytes. `cargo bench -p switchboard-bench --bench wire`
//!
//! Sizes are those of the whole message as JSON; in MessagePack the same message is a few bytes shorter.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use switchboard::wire::native::{self, Json, MessagePack};
use switchboard::wire::websocket::{Decoder, DecoderLimits, Event, FrameHeader, Input, Opcode, Role};
use switchboard::wire::{Dialect, End, Format, Formats, Frame, ReadLimits, Ticket, Unit};
use switchboard::{Message, RawPayload, Uid};

criterion_group!(benches, frames, envelopes, payloads, answers, deliveries);
criterion_main!(benches);

/// A frame of a client to the event that it is.
fn frames(criterion: &mut Criterion) {
    let limits = DecoderLimits::default();
    let mut decoder = Decoder::new(Role::Server);
    each(criterion, "frame", |bencher, sample| {
        let opcode = match sample.format {
            Format::Json => Opcode::Text,
            Format::MessagePack => Opcode::Binary,
        };
        // This key changes nothing, so that the same bytes can be unmasked again and again.
        let mut frame = FrameHeader::new(opcode, sample.unit.len()).with_mask([0; 4]).to_vec();
        frame.extend_from_slice(&sample.unit);
        bencher.iter(|| {
            let mut input = Input::new(black_box(&mut frame));
            match decoder.next(&mut input, &limits) {
                Ok(Some(Event::Text(text))) => text.len(),
                Ok(Some(Event::Binary(bytes))) => bytes.len(),
                other => panic!("this is a whole message, not {other:?}"),
            }
        });
    });
}

/// A unit to the message with its ticket.
fn envelopes(criterion: &mut Criterion) {
    let limits = ReadLimits { depth: 64 };
    each(criterion, "envelope", |bencher, sample| {
        let dialect = sample.dialect();
        bencher.iter(|| {
            dialect
                .read(black_box(sample.as_unit()), &limits)
                .expect("it is a message")
        });
    });
}

/// A payload to the struct that a controller takes.
fn payloads(criterion: &mut Criterion) {
    each(criterion, "payload", |bencher, sample| {
        let incoming = sample.dialect().read(sample.as_unit(), &ReadLimits { depth: 64 });
        let message = incoming.expect("it is a message").message;
        let payload = message.payload().expect("it has a payload");
        bencher.iter(|| black_box(payload).decode::<Line>().expect("it is a line"));
    });
}

/// What a controller returned to the frame that answers the one who asked.
fn answers(criterion: &mut Criterion) {
    let ticket = Ticket::new(Some(UID), false);
    each(criterion, "answer", |bencher, sample| {
        let mut out = Vec::new();
        bencher.iter(|| {
            let payload = sample.payload();
            let answer = Frame::Answer {
                ticket: &ticket,
                name: NAME,
                payload: Some(&payload),
                end: End::Final(None),
            };
            sample.encode(&answer, &mut out)
        });
    });
}

/// What a controller returned to the frame that a mailbox hears.
fn deliveries(criterion: &mut Criterion) {
    each(criterion, "delivery", |bencher, sample| {
        let mut out = Vec::new();
        bencher.iter(|| {
            let payload = sample.payload();
            let delivery = Frame::Delivery {
                name: NAME,
                mailbox: Some("rooms/lobby"),
                payload: Some(&payload),
            };
            sample.encode(&delivery, &mut out)
        });
    });
}

/// Runs a benchmark for every format and size.
fn each(criterion: &mut Criterion, name: &str, mut run: impl FnMut(&mut criterion::Bencher<'_>, &Sample)) {
    let mut group: BenchmarkGroup<'_, _> = criterion.benchmark_group(name);
    for format in [Format::Json, Format::MessagePack] {
        for size in [64, 1024] {
            let sample = Sample::new(format, size);
            group.throughput(Throughput::Bytes(sample.unit.len() as u64));
            let label = match format {
                Format::Json => "json",
                Format::MessagePack => "msgpack",
            };
            group.bench_function(BenchmarkId::new(label, size), |bencher| run(bencher, &sample));
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Line {
    text: String,
}

/// One message, as a value and as it travels.
struct Sample {
    format: Format,
    line: Line,
    unit: Vec<u8>,
}

impl Sample {
    fn new(format: Format, size: usize) -> Self {
        let bare = unit(&Line { text: String::new() }, Format::Json).len();
        let line = Line {
            text: "x".repeat(size - bare),
        };
        let unit = unit(&line, format);
        Self { format, line, unit }
    }

    fn dialect(&self) -> &'static dyn Dialect {
        match self.format {
            Format::Json => &Json,
            Format::MessagePack => &MessagePack,
        }
    }

    fn as_unit(&self) -> Unit<'_> {
        match self.format {
            Format::Json => Unit::Text(std::str::from_utf8(&self.unit).expect("JSON is text")),
            Format::MessagePack => Unit::Binary(&self.unit),
        }
    }

    fn payload(&self) -> RawPayload {
        RawPayload::encode(black_box(&self.line), self.format.into()).expect("it can be encoded")
    }

    /// Writes a frame into a buffer that is used again: the unit, and the header before it. Says how long they are.
    fn encode(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> usize {
        out.clear();
        self.dialect().write(black_box(frame), out).expect("it can be written");
        let header = FrameHeader::new(Opcode::Text, black_box(&*out).len());
        black_box(header).len() + out.len()
    }
}

fn unit(line: &Line, format: Format) -> Vec<u8> {
    let payload = RawPayload::encode(line, Formats::from(format)).expect("it can be encoded");
    let message = Message::new(NAME).with_uid(Some(UID)).with_payload(payload);
    let mut unit = Vec::new();
    native::write_message(&message, false, format, &mut unit).expect("it can be written");
    unit
}

const NAME: &str = "bench/echo";
const UID: Uid = Uid::Integer(123_456);
