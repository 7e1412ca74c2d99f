//! Descriptions of a key for people.

use crate::cli::display;
use crate::cli::output::Details;
use crate::cli::time::{format_time, format_time_or_never, is_past};
use crate::proto::v1::{self, Access};

pub(super) fn key(key: Option<&v1::Key>) -> String {
    let Some(key) = key else { return String::new() };
    let members = |access: Access, members: &[String]| match (access, members) {
        (Access::All, _) => vec!["all, including those added later".to_owned()],
        (Access::Selected, []) => vec!["none".to_owned()],
        (Access::Selected, members) => members.to_vec(),
        (Access::Unspecified, _) => Vec::new(),
    };
    Details::new()
        .with("key", &key.id)
        .with("name", &key.name)
        .with("owner", &key.owner)
        .with("contact", &key.contact)
        .with("comment", &key.comment)
        .with("state", display::state(key))
        .with("revoked", format_time(key.revoke_time.as_ref()))
        .with("reason", &key.revoke_reason)
        .with_all("stores", members(key.store_access(), &key.stores))
        .with_all("methods", members(key.method_access(), &key.methods))
        .with("valid from", format_time(key.not_before.as_ref()))
        .with("expires", format_time_or_never(key.expire_time.as_ref()))
        .with_all("networks", key.networks.clone())
        .with_all("labels", key.labels.iter().map(|(name, value)| format!("{name}={value}")))
        .with_all("tokens", key.secrets.iter().map(secret))
        .with("created", format_time(key.create_time.as_ref()))
        .with("changed", format_time(key.update_time.as_ref()))
        .with("last used", format_time_or_never(key.last_use_time.as_ref()))
        .text()
}

/// Describes a key whose tokens were changed, in short.
pub(super) fn brief(key: Option<&v1::Key>) -> String {
    let Some(key) = key else { return String::new() };
    let tokens =
        if key.secrets.is_empty() { vec!["none".to_owned()] } else { key.secrets.iter().map(secret).collect() };
    Details::new()
        .with("key", &key.id)
        .with("name", &key.name)
        .with("state", display::state(key))
        .with("revoked", format_time(key.revoke_time.as_ref()))
        .with("reason", &key.revoke_reason)
        .with_all("tokens", tokens)
        .text()
}

/// Describes the key that a token belongs to.
pub(super) fn found(response: &v1::FindKeyResponse) -> String {
    let standing = match (response.deleted, response.end_time.as_ref()) {
        (true, _) => "the key was deleted".to_owned(),
        (false, Some(end)) => format!("ended {}", format_time(Some(end))),
        (false, None) => match response.secret.as_ref().and_then(|secret| secret.expire_time.as_ref()) {
            Some(end) if is_past(Some(end)) => format!("replaced; expired {}", format_time(Some(end))),
            Some(end) => format!("being replaced; valid until {}", format_time(Some(end))),
            None => "current".to_owned(),
        },
    };
    let head = Details::new()
        .with("token", response.secret.as_ref().map_or_else(String::new, secret))
        .with("state", standing)
        .text();
    match &response.key {
        Some(of) if response.deleted => {
            format!("{head}{}", Details::new().with("key", &of.id).with("name", &of.name).text())
        }
        of => format!("{head}\n{}", key(of.as_ref())),
    }
}

/// Describes a token without revealing it: its hint, its id and its state.
pub(super) fn secret(secret: &v1::Secret) -> String {
    let mut text = format!("…{}  {}", secret.hint, secret.id);
    if secret.origin() == v1::SecretOrigin::Supplied {
        text.push_str("  supplied");
    }
    if secret.expire_time.is_some() {
        text.push_str("  until ");
        text.push_str(&format_time(secret.expire_time.as_ref()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> v1::Key {
        v1::Key {
            id: "key_1".to_owned(),
            name: "CPA".to_owned(),
            active: Some(true),
            store_access: Access::Selected.into(),
            method_access: Access::All.into(),
            secrets: vec![v1::Secret { id: "sec_1".to_owned(), hint: "abcd".to_owned(), ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn all_and_none_are_said_in_words() {
        let text = key(Some(&sample()));
        let line =
            |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default().to_owned();
        assert!(line("stores").ends_with("none"), "{text}");
        assert!(line("methods").ends_with("all, including those added later"), "{text}");
        assert!(line("expires").ends_with("never"), "{text}");
        assert!(line("tokens").contains("…abcd  sec_1"), "{text}");
    }

    #[test]
    fn a_deleted_key_is_told_by_id_and_name_alone() {
        let response = v1::FindKeyResponse { key: Some(sample()), deleted: true, ..Default::default() };
        let text = found(&response);
        assert!(text.contains("the key was deleted") && text.contains("key_1") && !text.contains("stores"), "{text}");
    }
}
