//! Finding keys by their names.

use crate::cli::context::CommandContext;
use crate::cli::exit::Error;
use crate::proto::v1;

/// Returns the id of a key that is given by its id, or by a name that only one key has.
pub(in crate::cli) async fn resolve_key_id(context: &CommandContext, key: String) -> Result<String, Error> {
    if key.starts_with("key_") {
        return Ok(key);
    }
    // The search covers other fields too; more than a page of keys with the text in their names is too many.
    let request = v1::ListKeysRequest { page_size: 1_000, text: key.clone(), ..Default::default() };
    let mut client = context.keys().await?;
    let response = context.call("looking for the key", client.list_keys(request)).await?;
    let mut named = response.keys.into_iter().filter(|candidate| candidate.name == key);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => Err(Error::Conflict(format!("several keys are named `{key}`: use the ID instead"))),
        (None, _) => Err(Error::NotFound(format!("there is no key with the ID or name `{key}`"))),
    }
}
