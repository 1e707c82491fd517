//! The mixing desk and the other clients of the same server. Each client says what it accepts: the page `mixer/*`, a screen
//! that shows what a decoder decodes `decoder/*`.

#![allow(clippy::needless_pass_by_value, reason = "a controller is given what it takes")]

use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};
use switchboard::Binary;
use switchboard::prelude::*;

/// The mixer, before it is told where to listen.
pub(crate) fn server() -> Server {
    Server::new().state(Mixer::default())
}

/// Turns a channel up, once: the answer goes to the client that asked, and the same value moves everyone else's fader.
#[silent("mixer/volume_up")]
#[send_all("mixer/volume_up", except_sender, reply = "mixer/level")]
fn increase_volume(Payload(strip): Payload<Strip>, mixer: State<Mixer>) -> Result<Level, Error> {
    mixer.change(strip.channel, |level| level.saturating_add(STEP).min(LOUDEST))
}

/// Turns a channel down, the same way.
#[silent("mixer/volume_down")]
#[send_all("mixer/volume_down", except_sender, reply = "mixer/level")]
fn decrease_volume(Payload(strip): Payload<Strip>, mixer: State<Mixer>) -> Result<Level, Error> {
    mixer.change(strip.channel, |level| level.saturating_sub(STEP))
}

/// Another controller of the same messages: it runs beside the others and has nothing to answer.
#[silent(regex = r"mixer/volume_(?<direction>up|down)")]
fn log_change(Params(direction): Params<Direction>, client: Client) {
    tracing::info!(client = %client.id(), ?direction, "the volume is turned");
}

/// The levels of all channels.
#[silent("mixer/levels")]
fn levels(mixer: State<Mixer>) -> Vec<Level> {
    (1..)
        .zip(&mixer.levels)
        .map(|(channel, level)| Level {
            channel,
            level: level.load(Ordering::Relaxed),
        })
        .collect()
}

/// A decoded frame, for everyone who accepts it.
#[send_all("decoder/frame")]
fn frame(Payload(frame): Payload<Frame>) -> Frame {
    frame
}

/// The levels of channels 1 to 4, from 0 to [`LOUDEST`] in steps of [`STEP`].
#[derive(Debug)]
struct Mixer {
    levels: [AtomicU8; 4],
}

impl Mixer {
    fn change(&self, channel: i64, step: impl Fn(u8) -> u8) -> Result<Level, Error> {
        let index = usize::try_from(channel).ok().and_then(|channel| channel.checked_sub(1));
        let Some(level) = index.and_then(|index| self.levels.get(index)) else {
            let message = format!(
                "there is no channel {channel}: choose one from 1 to {}",
                self.levels.len()
            );
            return Err(Error::new("no_such_channel", message));
        };
        let before = level.update(Ordering::Relaxed, Ordering::Relaxed, &step);
        Ok(Level {
            channel,
            level: step(before),
        })
    }
}

impl Default for Mixer {
    fn default() -> Self {
        Self {
            levels: [const { AtomicU8::new(FIRST) }; 4],
        }
    }
}

#[derive(Debug, Deserialize)]
struct Strip {
    channel: i64,
}

#[derive(Debug, Serialize)]
struct Level {
    channel: i64,
    level: u8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Up,
    Down,
}

/// One frame of a film: its number and its bytes, which are a base64 string in JSON.
#[derive(Debug, Deserialize, Serialize)]
struct Frame {
    n: u64,
    data: Binary,
}

const FIRST: u8 = 50;
const STEP: u8 = 5;
const LOUDEST: u8 = 100;
