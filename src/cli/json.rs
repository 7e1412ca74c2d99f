//! The contract's messages as JSON, by the contract's own descriptors: proto field names, enum values by name, times in
//! RFC 3339, 64-bit numbers as text, and empty fields included.

use prost::Name;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::exit::Error;
use crate::proto::{FILE_DESCRIPTOR_SET, v1};

/// Formats the message as indented JSON, with a line end.
pub(super) fn pretty<M: Name>(message: &M) -> Result<String, Error> {
    format(message, PrettyFormatter::new())
}

/// Formats the message as JSON in one line, with a line end.
pub(super) fn line<M: Name>(message: &M) -> Result<String, Error> {
    format(message, CompactFormatter)
}

/// Returns how far a write was applied; `None` for a response to a read.
pub(super) fn written<M: Name>(message: &M) -> Result<Option<v1::Written>, Error> {
    let descriptor = descriptor::<M>()?;
    let Some(field) = descriptor.get_field_by_name("written") else { return Ok(None) };
    let dynamic = dynamic(message, descriptor)?;
    let written = dynamic.has_field(&field).then(|| dynamic.get_field(&field));
    let written = written.and_then(|value| Some(value.as_message()?.transcode_to())).transpose();
    written.map_err(|error| internal::<M>(&error))
}

fn format<M: Name>(message: &M, formatter: impl Formatter) -> Result<String, Error> {
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let mut text = Vec::new();
    dynamic(message, descriptor::<M>()?)?
        .serialize_with_options(&mut Serializer::with_formatter(&mut text, formatter), &options)
        .map_err(|error| internal::<M>(&error))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|error| internal::<M>(&error))
}

fn descriptor<M: Name>() -> Result<MessageDescriptor, Error> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| internal::<M>(&error))?;
    pool.get_message_by_name(&M::full_name()).ok_or_else(|| internal::<M>(&"it is not in the API"))
}

fn dynamic<M: Name>(message: &M, descriptor: MessageDescriptor) -> Result<DynamicMessage, Error> {
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(|error| internal::<M>(&error))
}

fn internal<M: Name>(what: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("{} as JSON: {what}", M::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_contracts_and_nothing_is_left_out() {
        let message = v1::GetKeyResponse {
            key: Some(v1::Key {
                id: "key_1".to_owned(),
                active: Some(false),
                store_access: v1::Access::Selected.into(),
                expire_time: Some(prost_types::Timestamp { seconds: 1_795_482_123, nanos: 0 }),
                ..Default::default()
            }),
        };
        let value: serde_json::Value = serde_json::from_str(&pretty(&message).unwrap()).unwrap();
        let key = &value["key"];
        assert_eq!(key["id"], "key_1");
        assert_eq!(key["active"], false);
        assert_eq!(key["store_access"], "ACCESS_SELECTED");
        assert_eq!(key["stores"], serde_json::json!([]));
        assert_eq!(key["expire_time"], "2026-11-24T01:02:03Z");
        assert_eq!(line(&message).unwrap().lines().count(), 1);
    }
}
