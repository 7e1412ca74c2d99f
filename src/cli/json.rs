//! The contract's messages as JSON, by the contract's own descriptors: proto field names, enum values by name, times in
//! RFC 3339, 64-bit numbers as text, and empty fields included.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::exit::Error;
use crate::proto::{FILE_DESCRIPTOR_SET, v1};

/// A message with a known name in the contract.
pub(super) trait ContractMessage: Message {
    /// The name, without the package.
    const NAME: &'static str;

    /// Returns how far a write was applied; `None` for a response to a read.
    fn written(&self) -> Option<&v1::Written> {
        None
    }
}

macro_rules! contract_messages {
    (reads { $($read:ident)* } writes { $($write:ident)* }) => {
        $(impl ContractMessage for v1::$read {
            const NAME: &'static str = stringify!($read);
        })*
        $(impl ContractMessage for v1::$write {
            const NAME: &'static str = stringify!($write);

            fn written(&self) -> Option<&v1::Written> {
                self.written.as_ref()
            }
        })*
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($read),)* $(stringify!($write)),*];
    };
}

contract_messages! {
    reads {
        AuthorizeResponse BatchAuthorizeResponse IntrospectKeyResponse WatchChangesResponse ListChangesResponse
        ListReplicasResponse ListLostChangesResponse GetKeyUsageResponse GetKeyResponse ListKeysResponse FindKeyResponse
        GetStoreResponse ListStoresResponse GetMethodResponse ListMethodsResponse
        GetOperatorResponse GetCurrentOperatorResponse ListOperatorsResponse
    }
    writes {
        CreateKeyResponse UpdateKeyResponse RotateKeyResponse RevokeSecretResponse RevokeKeyResponse DeleteKeyResponse
        ImportKeysResponse CreateStoreResponse UpdateStoreResponse DeleteStoreResponse
        CreateMethodResponse UpdateMethodResponse DeleteMethodResponse ImportMethodsResponse
        CreateOperatorResponse UpdateOperatorResponse RotateOperatorResponse RevokeOperatorResponse
    }
}

/// Formats the message as indented JSON, with a line end.
pub(super) fn pretty<M: ContractMessage>(message: &M) -> Result<String, Error> {
    format(message, PrettyFormatter::new())
}

/// Formats the message as JSON in one line, with a line end.
pub(super) fn line<M: ContractMessage>(message: &M) -> Result<String, Error> {
    format(message, CompactFormatter)
}

fn format<M: ContractMessage>(message: &M, formatter: impl Formatter) -> Result<String, Error> {
    let internal = |what: &dyn std::fmt::Display| Error::Internal(format!("{} as JSON: {what}", M::NAME));
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| internal(&error))?;
    let name = format!("latchkey.v1.{}", M::NAME);
    let described = pool.get_message_by_name(&name).ok_or_else(|| internal(&"it is not in the API"))?;
    let dynamic =
        DynamicMessage::decode(described, message.encode_to_vec().as_slice()).map_err(|error| internal(&error))?;
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let mut text = Vec::new();
    dynamic
        .serialize_with_options(&mut Serializer::with_formatter(&mut text, formatter), &options)
        .map_err(|error| internal(&error))?;
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
