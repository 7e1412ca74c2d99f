//! Conversion of keys.

use crate::model::key::{Access, Key, Secret};
use crate::proto::v1 as pb;
use crate::registry::{
    AccessKind, CreateKey, FoundSecret, ImportKeys, ImportSecret, ImportedKey, KeyDraft, ListKeys, PageInput,
    RotateKey, SubjectRef, TokenText, etag,
};

use super::common::{Enumeration, all, raw_duration, raw_time, time};

impl From<pb::Key> for KeyDraft {
    fn from(key: pb::Key) -> Self {
        Self {
            name: key.name,
            owner: key.owner,
            contact: key.contact,
            comment: key.comment,
            active: key.active,
            store_access: Enumeration::choice(key.store_access),
            stores: key.stores,
            method_access: Enumeration::choice(key.method_access),
            methods: key.methods,
            not_before: key.not_before.map(raw_time),
            expires: key.expire_time.map(raw_time),
            networks: key.networks,
            labels: key.labels,
        }
    }
}

impl From<pb::CreateKeyRequest> for CreateKey {
    fn from(request: pb::CreateKeyRequest) -> Self {
        Self {
            key: request.key.unwrap_or_default().into(),
            token: TokenText(request.token),
            request_id: request.request_id,
        }
    }
}

impl From<pb::RotateKeyRequest> for RotateKey {
    fn from(request: pb::RotateKeyRequest) -> Self {
        Self {
            key: SubjectRef { id: request.id, etag: request.etag },
            overlap: request.overlap.map(raw_duration),
            token: TokenText(request.token),
        }
    }
}

impl From<pb::ListKeysRequest> for ListKeys {
    fn from(request: pb::ListKeysRequest) -> Self {
        Self {
            page: PageInput { size: request.page_size, token: request.page_token },
            active: request.active,
            revoked: request.revoked,
            store_access: Enumeration::choice(request.store_access),
            method_access: Enumeration::choice(request.method_access),
            store: request.store,
            method: request.method,
            text: request.text,
            owner: request.owner,
            expire_before: request.expire_before.map(raw_time),
            unused_since: request.unused_since.map(raw_time),
            used: request.used,
        }
    }
}

impl From<pb::ImportKeysRequest> for ImportKeys {
    fn from(request: pb::ImportKeysRequest) -> Self {
        let keys = request.keys.into_iter().map(|imported| ImportedKey {
            key: imported.key.unwrap_or_default().into(),
            secret: match imported.secret {
                None => ImportSecret::None,
                Some(pb::imported_key::Secret::Token(token)) => ImportSecret::Token(TokenText(token)),
                Some(pb::imported_key::Secret::Sha256(digest)) => ImportSecret::Sha256(TokenText(digest)),
            },
            hint: imported.hint,
        });
        Self { keys: keys.collect(), dry_run: request.dry_run }
    }
}

impl From<Key> for pb::Key {
    fn from(key: Key) -> Self {
        let spec = key.spec;
        let (store_access, stores) = access(spec.stores);
        let (method_access, methods) = access(spec.methods);
        let (revoke_time, revoke_reason) =
            key.revoked.map_or((None, String::new()), |revoked| (Some(time(revoked.at)), revoked.reason));
        Self {
            id: key.id.to_string(),
            name: spec.name,
            owner: spec.owner,
            contact: spec.contact,
            comment: spec.comment,
            active: Some(spec.active),
            revoke_time,
            revoke_reason,
            store_access,
            stores,
            method_access,
            methods,
            not_before: spec.not_before.map(time),
            expire_time: spec.expires.map(time),
            networks: spec.networks.iter().map(ToString::to_string).collect(),
            labels: spec.labels,
            secrets: all(key.secrets),
            create_time: Some(time(key.created)),
            update_time: Some(time(key.updated)),
            last_use_time: key.last_used.map(time),
            etag: etag(key.row_revision),
        }
    }
}

fn access(access: Access<String>) -> (i32, Vec<String>) {
    match access {
        Access::All => (AccessKind::All.number(), Vec::new()),
        Access::Selected(list) => (AccessKind::Selected.number(), list),
    }
}

impl From<Secret> for pb::Secret {
    fn from(secret: Secret) -> Self {
        Self {
            id: secret.id.to_string(),
            hint: secret.hint,
            origin: secret.origin.number(),
            create_time: Some(time(secret.created)),
            expire_time: secret.expires.map(time),
            last_use_time: secret.last_used.map(time),
        }
    }
}

