//! StoreService: parse, call, convert.

use tonic::Request;

use super::admin::{AdminApi, admit, reply};
use super::convert::{all, count};
use crate::model::operator::Permission::{Edit, View};
use crate::proto::v1 as pb;
use crate::proto::v1::store_service_server::StoreService;
use crate::registry::{DeleteStore, SubjectRef};
use crate::status::Reply;

#[tonic::async_trait]
impl StoreService for AdminApi {
    async fn create_store(&self, request: Request<pb::CreateStoreRequest>) -> Reply<pb::CreateStoreResponse> {
        let (caller, request) = admit(request, Edit)?;
        let draft = request.store.unwrap_or_default().into();
        let (store, written) = self.registry.create_store(&caller, &draft, &request.options.into()).await?;
        reply(pb::CreateStoreResponse { store: Some(store.into()), written: Some(written.into()) })
    }

    async fn get_store(&self, request: Request<pb::GetStoreRequest>) -> Reply<pb::GetStoreResponse> {
        let (_, request) = admit(request, View)?;
        reply(pb::GetStoreResponse { store: Some(self.registry.store(&request.code).await?.into()) })
    }

    async fn list_stores(&self, request: Request<pb::ListStoresRequest>) -> Reply<pb::ListStoresResponse> {
        let (_, request) = admit(request, View)?;
        let listed = self.registry.stores(&request.into()).await?;
        reply(pb::ListStoresResponse { stores: all(listed.items), next_page_token: listed.next })
    }

    async fn update_store(&self, request: Request<pb::UpdateStoreRequest>) -> Reply<pb::UpdateStoreResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (store, written) = self.registry.update_store(&caller, &request.into(), &options).await?;
        reply(pb::UpdateStoreResponse { store: Some(store.into()), written: Some(written.into()) })
    }

    async fn delete_store(&self, request: Request<pb::DeleteStoreRequest>) -> Reply<pb::DeleteStoreResponse> {
        let (caller, request) = admit(request, Edit)?;
        let store = SubjectRef { id: request.code, etag: request.etag };
        let delete = DeleteStore { store, allow_rebinding: request.allow_rebinding };
        let (narrowed, written) = self.registry.delete_store(&caller, &delete, &request.options.into()).await?;
        reply(pb::DeleteStoreResponse { written: Some(written.into()), keys_narrowed: count(narrowed) })
    }
}
