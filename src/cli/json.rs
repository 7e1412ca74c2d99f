//! The contract's messages as JSON, by the contract's own descriptors: proto field names, enum values by name, times in
//! RFC 3339, 64-bit numbers as text, and empty fields included.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use super::exit::Error;
use crate::proto::{FILE_DESCRIPTOR_SET, v1};

/// A message with a known name in the contract.
pub(super) trait ContractMessage: Message {
    /// The name, without the package.
    const NAME: &'static str;
}

macro_rules! contract_messages {
    ($($message:ident)*) => {
        $(impl ContractMessage for v1::$message {
            const NAME: &'static str = stringify!($message);
        })*
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($message)),*];
    };
}

contract_messages! {
    AuthorizeResponse BatchAuthorizeResponse IntrospectKeyResponse WatchChangesResponse ListChangesResponse
    ListReplicasResponse ListLostChangesResponse
    CreateKeyResponse GetKeyResponse ListKeysResponse FindKeyResponse UpdateKeyResponse RotateKeyResponse
    RevokeSecretResponse RevokeKeyResponse DeleteKeyResponse ImportKeysResponse GetKeyUsageResponse
    CreateStoreResponse GetStoreResponse ListStoresResponse UpdateStoreResponse DeleteStoreResponse
    CreateMethodResponse GetMethodResponse ListMethodsResponse UpdateMethodResponse DeleteMethodResponse
    ImportMethodsResponse
    CreateOperatorResponse GetOperatorResponse GetCurrentOperatorResponse ListOperatorsResponse
    UpdateOperatorResponse RotateOperatorResponse RevokeOperatorResponse
}

/// Formats the message as indented JSON, with a line end.
pub(super) fn pretty<M: ContractMessage>(message: &M) -> Result<String, Error> {
    let mut text = Vec::new();
    serialize(message, &mut serde_json::Serializer::pretty(&mut text))?;
    finish(text)
}

/// Formats the message as JSON in one line, with a line end.
pub(super) fn line<M: ContractMessage>(message: &M) -> Result<String, Error> {
    let mut text = Vec::new();
    serialize(message, &mut serde_json::Serializer::new(&mut text))?;
    finish(text)
}

fn serialize<M, S>(message: &M, serializer: S) -> Result<(), Error>
where
    M: ContractMessage,
    S: serde::Serializer,
    S::Error: std::fmt::Display,
{
    let internal = |what: &dyn std::fmt::Display| Error::Internal(format!("{} as JSON: {what}", M::NAME));
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| internal(&error))?;
    let name = format!("latchkey.v1.{}", M::NAME);
    let described = pool.get_message_by_name(&name).ok_or_else(|| internal(&"it is not in the API"))?;
    let dynamic =
        DynamicMessage::decode(described, message.encode_to_vec().as_slice()).map_err(|error| internal(&error))?;
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    dynamic.serialize_with_options(serializer, &options).map(|_| ()).map_err(|error| internal(&error))
}

fn finish(mut text: Vec<u8>) -> Result<String, Error> {
    text.push(b'\n');
    String::from_utf8(text).map_err(|error| Error::Internal(format!("JSON that is not UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_is_printed_is_in_the_contract() {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(&format!("latchkey.v1.{name}")).is_some(), "{name}");
        }
    }

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