/// Builds the response of FindKey. A deleted key is only identified, without details.
pub(in crate::grpc) fn find_key_response(found: FoundSecret) -> pb::FindKeyResponse {
    let shown = if found.deleted {
        pb::Key { id: found.key.id.to_string(), name: found.key.spec.name, ..Default::default() }
    } else {
        found.key.into()
    };
    pb::FindKeyResponse {
        key: Some(shown),
        secret: Some(found.secret.into()),
        deleted: found.deleted,
        end_time: found.ended.map(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::id::{KeyId, SecretId};
    use crate::model::key::{KeySpec, Revocation, TokenOrigin};
    use crate::model::time::Timestamp;
    use crate::registry::{Choice, RawTime, Update};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds, 0).unwrap()
    }

    fn full() -> Key {
        Key {
            id: KeyId::new(at(1), [1; 10]),
            spec: KeySpec {
                name: "CPA network".to_owned(),
                owner: "partners".to_owned(),
                contact: "crm@partner.example".to_owned(),
                comment: "statuses only".to_owned(),
                active: false,
                stores: Access::All,
                methods: Access::Selected(vec!["GET /api/v*/orders/statuses".to_owned()]),
                not_before: Some(at(2)),
                expires: Some(at(3)),
                networks: vec!["192.0.2.0/24".parse().unwrap()],
                labels: [("team".to_owned(), "b".to_owned())].into(),
            },
            revoked: Some(Revocation { at: at(9), reason: "contract ended".to_owned() }),
            secrets: vec![Secret {
                id: SecretId::new(at(1), [2; 10]),
                hint: "aB3d".to_owned(),
                origin: TokenOrigin::Supplied,
                created: at(4),
                expires: Some(at(5)),
                last_used: Some(at(6)),
            }],
            created: at(1),
            updated: at(7),
            last_used: Some(at(8)),
            row_revision: Revision(42),
        }
    }

    #[test]
    fn every_field_of_a_key_is_told() {
        let sent = pb::Key::from(full());
        assert_eq!(sent.store_access(), pb::Access::All);
        assert_eq!((sent.method_access(), sent.methods.len()), (pb::Access::Selected, 1));
        assert_eq!(
            (sent.active, sent.revoke_reason.as_str(), sent.etag.as_str()),
            (Some(false), "contract ended", "e42")
        );
        let seconds = [
            sent.create_time,
            sent.not_before,
            sent.expire_time,
            sent.update_time,
            sent.last_use_time,
            sent.revoke_time,
        ]
        .map(|time| time.unwrap().seconds);
        assert_eq!(seconds, [1, 2, 3, 7, 8, 9]);
        let secret = &sent.secrets[0];
        assert_eq!((secret.hint.as_str(), secret.origin()), ("aB3d", pb::SecretOrigin::Supplied));
        assert_eq!(
            [secret.create_time, secret.expire_time, secret.last_use_time].map(|time| time.unwrap().seconds),
            [4, 5, 6]
        );
    }

    #[test]
    fn what_is_told_of_a_key_can_be_given_back() {
        let sent = pb::Key::from(full());
        let again = Update::from(pb::UpdateKeyRequest {
            key: Some(sent.clone()),
            update_mask: Some(prost_types::FieldMask { paths: vec!["name".to_owned()] }),
            options: None,
        });
        assert_eq!((again.id, again.etag, again.mask), (sent.id, sent.etag, vec!["name".to_owned()]));
        let draft = again.draft;
        assert_eq!((draft.name, draft.owner, draft.comment), (sent.name, sent.owner, sent.comment));
        assert_eq!((draft.contact.as_str(), sent.contact.as_str()), ("crm@partner.example", "crm@partner.example"));
        assert_eq!(
            (draft.store_access, draft.method_access),
            (Choice::Is(AccessKind::All), Choice::Is(AccessKind::Selected))
        );
        assert_eq!((draft.methods, draft.networks, draft.labels), (sent.methods, sent.networks, sent.labels));
        assert_eq!((draft.not_before, draft.expires), (Some(RawTime::from(at(2))), Some(RawTime::from(at(3)))));
        assert_eq!(draft.active, Some(false));
    }

    #[test]
    fn of_a_deleted_key_only_id_and_name_are_told() {
        let found = FoundSecret { secret: full().secrets[0].clone(), key: full(), deleted: true, ended: Some(at(11)) };
        let sent = find_key_response(found);
        let expected = pb::Key { id: full().id.to_string(), name: full().spec.name, ..Default::default() };
        assert_eq!((sent.key, sent.deleted), (Some(expected), true));
        assert_eq!(sent.end_time.unwrap().seconds, 11);
    }
}
