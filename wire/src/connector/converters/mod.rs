//! Wire formats that come along.

mod float;
mod primitive;
mod string;

pub use primitive::{BoolConverter, FloatConverter, IntConverter, PrimitiveError};
pub use string::StringConverter;
