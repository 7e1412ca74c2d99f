//! The id of the database that this data folder has served, kept in a file, so that an empty database in its place is
//! not mistaken for a first start.

use std::path::PathBuf;

use super::Error;
use crate::config::Config;
use crate::storage::{self, Deployment, StorageUrl};

const FILE: &str = "deployment";

fn path(config: &Config) -> PathBuf {
    config.data_dir.join(FILE)
}

/// Returns the deployment that was served from `url`; `None` if there was none, or if that is unknown.
pub(super) fn read(config: &Config, url: &StorageUrl) -> Option<String> {
    let text = std::fs::read_to_string(path(config)).ok()?;
    let (id, stored_url) = text.trim_end().split_once(' ')?;
    // Applies to this URL only. Without the password, which may change.
    (stored_url == url.to_string()).then(|| id.to_owned())
}

/// Refuses an empty database that replaced the one served before, unless an administrator has confirmed it.
pub(super) fn check(config: &Config, url: &StorageUrl, found: &Deployment) -> Result<(), Error> {
    let served = read(config, url);
    if let (Some(served), Some(id)) = (&served, &found.id)
        && served != id
        && found.empty
        && !found.replaces.contains(served)
        && !cfg!(without_guard = "emptied")
    {
        return Err(Error::Storage(storage::Error::Unusable {
            sentence: "the database has no keys and is not the one that this server used before: restore its backup, \
                 or run `latchkey migrate --start-over` to continue with an empty one"
                .to_owned(),
        }));
    }
    Ok(())
}

pub(super) fn write(config: &Config, url: &StorageUrl, deployment: &Deployment) {
    let Some(id) = &deployment.id else { return };
    if read(config, url).as_ref() == Some(id) {
        return;
    }
    if let Err(error) = std::fs::write(path(config), format!("{id} {url}\n")) {
        tracing::warn!(error = %error, "the data folder cannot record which database is in use");
    }
}
