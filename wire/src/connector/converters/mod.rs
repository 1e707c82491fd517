//! Wire formats that come along.

mod codec;
mod file;
mod float;
mod primitive;
mod string;

pub use codec::{CodecConverter, CodecDeserializer, CodecSerializer};
pub use file::{FileConverter, FileDeserializer, FileError, FileMessage, FileSerializer};
pub use primitive::{BoolConverter, FloatConverter, IntConverter, PrimitiveError};
pub use string::{StringConverter, StringDeserializer, StringSerializer};
