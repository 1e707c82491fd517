//! Values to MessagePack and back.

use bytes::Bytes;
use rmp_serde::decode::ReadRefReader;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{EncodeError, Format, MAX_DEPTH, PayloadError, json, transcode};

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out.into())
}

pub(super) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map().with_human_readable();
    value.serialize(&mut serializer).map_err(|error| EncodeError::Value {
        format: Format::MessagePack,
        reason: error.to_string().into(),
    })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PayloadError> {
    T::deserialize(&mut reader(bytes)).or_else(|_| decode_with_path(bytes))
}

/// rmp-serde speaks of markers where serde_json says what was expected; a client should hear the same from either format.
#[cold]
fn decode_with_path<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PayloadError> {
    let error = match serde_path_to_error::deserialize::<_, T>(&mut reader(bytes)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut text = Vec::new();
    match transcode::to_json(bytes, &mut text).map(|()| json::decode::<T>(&json::text(&text))) {
        Ok(Err(plain)) => Err(plain),
        _ => Err(PayloadError::at(error.path(), &error.inner().to_string())),
    }
}

type Reader<'a> = rmp_serde::Deserializer<
    ReadRefReader<'a, [u8]>,
    rmp_serde::config::HumanReadableConfig<rmp_serde::config::DefaultConfig>,
>;

fn reader(bytes: &[u8]) -> Reader<'_> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    // It refuses the level at which its count comes to nothing.
    reader.set_max_depth(MAX_DEPTH + 1);
    reader
}
