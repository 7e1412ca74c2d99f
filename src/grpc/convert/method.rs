//! Conversion of methods of the reference book.

use crate::model::method::StoreUse;
use crate::model::reference::Method;
use crate::proto::v1 as pb;
use crate::registry::{AffectedMethods, Choice, ImportMethods, MethodDraft, MethodsDiff, Update, Written, etag};

use super::common::{choice, count, mask, time, written};

fn use_choice(number: i32) -> Choice<StoreUse> {
    choice(number, |store_use| match store_use {
        pb::StoreUse::Unspecified => None,
        pb::StoreUse::None => Some(StoreUse::None),
        pb::StoreUse::Shared => Some(StoreUse::Shared),
        pb::StoreUse::Optional => Some(StoreUse::Optional),
        pb::StoreUse::Required => Some(StoreUse::Required),
    })
}

/// Converts the desired state of a method.
pub(in crate::grpc) fn method_draft(method: pb::Method) -> MethodDraft {
    MethodDraft {
        method: method.method,
        block: method.block,
        summary: method.summary,
        description: method.description,
        store_use: use_choice(method.store_use),
        store_places: method.store_places,
        scope: method.scope,
        position: method.position,
    }
}

/// Converts an UpdateMethod request, without its options.
pub(in crate::grpc) fn update_method(request: pb::UpdateMethodRequest) -> Update<MethodDraft> {
    let method = request.method.unwrap_or_default();
    let (id, etag) = (method.method.clone(), method.etag.clone());
    Update { id, draft: method_draft(method), mask: mask(request.update_mask), etag }
}

/// Converts an ImportMethods request, without its options.
pub(in crate::grpc) fn import_methods(request: pb::ImportMethodsRequest) -> ImportMethods {
    ImportMethods {
        methods: request.methods.into_iter().map(method_draft).collect(),
        retire_missing: request.retire_missing,
        dry_run: request.dry_run,
    }
}

/// Converts a method to its public form.
pub(in crate::grpc) fn method(method: Method) -> pb::Method {
    let store_use = match method.store_use {
        StoreUse::None => pb::StoreUse::None,
        StoreUse::Shared => pb::StoreUse::Shared,
        StoreUse::Optional => pb::StoreUse::Optional,
        StoreUse::Required => pb::StoreUse::Required,
    };
    pb::Method {
        method: method.identity.to_string(),
        block: method.block,
        summary: method.summary,
        description: method.description,
        store_use: store_use.into(),
        store_places: method.store_places.iter().map(ToString::to_string).collect(),
        scope: method.scope.unwrap_or_default(),
        position: method.position,
        create_time: Some(time(method.created)),
        update_time: Some(time(method.updated)),
        etag: etag(method.row_revision),
    }
}

/// Builds the response of ImportMethods.
pub(in crate::grpc) fn import_methods_response(
    diff: MethodsDiff,
    wrote: Option<&Written>,
) -> pb::ImportMethodsResponse {
    let names = |methods: Vec<crate::model::pattern::MethodIdentity>| -> Vec<String> {
        methods.iter().map(ToString::to_string).collect()
    };
    let affected = |keys: Vec<AffectedMethods>| -> Vec<pb::AffectedKey> {
        keys.into_iter()
            .map(|key| pb::AffectedKey { key_id: key.key.to_string(), name: key.name, methods: names(key.methods) })
            .collect()
    };
    let (gaining, gaining_total) = diff.gaining;
    let (losing, losing_total) = diff.losing;
    pb::ImportMethodsResponse {
        added: names(diff.added),
        changed: names(diff.changed),
        retired: names(diff.retired),
        unchanged: i32::try_from(diff.unchanged).unwrap_or(i32::MAX),
        gaining: affected(gaining),
        losing: affected(losing),
        gaining_total: count(gaining_total),
        losing_total: count(losing_total),
        written: wrote.map(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::book::MethodNumber;
    use crate::model::change::Revision;
    use crate::model::time::Timestamp;

    #[test]
    fn a_method_reads_back_as_it_was_told() {
        for store_use in StoreUse::ALL {
            let sent = method(Method {
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
            let update = update_method(request);
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
