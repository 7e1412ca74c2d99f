//! The codec of every service: prost's, with buffers for small messages. tonic's own allocates 8 KiB for each message
//! in each direction, but requests and responses need a few hundred bytes.

use std::marker::PhantomData;

use prost::Message;
use prost::bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use crate::status;

/// Initial size of a buffer in bytes: most requests and responses fit.
const BUFFER: usize = 256;
/// Bytes of a stream's messages that are sent together.
const YIELD_THRESHOLD: usize = 32 * 1024;

/// Fields allowed at a message's outermost level, however short it is.
const BASE_FIELDS: usize = 1_100;
/// Bytes of a message that allow one more field: an entry of a list takes more memory than it does in a message, a
/// hundred times as much if it is empty, so a message of only such entries would far exceed the message's own limit.
const BYTES_OF_FIELD: usize = 16;

/// Reads `U`, unless it has too many fields for its length, and writes `T`.
#[derive(Debug, Clone)]
pub struct LeanCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for LeanCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Codec for LeanCodec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<T, U: Message + Default> Decoder for LeanCodec<T, U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let length = from.remaining();
        let most = BASE_FIELDS + length / BYTES_OF_FIELD;
        // tonic buffers a message in one piece; of a split one only the first piece would be counted.
        if length > BASE_FIELDS && fields(from.chunk(), most) > most {
            let message = format!("the message has more than {most} entries, the maximum for its {length} bytes");
            return Err(status::new(Code::InvalidArgument, message));
        }
        // The status that tonic returns for a malformed message.
        U::decode(from).map(Some).map_err(|error| status::new(Code::Internal, error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, YIELD_THRESHOLD)
    }
}

/// Counts the fields at the outermost level of a message, up to one more than `most`. Stops where the message is
/// malformed.
fn fields(message: &[u8], most: usize) -> usize {
    let mut rest = message;
    let mut count = 0;
    while count <= most
        && let Ok((_, wire_type)) = decode_key(&mut rest)
    {
        count += 1;
        let skip = match wire_type {
            WireType::Varint => decode_varint(&mut rest).map(|_| 0),
            WireType::SixtyFourBit => Ok(8),
            WireType::ThirtyTwoBit => Ok(4),
            WireType::LengthDelimited => {
                decode_varint(&mut rest).map(|length| usize::try_from(length).unwrap_or(usize::MAX))
            }
            // Its fields are counted as if they were outside it.
            WireType::StartGroup | WireType::EndGroup => Ok(0),
        };
        let Some(after) = skip.ok().and_then(|skip| rest.get(skip..)) else { break };
        rest = after;
    }
    count
}

impl<T: Message, U> Encoder for LeanCodec<T, U> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // Reserves the whole size at once: a large message would otherwise grow its buffer step by step.
        into.reserve(item.encoded_len());
        item.encode(into)
            .map_err(|error| status::new(Code::Internal, format!("the response could not be encoded: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, YIELD_THRESHOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1 as pb;

    #[test]
    fn buffers_begin_small() {
        let codec = LeanCodec::<(), ()>::default();
        let settings = format!("{:?} {:?}", Encoder::buffer_settings(&codec), Decoder::buffer_settings(&codec));
        assert_eq!(settings.matches("buffer_size: 256").count(), 2, "{settings}");
    }
    #[test]
    fn fields_are_counted_as_they_are_read() {
        let request = pb::AuthorizeRequest { stores: vec![String::new(); 700], ..Default::default() };
        let batch = pb::BatchAuthorizeRequest { requests: vec![request.clone(); 9] };
        assert_eq!(fields(&request.encode_to_vec(), usize::MAX - 1), 700);
        assert_eq!(fields(&batch.encode_to_vec(), usize::MAX - 1), 9);
        assert_eq!(fields(&request.encode_to_vec(), 10), 11);
        // A number, eight bytes, four bytes, two bytes, and a truncated field.
        let odd = [8, 150, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 18, 2, 7, 7, 18, 200];
        assert_eq!(fields(&odd, 100), 5);
        assert_eq!(fields(&[], 100), 0);
        assert_eq!(fields(&[255; 40], 100), 0);
    }
}
