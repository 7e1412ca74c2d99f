//! MethodService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::operator::Permission::{Edit, View};
use crate::proto::v1 as pb;
use crate::proto::v1::method_service_server::{MethodService, MethodServiceServer};
use crate::registry::{ListMethods, Registry, SubjectRef};

/// Serves the reference book from the registry.
#[derive(Debug)]
pub(super) struct MethodApi {
    registry: Registry,
}

impl MethodApi {
    /// Creates the service over `registry`.
    pub(super) fn service(registry: Registry) -> MethodServiceServer<Self> {
        MethodServiceServer::new(Self { registry })
    }
}

#[tonic::async_trait]
impl MethodService for MethodApi {
    async fn create_method(
        &self,
        request: Request<pb::CreateMethodRequest>,
    ) -> Result<Response<pb::CreateMethodResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let draft = convert::method_draft(request.method.unwrap_or_default());
        let (method, written) = self.registry.create_method(&caller, &draft, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateMethodResponse {
            method: Some(convert::method(method)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn get_method(
        &self,
        request: Request<pb::GetMethodRequest>,
    ) -> Result<Response<pb::GetMethodResponse>, Status> {
        caller(&request, View)?;
        let method = self.registry.method(&request.into_inner().method).await.map_err(to_status)?;
        Ok(Response::new(pb::GetMethodResponse { method: Some(convert::method(method)) }))
    }

    async fn list_methods(
        &self,
        request: Request<pb::ListMethodsRequest>,
    ) -> Result<Response<pb::ListMethodsResponse>, Status> {
        caller(&request, View)?;
        let request = request.into_inner();
        let page = convert::page(request.page_size, request.page_token);
        let list = ListMethods { page, block: request.block, text: request.text };
        let listed = self.registry.methods(&list).await.map_err(to_status)?;
        Ok(Response::new(pb::ListMethodsResponse {
            methods: listed.items.into_iter().map(convert::method).collect(),
            next_page_token: listed.next,
        }))
    }

    async fn update_method(
        &self,
        request: Request<pb::UpdateMethodRequest>,
    ) -> Result<Response<pb::UpdateMethodResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let update = convert::update_method(request);
        let (method, written) = self.registry.update_method(&caller, &update, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateMethodResponse {
            method: Some(convert::method(method)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn delete_method(
        &self,
        request: Request<pb::DeleteMethodRequest>,
    ) -> Result<Response<pb::DeleteMethodResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let method = SubjectRef { id: request.method, etag: request.etag };
        let (narrowed, written) = self.registry.delete_method(&caller, &method, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteMethodResponse {
            written: Some(convert::written(&written)),
            keys_narrowed: convert::count(narrowed),
        }))
    }

    async fn import_methods(
        &self,
        request: Request<pb::ImportMethodsRequest>,
    ) -> Result<Response<pb::ImportMethodsResponse>, Status> {
        let caller = caller(&request, Edit)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let import = convert::import_methods(request);
        let (diff, written) = self.registry.import_methods(&caller, &import, &options).await.map_err(to_status)?;
        Ok(Response::new(convert::import_methods_response(diff, written.as_ref())))
    }
}
