//! Protects against a replaced database: one in the place of the followed database, without keys. Somebody emptied it
//! by mistake, or a restore has not begun. It is not followed until an administrator confirms it.

use std::time::Duration;

use super::inner::Inner;
use crate::storage::{self, Deployment};

/// Time between two checks of a database that is not followed.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Refuses an empty database with another name than the followed one; otherwise remembers the name.
pub(super) async fn check(inner: &Inner, found: &Deployment) -> storage::Result<()> {
    let followed = inner.deployment.lock().clone();
    if let (Some(followed), Some(id)) = (&followed, &found.id)
        && followed != id
        && found.empty
        && !found.replaces.contains(followed)
        && !cfg!(without_guard = "emptied")
    {
        inner.freshness.reset();
        inner.state.store(None);
        if let Err(error) = inner.storage.mark_replaced(followed).await {
            tracing::debug!(error = %error, "an empty database could not be marked");
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
        return Err(storage::Error::Unusable {
            sentence:
                "the database has no keys and is not the one served before: restore its backup, or run `latchkey \
                 migrate --start-over` to continue with an empty one"
                    .to_owned(),
        });
    }
    if found.id.is_some() {
        inner.deployment.lock().clone_from(&found.id);
    }
    Ok(())
}

/// Marks a database without tables as a replacement of the followed one.
pub(super) async fn mark(inner: &Inner, error: &storage::Error) {
    let followed = inner.deployment.lock().clone();
    let Some(followed) = followed.filter(|_| matches!(error, storage::Error::Failed { .. })) else { return };
    if let Err(error) = inner.storage.mark_replaced(&followed).await {
        tracing::debug!(error = %error, "an empty database could not be marked");
    }
}
