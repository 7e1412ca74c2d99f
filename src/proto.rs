//! The contract of proto/ as generated Rust, and its descriptor for reflection.
//!
//! Messages that contain a token or a digest do not derive `Debug`: it is implemented here without them, so that no log
//! line, panic or test output can contain a secret by accident.

mod codec;

use std::fmt;

pub use self::codec::LeanCodec;

/// Package `latchkey.v1`, as generated.
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("latchkey.v1");
}

/// Third-party contracts that the decision port supports, as generated, each package in modules of its name.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod foreign {
    include!(concat!(env!("OUT_DIR"), "/foreign.rs"));
}

/// The compiled descriptor of the contract and its imports, a `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/latchkey.v1.binpb"));

/// Placeholder for a secret: shows only whether there was one.
struct Hidden(bool);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "(hidden)" } else { "(empty)" })
    }
}

/// Implements `Debug` with the first fields in full, and of a hidden one only whether it is empty.
macro_rules! print_without_secret {
    ($($message:ident { $($shown:ident),* } $(hides $hidden:ident)?;)*) => {$(
        impl fmt::Debug for v1::$message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($message))
                    $(.field(stringify!($shown), &self.$shown))*
                    $(.field(stringify!($hidden), &Hidden(!self.$hidden.is_empty())))?
                    .finish()
            }
        }
    )*};
}

print_without_secret! {
    AuthorizeRequest { method, store, stores, client_address, min_revision } hides key;
    IntrospectKeyRequest { min_revision } hides key;
    CreateKeyRequest { key, request_id, options } hides token;
    CreateKeyResponse { key, written } hides token;
    RotateKeyRequest { id, overlap, etag, options } hides token;
    RotateKeyResponse { key, written } hides token;
    FindKeyRequest {} hides token;
    ImportedKey { key, hint, secret };
    CreateOperatorResponse { operator, written } hides token;
    RotateOperatorResponse { operator, written } hides token;
}

impl fmt::Debug for v1::imported_key::Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = match self {
            Self::Token(token) => ("Token", token),
            Self::Sha256(digest) => ("Sha256", digest),
        };
        f.debug_tuple(name).field(&Hidden(!value.is_empty())).finish()
    }
}

impl fmt::Debug for foreign::envoy::config::core::v3::HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let empty = self.value.is_empty() && self.raw_value.is_empty();
        f.debug_struct("HeaderValue").field("key", &self.key).field("value", &Hidden(!empty)).finish()
    }
}

impl fmt::Debug for foreign::envoy::service::auth::v3::attribute_context::HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, the path's query and the body may contain a key.
        let body = !self.body.is_empty() || !self.raw_body.is_empty();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("protocol", &self.protocol)
            .field("headers", &(self.headers.len() + self.header_map.as_ref().map_or(0, |map| map.headers.len())))
            .field("path", &Hidden(!self.path.is_empty()))
            .field("body", &Hidden(body))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;
    use prost_types::field_descriptor_proto::Type;

    use super::*;

    const SECRET: &str = "lk_this-must-never-be-printed";

    #[test]
    fn no_message_prints_the_secret_it_carries() {
        let token = || SECRET.to_owned();
        let authorize = v1::AuthorizeRequest { key: token(), ..Default::default() };
        let import = |secret| v1::ImportedKey { secret: Some(secret), ..Default::default() };
        let keys = [v1::imported_key::Secret::Token(token()), v1::imported_key::Secret::Sha256(token())].map(import);
        let messages: [&dyn fmt::Debug; 11] = [
            &authorize,
            &v1::BatchAuthorizeRequest { requests: vec![authorize.clone()] },
            &v1::IntrospectKeyRequest { key: token(), ..Default::default() },
            &v1::CreateKeyRequest { token: token(), ..Default::default() },
            &v1::CreateKeyResponse { token: token(), ..Default::default() },
            &v1::RotateKeyRequest { token: token(), ..Default::default() },
            &v1::RotateKeyResponse { token: token(), ..Default::default() },
            &v1::FindKeyRequest { token: token() },
            &v1::CreateOperatorResponse { token: token(), ..Default::default() },
            &v1::RotateOperatorResponse { token: token(), ..Default::default() },
            &v1::ImportKeysRequest { keys: keys.into(), ..Default::default() },
        ];
        for text in messages.map(|message| format!("{message:?}")) {
            assert!(text.contains("(hidden)") && !text.contains(SECRET), "{text}");
        }
    }

    /// A new field with one of these names must be hidden too, so the list is compared with the contract.
    #[test]
    fn every_field_named_like_a_secret_is_known() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut found = Vec::new();
        let own = set.file.iter().filter(|file| file.package() == "latchkey.v1");
        for message in own.flat_map(|file| &file.message_type) {
            for field in &message.field {
                if matches!(field.name(), "key" | "token" | "sha256") && field.r#type() == Type::String {
                    found.push(format!("{}.{}", message.name(), field.name()));
                }
            }
        }
        found.sort();
        assert_eq!(
            found.join(" "),
            "AuthorizeRequest.key CreateKeyRequest.token CreateKeyResponse.token CreateOperatorResponse.token \
             FindKeyRequest.token ImportedKey.sha256 ImportedKey.token IntrospectKeyRequest.key \
             RotateKeyRequest.token RotateKeyResponse.token RotateOperatorResponse.token"
        );
    }
}
