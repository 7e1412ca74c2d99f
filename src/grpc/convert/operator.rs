//! Conversion of operators.

use crate::model::operator::{Operator, Role};
use crate::proto::v1 as pb;
use crate::registry::{Choice, ListOperators, OperatorDraft, Update, etag};

use super::common::{choice, mask, page, raw_time, time};

fn role_choice(number: i32) -> Choice<Role> {
    choice(number, |role| match role {
        pb::Role::Unspecified => None,
        pb::Role::Admin => Some(Role::Admin),
        pb::Role::Editor => Some(Role::Editor),
        pb::Role::Viewer => Some(Role::Viewer),
        pb::Role::Authorizer => Some(Role::Authorizer),
    })
}

/// Converts the desired state of an operator.
pub(in crate::grpc) fn operator_draft(operator: Option<pb::Operator>) -> OperatorDraft {
    let operator = operator.unwrap_or_default();
    OperatorDraft { name: operator.name, role: role_choice(operator.role), expires: operator.expire_time.map(raw_time) }
}

/// Converts an UpdateOperator request, without its options.
pub(in crate::grpc) fn update_operator(request: pb::UpdateOperatorRequest) -> Update<OperatorDraft> {
    let mut operator = request.operator.unwrap_or_default();
    let (id, etag) = (std::mem::take(&mut operator.id), std::mem::take(&mut operator.etag));
    Update { id, draft: operator_draft(Some(operator)), mask: mask(request.update_mask), etag }
}

/// Converts a ListOperators request.
pub(in crate::grpc) fn list_operators(request: pb::ListOperatorsRequest) -> ListOperators {
    ListOperators {
        page: page(request.page_size, request.page_token),
        role: role_choice(request.role),
        include_revoked: request.include_revoked,
    }
}

/// Converts an operator to its public form.
pub(in crate::grpc) fn operator(operator: Operator) -> pb::Operator {
    let role = match operator.role {
        Role::Admin => pb::Role::Admin,
        Role::Editor => pb::Role::Editor,
        Role::Viewer => pb::Role::Viewer,
        Role::Authorizer => pb::Role::Authorizer,
    };
    pb::Operator {
        id: operator.id.to_string(),
        name: operator.name,
        role: role.into(),
        expire_time: operator.expires.map(time),
        revoke_time: operator.revoked.map(time),
        hint: operator.hint,
        create_time: Some(time(operator.created)),
        update_time: Some(time(operator.updated)),
        etag: etag(operator.row_revision),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::id::OperatorId;
    use crate::model::time::Timestamp;
    use crate::registry::RawTime;

    #[test]
    fn an_operator_reads_back_as_it_was_told() {
        let at = |seconds| Timestamp::from_seconds(seconds, 0).unwrap();
        for role in [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer] {
            let id = OperatorId::new(at(1), [7; 10]);
            let sent = operator(Operator {
                id,
                name: "shop".to_owned(),
                role,
                expires: Some(at(9)),
                revoked: Some(at(8)),
                hint: "aB3d".to_owned(),
                created: at(1),
                updated: at(2),
                row_revision: Revision(5),
            });
            assert_eq!((sent.revoke_time.unwrap().seconds, sent.hint.as_str()), (8, "aB3d"));
            let request = pb::UpdateOperatorRequest { operator: Some(sent), ..pb::UpdateOperatorRequest::default() };
            let update = update_operator(request);
            let draft = OperatorDraft {
                name: "shop".to_owned(),
                role: Choice::Is(role),
                expires: Some(RawTime { seconds: 9, nanos: 0 }),
            };
            assert_eq!((update.id, update.etag.as_str(), update.draft), (id.to_string(), "e5", draft));
        }
    }
}
