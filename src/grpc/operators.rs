//! OperatorService: parse, call, convert.

use tonic::Request;

use super::admin::{AdminApi, admit, reply};
use super::convert::all;
use crate::model::operator::Permission::{Administer, Authorize};
use crate::proto::v1 as pb;
use crate::proto::v1::operator_service_server::OperatorService;
use crate::status::Reply;

#[tonic::async_trait]
impl OperatorService for AdminApi {
    async fn create_operator(&self, request: Request<pb::CreateOperatorRequest>) -> Reply<pb::CreateOperatorResponse> {
        let (caller, request) = admit(request, Administer)?;
        let draft = request.operator.unwrap_or_default().into();
        let (made, written) = self.registry.create_operator(&caller, &draft, &request.options.into()).await?;
        let token = made.token.reveal().to_owned();
        reply(pb::CreateOperatorResponse { operator: Some(made.operator.into()), token, written: Some(written.into()) })
    }

    async fn get_operator(&self, request: Request<pb::GetOperatorRequest>) -> Reply<pb::GetOperatorResponse> {
        let (_, request) = admit(request, Administer)?;
        reply(pb::GetOperatorResponse { operator: Some(self.registry.operator(&request.id).await?.into()) })
    }

    async fn get_current_operator(
        &self,
        request: Request<pb::GetCurrentOperatorRequest>,
    ) -> Reply<pb::GetCurrentOperatorResponse> {
        let (caller, _) = admit(request, Authorize)?;
        let operator = self.registry.current_operator(&caller).await?;
        reply(pb::GetCurrentOperatorResponse { operator: Some(operator.into()) })
    }

    async fn list_operators(&self, request: Request<pb::ListOperatorsRequest>) -> Reply<pb::ListOperatorsResponse> {
        let (_, request) = admit(request, Administer)?;
        let listed = self.registry.operators(&request.into()).await?;
        reply(pb::ListOperatorsResponse { operators: all(listed.items), next_page_token: listed.next })
    }

    async fn update_operator(&self, request: Request<pb::UpdateOperatorRequest>) -> Reply<pb::UpdateOperatorResponse> {
        let (caller, mut request) = admit(request, Administer)?;
        let options = request.options.take().into();
        let (operator, written) = self.registry.update_operator(&caller, &request.into(), &options).await?;
        reply(pb::UpdateOperatorResponse { operator: Some(operator.into()), written: Some(written.into()) })
    }

    async fn rotate_operator(&self, request: Request<pb::RotateOperatorRequest>) -> Reply<pb::RotateOperatorResponse> {
        let (caller, request) = admit(request, Administer)?;
        let (made, written) = self.registry.rotate_operator(&caller, &request.id, &request.options.into()).await?;
        let token = made.token.reveal().to_owned();
        reply(pb::RotateOperatorResponse { operator: Some(made.operator.into()), token, written: Some(written.into()) })
    }

    async fn revoke_operator(&self, request: Request<pb::RevokeOperatorRequest>) -> Reply<pb::RevokeOperatorResponse> {
        let (caller, request) = admit(request, Administer)?;
        let options = request.options.into();
        let (operator, written) = self.registry.revoke_operator(&caller, &request.id, &options).await?;
        reply(pb::RevokeOperatorResponse { operator: Some(operator.into()), written: Some(written.into()) })
    }
}
