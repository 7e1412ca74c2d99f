//! Conversion of operators.

use crate::model::operator::Operator;
use crate::proto::v1 as pb;
use crate::registry::{ListOperators, OperatorDraft, PageInput, etag};

use super::common::{Enumeration, raw_time, time};

impl From<pb::Operator> for OperatorDraft {
    fn from(operator: pb::Operator) -> Self {
        Self {
            name: operator.name,
            role: Enumeration::choice(operator.role),
            expires: operator.expire_time.map(raw_time),
        }
    }
}

impl From<pb::ListOperatorsRequest> for ListOperators {
    fn from(request: pb::ListOperatorsRequest) -> Self {
        Self {
            page: PageInput { size: request.page_size, token: request.page_token },
            role: Enumeration::choice(request.role),
            include_revoked: request.include_revoked,
        }
    }
}

impl From<Operator> for pb::Operator {
    fn from(operator: Operator) -> Self {
        Self {
            id: operator.id.to_string(),
            name: operator.name,
            role: operator.role.number(),
            expire_time: operator.expires.map(time),
            revoke_time: operator.revoked.map(time),
            hint: operator.hint,
            create_time: Some(time(operator.created)),
            update_time: Some(time(operator.updated)),
            etag: etag(operator.row_revision),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::id::OperatorId;
    use crate::model::operator::Role;
    use crate::model::time::Timestamp;
    use crate::registry::{Choice, RawTime, Update};

    #[test]
    fn an_operator_reads_back_as_it_was_told() {
        let at = |seconds| Timestamp::from_seconds(seconds, 0).unwrap();
        for role in [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer] {
            let id = OperatorId::new(at(1), [7; 10]);
            let sent = pb::Operator::from(Operator {
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
            let update = Update::from(request);
            let draft = OperatorDraft {
                name: "shop".to_owned(),
                role: Choice::Is(role),
                expires: Some(RawTime { seconds: 9, nanos: 0 }),
            };
            assert_eq!((update.id, update.etag.as_str(), update.draft), (id.to_string(), "e5", draft));
        }
    }
}
