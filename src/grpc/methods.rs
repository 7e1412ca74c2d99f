//! MethodService: parse, call, convert.

use tonic::Request;

use super::admin::{AdminApi, admit, reply};
use super::convert::{all, count, import_methods_response};
use crate::model::operator::Permission::{Edit, View};
use crate::proto::v1 as pb;
use crate::proto::v1::method_service_server::MethodService;
use crate::registry::SubjectRef;
use crate::status::Reply;

#[tonic::async_trait]
impl MethodService for AdminApi {
    async fn create_method(&self, request: Request<pb::CreateMethodRequest>) -> Reply<pb::CreateMethodResponse> {
        let (caller, request) = admit(request, Edit)?;
        let draft = request.method.unwrap_or_default().into();
        let (method, written) = self.registry.create_method(&caller, &draft, &request.options.into()).await?;
        reply(pb::CreateMethodResponse { method: Some(method.into()), written: Some(written.into()) })
    }

    async fn get_method(&self, request: Request<pb::GetMethodRequest>) -> Reply<pb::GetMethodResponse> {
        let (_, request) = admit(request, View)?;
        reply(pb::GetMethodResponse { method: Some(self.registry.method(&request.method).await?.into()) })
    }

    async fn list_methods(&self, request: Request<pb::ListMethodsRequest>) -> Reply<pb::ListMethodsResponse> {
        let (_, request) = admit(request, View)?;
        let listed = self.registry.methods(&request.into()).await?;
        reply(pb::ListMethodsResponse { methods: all(listed.items), next_page_token: listed.next })
    }

    async fn update_method(&self, request: Request<pb::UpdateMethodRequest>) -> Reply<pb::UpdateMethodResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (method, written) = self.registry.update_method(&caller, &request.into(), &options).await?;
        reply(pb::UpdateMethodResponse { method: Some(method.into()), written: Some(written.into()) })
    }

    async fn delete_method(&self, request: Request<pb::DeleteMethodRequest>) -> Reply<pb::DeleteMethodResponse> {
        let (caller, request) = admit(request, Edit)?;
        let method = SubjectRef { id: request.method, etag: request.etag };
        let (narrowed, written) = self.registry.delete_method(&caller, &method, &request.options.into()).await?;
        reply(pb::DeleteMethodResponse { written: Some(written.into()), keys_narrowed: count(narrowed) })
    }

    async fn import_methods(&self, request: Request<pb::ImportMethodsRequest>) -> Reply<pb::ImportMethodsResponse> {
        let (caller, mut request) = admit(request, Edit)?;
        let options = request.options.take().into();
        let (diff, written) = self.registry.import_methods(&caller, &request.into(), &options).await?;
        reply(import_methods_response(diff, written))
    }
}
