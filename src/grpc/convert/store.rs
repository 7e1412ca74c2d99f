//! Conversion of stores.

use crate::model::store::Store;
use crate::proto::v1 as pb;
use crate::registry::{ListStores, PageInput, StoreDraft, etag};

use super::common::{Enumeration, time};

impl From<pb::Store> for StoreDraft {
    fn from(store: pb::Store) -> Self {
        Self {
            code: store.code,
            name: store.name,
            kind: Enumeration::choice(store.kind),
            platform: store.platform,
            hosts: store.hosts,
            active: store.active,
        }
    }
}

impl From<pb::ListStoresRequest> for ListStores {
    fn from(request: pb::ListStoresRequest) -> Self {
        Self {
            page: PageInput { size: request.page_size, token: request.page_token },
            active: request.active,
            platform: request.platform,
            kind: Enumeration::choice(request.kind),
            text: request.text,
        }
    }
}

impl From<Store> for pb::Store {
    fn from(store: Store) -> Self {
        Self {
            code: store.code.into(),
            name: store.name,
            kind: store.kind.number(),
            platform: store.platform,
            hosts: store.hosts,
            active: Some(store.active),
            create_time: Some(time(store.created)),
            update_time: Some(time(store.updated)),
            etag: etag(store.row_revision),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::store::{StoreKind, StoreNumber};
    use crate::model::time::Timestamp;
    use crate::registry::{Choice, Update};

    #[test]
    fn a_store_reads_back_as_it_was_told() {
        for kind in [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore] {
            let sent = pb::Store::from(Store {
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
                Update::from(pb::UpdateStoreRequest { store: Some(sent), ..pb::UpdateStoreRequest::default() });
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
