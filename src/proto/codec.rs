//! The codec of every service: prost's, with buffers for small messages. tonic's own begins with 8 KiB for each message
//! in each direction, of which questions and answers need a few hundred bytes.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::{ProstCodec, ProstDecoder};

/// Bytes that a buffer begins with: most questions and answers fit.
const BUFFER: usize = 256;
/// Bytes of a stream's messages that are sent together.
const TOGETHER: usize = 32 * 1024;

/// Reads `U` and writes `T`.
#[derive(Debug, Clone)]
pub struct LeanCodec<T, U>(PhantomData<(T, U)>);

/// Writes `T`.
#[derive(Debug, Clone)]
pub struct LeanEncoder<T>(PhantomData<T>);

impl<T, U> Default for LeanCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

fn settings() -> BufferSettings {
    BufferSettings::new(BUFFER, TOGETHER)
}

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Codec for LeanCodec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = LeanEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> LeanEncoder<T> {
        LeanEncoder(PhantomData)
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstCodec::<T, U>::raw_decoder(settings())
    }
}

impl<T: Message> Encoder for LeanEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // At once what is needed: a large message would grow its buffer step by step.
        into.reserve(item.encoded_len());
        item.encode(into).map_err(|error| Status::internal(format!("the answer could not be written: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        settings()
    }
}

#[cfg(test)]
mod tests {
    use tonic::codec::Decoder as _;

    use super::*;

    #[test]
    fn buffers_begin_small() {
        let mut codec = LeanCodec::<(), ()>::default();
        let told = format!("{:?} {:?}", codec.encoder().buffer_settings(), codec.decoder().buffer_settings());
        assert_eq!(told.matches("buffer_size: 256").count(), 2, "{told}");
    }
}
