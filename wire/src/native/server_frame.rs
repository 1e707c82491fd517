//! What a client reads.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::payload::MAX_DEPTH;
use crate::payload::scan::{self, Scanner};
use crate::payload::tokens::{self, Token, Tokens};
use crate::{Error, PayloadError, RawPayload, Receipt, Text, Uid, Unit};

/// One unit from the server, as a client reads it: a delivery, or an answer where it has a `uid`.
///
/// ```
/// use switchboard_wire::native::ServerFrame;
/// use switchboard_wire::{Uid, Unit};
///
/// let frame = ServerFrame::parse(Unit::Text(r#"{"name":"mixer/level","uid":7,"payload":55}"#)).unwrap();
/// assert_eq!(frame.uid, Some(Uid::Integer(7)));
/// assert_eq!(frame.payload.unwrap().decode::<u8>().unwrap(), 55);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerFrame {
    /// The name it travels under; absent from an error whose message had none that could be read.
    pub name: Option<Text>,
    /// The request that it answers.
    pub uid: Option<Uid>,
    /// The mailbox that a delivery came through.
    pub mailbox: Option<Text>,
    /// The value.
    pub payload: Option<RawPayload>,
    /// Why the request, or one controller of it, failed.
    pub error: Option<Error>,
    /// Whether the request is still open.
    pub more: bool,
    /// Where the message went, for who asked.
    pub receipt: Option<Receipt>,
}

/// A unit from the server that a client cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It is not one object in JSON or MessagePack.
    #[error("not a frame: {0}")]
    Broken(Box<str>),
    /// A key of it does not hold what it must.
    #[error("`{key}` of the frame: {error}")]
    Field {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        error: PayloadError,
    },
}

impl ServerFrame {
    /// Reads a unit: text as JSON, bytes as MessagePack. Unknown keys are ignored; of equal keys the last counts.
    ///
    /// # Errors
    ///
    /// Where the unit is no frame.
    pub fn parse(unit: Unit<'_>) -> Result<Self, FrameError> {
        let mut frame = Self::default();
        match unit {
            Unit::Text(text) => frame.read_json(text)?,
            Unit::Binary(bytes) => frame.read_message_pack(bytes)?,
        }
        Ok(frame)
    }

    /// Whether it settles the request whose uid it carries.
    pub fn settles(&self) -> bool {
        self.uid.is_some() && !self.more
    }

    fn read_json(&mut self, text: &str) -> Result<(), FrameError> {
        let whole = Text::from(text);
        let mut scanner = Scanner::new(&whole);
        scanner.whitespace();
        if scanner.peek() != Some(b'{') {
            return Err(scanner.expected("`{`").into());
        }
        let mut more = scanner.open(b'}');
        while more {
            let key = scanner.key()?.unescape();
            let value = scanner.skip(MAX_DEPTH)?;
            self.set(&key, RawPayload::trusted_json(whole.piece(value)))?;
            more = scanner.more(b'}')?;
        }
        Ok(scanner.end()?)
    }

    fn read_message_pack(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let whole = Bytes::copy_from_slice(bytes);
        let mut tokens = Tokens::new(&whole);
        let Token::Map(entries) = tokens.token()? else {
            return Err(FrameError::Broken("expected a map".into()));
        };
        for _ in 0..entries {
            let key = tokens.clone().token()?;
            tokens.skip(MAX_DEPTH)?;
            let value = tokens.skip(MAX_DEPTH)?;
            if let Token::Str(key) = key {
                let value = RawPayload::trusted_message_pack(whole.slice_ref(value));
                self.set(key, value)?;
            }
        }
        Ok(tokens.end()?)
    }

    fn set(&mut self, key: &str, value: RawPayload) -> Result<(), FrameError> {
        match key {
            "name" => self.name = field::<Option<String>>("name", &value)?.map(Text::from),
            "uid" => self.uid = field::<Option<WireUid>>("uid", &value)?.map(WireUid::into),
            "mailbox" => self.mailbox = field::<Option<String>>("mailbox", &value)?.map(Text::from),
            "payload" => self.payload = Some(value),
            "error" => self.error = field::<Option<WireError>>("error", &value)?.map(WireError::into),
            "more" => self.more = field("more", &value)?,
            "receipt" => {
                self.receipt = field::<Option<WireReceipt>>("receipt", &value)?.map(WireReceipt::into);
            }
            _ => {}
        }
        Ok(())
    }
}

fn field<T: DeserializeOwned>(key: &'static str, value: &RawPayload) -> Result<T, FrameError> {
    value.decode().map_err(|error| FrameError::Field { key, error })
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or an integer")]
enum WireUid {
    Integer(i64),
    Text(String),
}

impl From<WireUid> for Uid {
    fn from(uid: WireUid) -> Self {
        match uid {
            WireUid::Integer(uid) => Self::Integer(uid),
            WireUid::Text(uid) => Self::Text(uid.into()),
        }
    }
}

#[derive(Deserialize)]
struct WireError {
    code: String,
    message: String,
    details: Option<Value>,
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        let plain = Self::new(error.code, error.message);
        match error.details {
            Some(details) => plain.with_details(details),
            None => plain,
        }
    }
}

#[derive(Deserialize)]
struct WireReceipt {
    matched: u32,
    failed: u32,
    delivered: u32,
    dropped: u32,
}

impl From<WireReceipt> for Receipt {
    fn from(receipt: WireReceipt) -> Self {
        Self {
            matched: receipt.matched,
            failed: receipt.failed,
            delivered: receipt.delivered,
            dropped: receipt.dropped,
        }
    }
}

impl From<scan::Fault> for FrameError {
    fn from(fault: scan::Fault) -> Self {
        Self::Broken(fault.to_string().into())
    }
}

impl From<tokens::Fault> for FrameError {
    fn from(fault: tokens::Fault) -> Self {
        Self::Broken(fault.to_string().into())
    }
}
