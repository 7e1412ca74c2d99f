//! Decisions for a key without its token, for a caller that manages the key. The same function decides; nothing is
//! counted as a use.

use std::collections::HashSet;
use std::time::Duration;

use super::Authority;
use super::undecided::Undecided;
use crate::model::decision::{Decision, Request, decide};
use crate::model::grant::{Grant, NumberSet, Standing};
use crate::model::id::SecretId;
use crate::model::key::{Access, Key, Secret};
use crate::model::time::Timestamp;
use crate::model::world::World;

/// How long a change that the caller has read may take to be applied here.
const CATCH_UP: Duration = Duration::from_secs(1);

impl Authority {
    /// Decides as if the newest token of `key` were presented now.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn dry_run<R: Send>(
        &self,
        key: &Key,
        request: &Request<'_>,
        answer: impl FnOnce(&Decision<'_>) -> R + Send,
    ) -> Result<R, Undecided> {
        // The key was read from storage, and may be ahead of the state applied here.
        let applied = self.wait_applied(key.row_revision, CATCH_UP).await;
        let state = self.inner.ready_state()?;
        if !applied {
            return Err(Undecided::Behind);
        }
        let now = self.decision_time(key.row_revision);
        let grant = grant(key, key.live_secrets(now).next(), &state.world);
        Ok(answer(&decide(&grant, &state.world, request, now)))
    }
}

/// Returns the grant of a key as it is managed. Deleted stores and methods are in neither, and grant nothing in either.
fn grant(key: &Key, secret: Option<&Secret>, world: &World) -> Grant {
    let standing = if secret.is_none() { Standing::Revoked } else { key.standing() };
    Grant {
        key: key.id,
        secret: secret.map_or_else(|| SecretId::new(Timestamp::EPOCH, [0; 10]), |secret| secret.id),
        name: key.spec.name.as_str().into(),
        standing,
        not_before: key.spec.not_before,
        expires: key.spec.expires,
        secret_expires: secret.and_then(|secret| secret.expires),
        networks: key.spec.networks.as_slice().into(),
        stores: match &key.spec.stores {
            Access::All => NumberSet::All,
            Access::Selected(codes) => {
                NumberSet::selected(codes.iter().filter_map(|code| Some(world.stores.get(code)?.number)).collect())
            }
        },
        methods: match &key.spec.methods {
            Access::All => NumberSet::All,
            Access::Selected(identities) => {
                let selected: HashSet<&str> = identities.iter().map(String::as_str).collect();
                let live = world.methods.book().entries().iter().filter(|entry| !entry.retired);
                let open = live.filter(|entry| selected.contains(entry.identity.to_text().as_str()));
                NumberSet::selected(open.map(|entry| entry.number).collect())
            }
        },
        row_revision: key.row_revision,
    }
}
