//! Codecs of `tokio_util` as converters.

use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::connector::{ConvertError, Converter, Deserializer, Serializer, Written};

/// Makes a wire format of any [`Encoder`] and [`Decoder`]. How long a message may be is the codec's to say.
///
/// Each connection has an encoder and a decoder of its own. Messages are cloned for the encoder, because one that is not
/// sent comes back. What the decoder gives may be of another type, such as `BytesMut` where `Bytes` is the message.
///
/// ```
/// use bytes::Bytes;
/// use switchboard_wire::connector::{CodecConverter, Connector, Limits};
/// use tokio_util::codec::{LengthDelimitedCodec, LinesCodec};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lines = CodecConverter::<String, _, _>::new(|| LinesCodec::new_with_max_length(1024));
/// let frames = CodecConverter::<Bytes, _, _>::new(LengthDelimitedCodec::new);
/// let (lines, frames) = (Connector::new(lines, Limits::default()), Connector::new(frames, Limits::default()));
/// # }
/// ```
pub struct CodecConverter<M, E, D> {
    encoder: E,
    decoder: D,
    message: PhantomData<fn(M) -> M>,
}

impl<M, F: Clone> CodecConverter<M, F, F> {
    /// With codecs that this makes.
    pub fn new<C>(codec: F) -> Self
    where
        F: Fn() -> C,
    {
        Self::from_pair(codec.clone(), codec)
    }
}

impl<M, E, D> CodecConverter<M, E, D> {
    /// With encoders and decoders that these make.
    pub fn from_pair(encoder: E, decoder: D) -> Self {
        Self {
            encoder,
            decoder,
            message: PhantomData,
        }
    }
}

impl<M, E, D, Enc, Dec> Converter for CodecConverter<M, E, D>
where
    M: Clone + Send + 'static,
    E: Fn() -> Enc + Send + Sync + 'static,
    D: Fn() -> Dec + Send + Sync + 'static,
    Enc: Encoder<M, Error: Into<ConvertError>> + Send + 'static,
    Dec: Decoder<Item: Into<M>, Error: Into<ConvertError>> + Send + 'static,
{
    type Message = M;
    type Serializer = CodecSerializer<Enc>;
    type Deserializer = CodecDeserializer<Dec>;

    fn serializer(&self) -> CodecSerializer<Enc> {
        CodecSerializer((self.encoder)())
    }

    fn deserializer(&self) -> CodecDeserializer<Dec> {
        CodecDeserializer((self.decoder)())
    }
}

impl<M, E, D> fmt::Debug for CodecConverter<M, E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodecConverter").finish_non_exhaustive()
    }
}

/// Writes with an encoder; made by [`CodecConverter`].
#[derive(Debug)]
pub struct CodecSerializer<E>(E);

impl<M, E> Serializer<M> for CodecSerializer<E>
where
    M: Clone,
    E: Encoder<M, Error: Into<ConvertError>> + Send + 'static,
{
    fn poll_bytes(
        &mut self,
        _: &mut Context<'_>,
        message: &M,
        out: &mut BytesMut,
    ) -> Poll<Result<Written, ConvertError>> {
        let encoded = self.0.encode(message.clone(), out);
        Poll::Ready(encoded.map(|()| Written::Done).map_err(Into::into))
    }
}

/// Reads with a decoder; made by [`CodecConverter`].
#[derive(Debug)]
pub struct CodecDeserializer<D>(D);

impl<M, D> Deserializer<M> for CodecDeserializer<D>
where
    D: Decoder<Item: Into<M>, Error: Into<ConvertError>> + Send + 'static,
{
    fn poll_message(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<M>, ConvertError>> {
        let decoded = self.0.decode(input);
        Poll::Ready(decoded.map(|item| item.map(Into::into)).map_err(Into::into))
    }

    fn poll_last(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<Option<M>, ConvertError>> {
        let decoded = self.0.decode_eof(input);
        Poll::Ready(decoded.map(|item| item.map(Into::into)).map_err(Into::into))
    }
}
