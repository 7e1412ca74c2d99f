//! OperatorService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::operator::Permission::{Administer, Authorize};
use crate::proto::v1 as pb;
use crate::proto::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use crate::registry::Registry;

/// Serves operator management from the registry.
#[derive(Debug)]
pub(super) struct OperatorApi {
    registry: Registry,
}

impl OperatorApi {
    /// Creates the service over `registry`.
    pub(super) fn service(registry: Registry) -> OperatorServiceServer<Self> {
        OperatorServiceServer::new(Self { registry })
    }
}

#[tonic::async_trait]
impl OperatorService for OperatorApi {
    async fn create_operator(
        &self,
        request: Request<pb::CreateOperatorRequest>,
    ) -> Result<Response<pb::CreateOperatorResponse>, Status> {
        let caller = caller(&request, Administer)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let draft = convert::operator_draft(request.operator);
        let (made, written) = self.registry.create_operator(&caller, &draft, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateOperatorResponse {
            operator: Some(convert::operator(made.operator)),
            token: made.token.reveal().to_owned(),
            written: Some(convert::written(&written)),
        }))
    }

    async fn get_operator(
        &self,
        request: Request<pb::GetOperatorRequest>,
    ) -> Result<Response<pb::GetOperatorResponse>, Status> {
        caller(&request, Administer)?;
        let operator = self.registry.operator(&request.into_inner().id).await.map_err(to_status)?;
        Ok(Response::new(pb::GetOperatorResponse { operator: Some(convert::operator(operator)) }))
    }

    async fn get_current_operator(
        &self,
        request: Request<pb::GetCurrentOperatorRequest>,
    ) -> Result<Response<pb::GetCurrentOperatorResponse>, Status> {
        let caller = caller(&request, Authorize)?;
        let operator = self.registry.current_operator(&caller).await.map_err(to_status)?;
        Ok(Response::new(pb::GetCurrentOperatorResponse { operator: Some(convert::operator(operator)) }))
    }

    async fn list_operators(
        &self,
        request: Request<pb::ListOperatorsRequest>,
    ) -> Result<Response<pb::ListOperatorsResponse>, Status> {
        caller(&request, Administer)?;
        let list = convert::list_operators(request.into_inner());
        let listed = self.registry.operators(&list).await.map_err(to_status)?;
        Ok(Response::new(pb::ListOperatorsResponse {
            operators: listed.items.into_iter().map(convert::operator).collect(),
            next_page_token: listed.next,
        }))
    }

    async fn update_operator(
        &self,
        request: Request<pb::UpdateOperatorRequest>,
    ) -> Result<Response<pb::UpdateOperatorResponse>, Status> {
        let caller = caller(&request, Administer)?;
        let mut request = request.into_inner();
        let options = convert::options(request.options.take());
        let update = convert::update_operator(request);
        let (operator, written) = self.registry.update_operator(&caller, &update, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateOperatorResponse {
            operator: Some(convert::operator(operator)),
            written: Some(convert::written(&written)),
        }))
    }

    async fn rotate_operator(
        &self,
        request: Request<pb::RotateOperatorRequest>,
    ) -> Result<Response<pb::RotateOperatorResponse>, Status> {
        let caller = caller(&request, Administer)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let (made, written) = self.registry.rotate_operator(&caller, &request.id, &options).await.map_err(to_status)?;
        Ok(Response::new(pb::RotateOperatorResponse {
            operator: Some(convert::operator(made.operator)),
            token: made.token.reveal().to_owned(),
            written: Some(convert::written(&written)),
        }))
    }

    async fn revoke_operator(
        &self,
        request: Request<pb::RevokeOperatorRequest>,
    ) -> Result<Response<pb::RevokeOperatorResponse>, Status> {
        let caller = caller(&request, Administer)?;
        let request = request.into_inner();
        let options = convert::options(request.options);
        let done = self.registry.revoke_operator(&caller, &request.id, &options).await;
        let (operator, written) = done.map_err(to_status)?;
        Ok(Response::new(pb::RevokeOperatorResponse {
            operator: Some(convert::operator(operator)),
            written: Some(convert::written(&written)),
        }))
    }
}
