//! Conversion of methods of the reference book.

use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::proto::v1 as pb;
use crate::registry::{
    AffectedMethods, ImportMethods, ListMethods, MethodDraft, MethodsDiff, PageInput, Written, etag,
};

use super::common::{Enumeration, all, count, time};

impl From<pb::Method> for MethodDraft {
    fn from(method: pb::Method) -> Self {
        Self {
            method: method.method,
            block: method.block,
            summary: method.summary,
            description: method.description,
            store_use: Enumeration::choice(method.store_use),
            store_places: method.store_places,
            scope: method.scope,
            position: method.position,
        }
    }
}

impl From<pb::ImportMethodsRequest> for ImportMethods {
    fn from(request: pb::ImportMethodsRequest) -> Self {
        Self { methods: all(request.methods), retire_missing: request.retire_missing, dry_run: request.dry_run }
    }
}

impl From<pb::ListMethodsRequest> for ListMethods {
    fn from(request: pb::ListMethodsRequest) -> Self {
        let page = PageInput { size: request.page_size, token: request.page_token };
        Self { page, block: request.block, text: request.text }
    }
}

impl From<Method> for pb::Method {
    fn from(method: Method) -> Self {
        Self {
            method: method.identity.to_string(),
            block: method.block,
            summary: method.summary,
            description: method.description,
            store_use: method.store_use.number(),
            store_places: method.store_places.iter().map(ToString::to_string).collect(),
            scope: method.scope.unwrap_or_default(),
            position: method.position,
            create_time: Some(time(method.created)),
            update_time: Some(time(method.updated)),
            etag: etag(method.row_revision),
        }
    }
}

pub(in crate::grpc) fn import_methods_response(
    diff: MethodsDiff,
    written: Option<Written>,
) -> pb::ImportMethodsResponse {
    let (gaining, gaining_total) = diff.gaining;
    let (losing, losing_total) = diff.losing;
    pb::ImportMethodsResponse {
        added: names(&diff.added),
        changed: names(&diff.changed),
        retired: names(&diff.retired),
        unchanged: i32::try_from(diff.unchanged).unwrap_or(i32::MAX),
        gaining: all(gaining),
        losing: all(losing),
        gaining_total: count(gaining_total),
        losing_total: count(losing_total),
        written: written.map(Into::into),
    }
}

impl From<AffectedMethods> for pb::AffectedKey {
    fn from(key: AffectedMethods) -> Self {
        Self { key_id: key.key.to_string(), name: key.name, methods: names(&key.methods) }
    }
}

fn names(methods: &[MethodIdentity]) -> Vec<String> {
    methods.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::book::MethodNumber;
    use crate::model::change::Revision;
    use crate::model::method::StoreUse;
    use crate::model::time::Timestamp;
    use crate::registry::{Choice, Update};

    #[test]
    fn a_method_reads_back_as_it_was_told() {
        for store_use in StoreUse::ALL {
            let sent = pb::Method::from(Method {
                number: MethodNumber(3),
                identity: "GET /api/v*/orders/{externalId}".parse().unwrap(),
                block: "Orders".to_owned(),
                summary: "Get an order".to_owned(),
                description: "By its number".to_owned(),
                store_use,
                store_places: vec![
                    "query:filter[sites][]".parse().unwrap(),
                    "form:order#/customer/site".parse().unwrap(),
                ],
                scope: Some("order_read".to_owned()),
                position: 7,
                retired: None,
                created: Timestamp::EPOCH,
                updated: Timestamp::EPOCH,
                row_revision: Revision(5),
            });
            let request = pb::UpdateMethodRequest { method: Some(sent), ..pb::UpdateMethodRequest::default() };
            let update = Update::from(request);
            let draft = MethodDraft {
                method: "GET /api/v*/orders/{externalId}".to_owned(),
                block: "Orders".to_owned(),
                summary: "Get an order".to_owned(),
                description: "By its number".to_owned(),
                store_use: Choice::Is(store_use),
                store_places: ["query:filter[sites][]", "form:order#/customer/site"].map(str::to_owned).to_vec(),
                scope: "order_read".to_owned(),
                position: 7,
            };
            assert_eq!((update.id.clone(), update.etag.as_str(), update.draft), (draft.method.clone(), "e5", draft));
        }
    }
}
