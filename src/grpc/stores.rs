//! StoreService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::operator::Permission::{Edit, View};
use crate::proto::v1 as pb;
use crate::proto::v1::store_service_server::{StoreService, StoreServiceServer};
use crate::registry::{DeleteStore, Registry, SubjectRef};

/// Serves store management from the registry.
#[derive(Debug)]
pub(super) struct StoreApi {
    registry: Registry,
}

impl StoreApi {
    /// Creates the service over `registry`.
    pub(super) fn service(registry: Registry) -> StoreServiceServer<Self> {
        StoreServiceServer::new(Self { registry })
    }
}

#[tonic::async_trait]
impl StoreService for StoreApi {
    async fn create_store(
        &self,
        request: Request<pb::CreateStoreRequest>,
    ) -> Result<Response<pb::CreateStoreResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let draft = convert::store_draft(request.store);
        let (store, written) = self.registry.create_store(&caller, &draft, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateStoreResponse {
            store: Some(convert::store(store)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn get_store(&self, request: Request<pb::GetStoreRequest>) -> Result<Response<pb::GetStoreResponse>, Status> {
        caller(&request, View)?;
        let store = self.registry.store(&request.into_inner().code).await.map_err(to_status)?;
        Ok(Response::new(pb::GetStoreResponse { store: Some(convert::store(store)) }))
    }

    async fn list_stores(
        &self,
        request: Request<pb::ListStoresRequest>,
    ) -> Result<Response<pb::ListStoresResponse>, Status> {
        caller(&request, View)?;
        let listed = self.registry.stores(&convert::list_stores(request.into_inner())).await.map_err(to_status)?;
        Ok(Response::new(pb::ListStoresResponse {
            stores: listed.items.into_iter().map(convert::store).collect(),
            next_page_token: listed.next,
        }))
    }

    async fn update_store(
        &self,
        request: Request<pb::UpdateStoreRequest>,
    ) -> Result<Response<pb::UpdateStoreResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let update = convert::update_store(request);
        let (store, written) = self.registry.update_store(&caller, &update, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateStoreResponse {
            store: Some(convert::store(store)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn delete_store(
        &self,
        request: Request<pb::DeleteStoreRequest>,
    ) -> Result<Response<pb::DeleteStoreResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let delete = DeleteStore {
            store: SubjectRef { id: request.code, etag: request.etag },
            allow_rebinding: request.allow_rebinding,
        };
        let (narrowed, written) = self.registry.delete_store(&caller, &delete, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteStoreResponse {
            written: Some(convert::written(&written)),
            keys_narrowed: convert::count(narrowed),
        }))
    }
}
