//! KeyService: parse, call, convert.

use tonic::Request;

use super::admin::{AdminApi, admit, reply};
use super::convert::{all, find_key_response};
use crate::model::operator::Permission::{Edit, View};
use crate::model::token::Token;
use crate::proto::v1 as pb;
use crate::proto::v1::key_service_server::KeyService;
use crate::registry::{ImportKeys, SubjectRef, TokenText};
use crate::status::Reply;

/// The only place where a key's token leaves the server.
fn reveal_token(token: Option<&Token>) -> String {
    token.map(|token| token.reveal().to_owned()).unwrap_or_default()
}

#[tonic::async_trait]
impl KeyService for AdminApi {
    async fn create_key(&self, request: Request<pb::CreateKeyRequest>) -> Reply<pb::CreateKeyResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (made, written) = self.registry.create_key(&caller, &request.into(), &options).await?;
        let token = reveal_token(made.token.as_ref());
        reply(pb::CreateKeyResponse { token, key: Some(made.key.into()), written: Some(written.into()) })
    }

    async fn get_key(&self, request: Request<pb::GetKeyRequest>) -> Reply<pb::GetKeyResponse> {
        let (_, request) = admit(request, View)?;
        reply(pb::GetKeyResponse { key: Some(self.registry.key(&request.id).await?.into()) })
    }

    async fn list_keys(&self, request: Request<pb::ListKeysRequest>) -> Reply<pb::ListKeysResponse> {
        let (_, request) = admit(request, View)?;
        let listed = self.registry.keys(&request.into()).await?;
        reply(pb::ListKeysResponse { keys: all(listed.items), next_page_token: listed.next })
    }

    async fn find_key(&self, request: Request<pb::FindKeyRequest>) -> Reply<pb::FindKeyResponse> {
        let (_, request) = admit(request, View)?;
        reply(find_key_response(self.registry.find_key(&TokenText(request.token)).await?))
    }

    async fn update_key(&self, request: Request<pb::UpdateKeyRequest>) -> Reply<pb::UpdateKeyResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (key, written) = self.registry.update_key(&caller, &request.into(), &options).await?;
        reply(pb::UpdateKeyResponse { key: Some(key.into()), written: Some(written.into()) })
    }

    async fn rotate_key(&self, request: Request<pb::RotateKeyRequest>) -> Reply<pb::RotateKeyResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (made, written) = self.registry.rotate_key(&caller, &request.into(), &options).await?;
        let token = reveal_token(made.token.as_ref());
        reply(pb::RotateKeyResponse { token, key: Some(made.key.into()), written: Some(written.into()) })
    }

    async fn revoke_secret(&self, request: Request<pb::RevokeSecretRequest>) -> Reply<pb::RevokeSecretResponse> {
        let (caller, request) = admit(request, Edit)?;
        let options = request.options.into();
        let (key, written) = self.registry.revoke_secret(&caller, &request.secret_id, &options).await?;
        reply(pb::RevokeSecretResponse { key: Some(key.into()), written: Some(written.into()) })
    }

    async fn revoke_key(&self, request: Request<pb::RevokeKeyRequest>) -> Reply<pb::RevokeKeyResponse> {
        let (caller, request) = admit(request, Edit)?;
        let (key, options) = (SubjectRef { id: request.id, etag: request.etag }, request.options.into());
        let (key, written) = self.registry.revoke_key(&caller, &key, &request.reason, &options).await?;
        reply(pb::RevokeKeyResponse { key: Some(key.into()), written: Some(written.into()) })
    }

    async fn delete_key(&self, request: Request<pb::DeleteKeyRequest>) -> Reply<pb::DeleteKeyResponse> {
        let (caller, request) = admit(request, Edit)?;
        let key = SubjectRef { id: request.id, etag: request.etag };
        let written = self.registry.delete_key(&caller, &key, &request.options.into()).await?;
        reply(pb::DeleteKeyResponse { written: Some(written.into()) })
    }

    async fn import_keys(&self, request: Request<pb::ImportKeysRequest>) -> Reply<pb::ImportKeysResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let (options, import) = (request.options.take().into(), ImportKeys::from(request));
        let (ids, written) = self.registry.import_keys(&caller, &import, &options).await?;
        reply(pb::ImportKeysResponse {
            imported: i32::try_from(import.keys.len()).unwrap_or(i32::MAX),
            ids: ids.iter().map(ToString::to_string).collect(),
            written: (!import.dry_run).then(|| written.into()),
        })
    }
}
