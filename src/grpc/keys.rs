//! KeyService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::operator::Permission::{Edit, View};
use crate::model::token::Token;
use crate::proto::v1 as pb;
use crate::proto::v1::key_service_server::{KeyService, KeyServiceServer};
use crate::registry::{Registry, SubjectRef, TokenText};

/// Serves key management from the registry.
#[derive(Debug)]
pub(super) struct KeyApi {
    registry: Registry,
}

impl KeyApi {
    /// Creates the service over `registry`.
    pub(super) fn service(registry: Registry) -> KeyServiceServer<Self> {
        KeyServiceServer::new(Self { registry })
    }
}

/// The only place where a key's token leaves the server.
fn reveal_token(token: Option<&Token>) -> String {
    token.map(|token| token.reveal().to_owned()).unwrap_or_default()
}

#[tonic::async_trait]
impl KeyService for KeyApi {
    async fn create_key(
        &self,
        request: Request<pb::CreateKeyRequest>,
    ) -> Result<Response<pb::CreateKeyResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let create = convert::create_key(request);
        let (made, written) = self.registry.create_key(&caller, &create, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateKeyResponse {
            token: reveal_token(made.token.as_ref()),
            key: Some(convert::key(made.key)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn get_key(&self, request: Request<pb::GetKeyRequest>) -> Result<Response<pb::GetKeyResponse>, Status> {
        caller(&request, View)?;
        let key = self.registry.key(&request.into_inner().id).await.map_err(to_status)?;
        Ok(Response::new(pb::GetKeyResponse { key: Some(convert::key(key)) }))
    }

    async fn list_keys(&self, request: Request<pb::ListKeysRequest>) -> Result<Response<pb::ListKeysResponse>, Status> {
        caller(&request, View)?;
        let listed = self.registry.keys(&convert::list_keys(request.into_inner())).await.map_err(to_status)?;
        Ok(Response::new(pb::ListKeysResponse {
            keys: listed.items.into_iter().map(convert::key).collect(),
            next_page_token: listed.next,
        }))
    }

    async fn find_key(&self, request: Request<pb::FindKeyRequest>) -> Result<Response<pb::FindKeyResponse>, Status> {
        caller(&request, View)?;
        let token = TokenText(request.into_inner().token);
        let found = self.registry.find_key(&token).await.map_err(to_status)?;
        Ok(Response::new(convert::find_key_response(found)))
    }

    async fn update_key(
        &self,
        request: Request<pb::UpdateKeyRequest>,
    ) -> Result<Response<pb::UpdateKeyResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let update = convert::update_key(request);
        let (key, written) = self.registry.update_key(&caller, &update, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateKeyResponse {
            key: Some(convert::key(key)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn rotate_key(
        &self,
        request: Request<pb::RotateKeyRequest>,
    ) -> Result<Response<pb::RotateKeyResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let rotate = convert::rotate_key(request);
        let (made, written) = self.registry.rotate_key(&caller, &rotate, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::RotateKeyResponse {
            token: reveal_token(made.token.as_ref()),
            key: Some(convert::key(made.key)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn revoke_secret(
        &self,
        request: Request<pb::RevokeSecretRequest>,
    ) -> Result<Response<pb::RevokeSecretResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let done = self.registry.revoke_secret(&caller, &request.secret_id, &options).await;
        let (key, written) = done.map_err(to_status)?;
        Ok(Response::new(pb::RevokeSecretResponse {
            key: Some(convert::key(key)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn revoke_key(
        &self,
        request: Request<pb::RevokeKeyRequest>,
    ) -> Result<Response<pb::RevokeKeyResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let key = SubjectRef { id: request.id, etag: request.etag };
        let done = self.registry.revoke_key(&caller, &key, &request.reason, &options).await;
        let (key, written) = done.map_err(to_status)?;
        Ok(Response::new(pb::RevokeKeyResponse {
            key: Some(convert::key(key)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn delete_key(
        &self,
        request: Request<pb::DeleteKeyRequest>,
    ) -> Result<Response<pb::DeleteKeyResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let key = SubjectRef { id: request.id, etag: request.etag };
        let written = self.registry.delete_key(&caller, &key, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteKeyResponse { written: Some(convert::written(&written)) }))
    }

    async fn import_keys(
        &self,
        request: Request<pb::ImportKeysRequest>,
    ) -> Result<Response<pb::ImportKeysResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let import = convert::import_keys(request);
        let (ids, written) = self.registry.import_keys(&caller, &import, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::ImportKeysResponse {
            imported: i32::try_from(import.keys.len()).unwrap_or(i32::MAX),
            ids: ids.iter().map(ToString::to_string).collect(),
            written: (!import.dry_run).then(|| convert::written(&written)),
        }))
    }
}
