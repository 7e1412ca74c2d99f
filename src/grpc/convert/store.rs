//! Conversion of stores.

use crate::model::store::{Store, StoreKind};
use crate::proto::v1 as pb;
use crate::registry::{Choice, ListStores, StoreDraft, Update, etag};

use super::common::{choice, mask, page, time};

fn kind_choice(number: i32) -> Choice<StoreKind> {
    choice(number, |kind| match kind {
        pb::StoreKind::Unspecified => None,
        pb::StoreKind::Site => Some(StoreKind::Site),
        pb::StoreKind::LandingPage => Some(StoreKind::LandingPage),
        pb::StoreKind::OnlineStore => Some(StoreKind::OnlineStore),
    })
}

/// Converts the desired state of a store.
pub(in crate::grpc) fn store_draft(store: Option<pb::Store>) -> StoreDraft {
    let store = store.unwrap_or_default();
    StoreDraft {
        code: store.code,
        name: store.name,
        kind: kind_choice(store.kind),
        platform: store.platform,
        hosts: store.hosts,
        active: store.active,
    }
}

/// Converts an UpdateStore request, without its options.
pub(in crate::grpc) fn update_store(request: pb::UpdateStoreRequest) -> Update<StoreDraft> {
    let etag = request.store.as_ref().map(|store| store.etag.clone()).unwrap_or_default();
    let draft = store_draft(request.store);
    Update { id: draft.code.clone(), draft, mask: mask(request.update_mask), etag }
}

/// Converts a ListStores request.
pub(in crate::grpc) fn list_stores(request: pb::ListStoresRequest) -> ListStores {
    ListStores {
        page: page(request.page_size, request.page_token),
        active: request.active,
        platform: request.platform,
        kind: kind_choice(request.kind),
        text: request.text,
    }
}

/// Converts a store to its public form.
pub(in crate::grpc) fn store(store: Store) -> pb::Store {
    let kind = match store.kind {
        StoreKind::Site => pb::StoreKind::Site,
        StoreKind::LandingPage => pb::StoreKind::LandingPage,
        StoreKind::OnlineStore => pb::StoreKind::OnlineStore,
    };
    pb::Store {
        code: store.code.into(),
        name: store.name,
        kind: kind.into(),
        platform: store.platform,
        hosts: store.hosts,
        active: Some(store.active),
        create_time: Some(time(store.created)),
        update_time: Some(time(store.updated)),
        etag: etag(store.row_revision),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::store::StoreNumber;
    use crate::model::time::Timestamp;

    #[test]
    fn a_store_reads_back_as_it_was_told() {
        for kind in [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore] {
            let sent = store(Store {
                number: StoreNumber(3),
                code: "main".parse().unwrap(),
                name: "Main".to_owned(),
                kind,
                platform: "1c-bitrix".to_owned(),
                hosts: vec!["shop.example".to_owned()],
                active: false,
                created: Timestamp::EPOCH,
                updated: Timestamp::EPOCH,
                row_revision: Revision(5),
            });
            let update =
                update_store(pb::UpdateStoreRequest { store: Some(sent), ..pb::UpdateStoreRequest::default() });
            let draft = StoreDraft {
                code: "main".to_owned(),
                name: "Main".to_owned(),
                kind: Choice::Is(kind),
                platform: "1c-bitrix".to_owned(),
                hosts: vec!["shop.example".to_owned()],
                active: Some(false),
            };
            assert_eq!((update.id.as_str(), update.etag.as_str(), update.draft), ("main", "e5", draft));
        }
    }
}
