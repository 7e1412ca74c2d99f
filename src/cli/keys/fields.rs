//! The fields of a key that are set and shown unchanged: the flags of `create` and `update`, and their lines in a
//! description. The access of a key is chosen in `choice`.

use clap::Args;

use crate::cli::output::Details;
use crate::cli::time::{TimeArg, TimeOrNever, parse_time, parse_time_or_never};
use crate::proto::v1;

/// Fields of a new key.
#[derive(Debug, Args)]
pub(super) struct NewFields {
    /// Name of the key
    #[arg(long)]
    name: String,
    /// Who is responsible for it: a person, a team, a partner
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// E-mail address of the owner, for questions about the key
    #[arg(long, value_name = "EMAIL", default_value = "", hide_default_value = true)]
    contact: String,
    /// Comment
    #[arg(long, default_value = "", hide_default_value = true)]
    comment: String,
    /// Create it switched off
    #[arg(long)]
    inactive: bool,
    /// Start of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 7d for 7 days from now
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    not_before: Option<TimeArg>,
    /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    expires: Option<TimeArg>,
    /// Network that calls must come from, such as 192.0.2.0/24; can be repeated [default: any address]
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// Label; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
}

impl NewFields {
    /// Converts these fields to a key.
    pub(super) fn into_key(self) -> v1::Key {
        v1::Key {
            name: self.name,
            owner: self.owner,
            contact: self.contact,
            comment: self.comment,
            active: Some(!self.inactive),
            not_before: self.not_before.map(TimeArg::in_future),
            expire_time: self.expires.map(TimeArg::in_future),
            networks: self.network,
            labels: self.label.into_iter().collect(),
            ..Default::default()
        }
    }
}

/// Changes of fields.
#[derive(Debug, Args)]
pub(super) struct ChangedFields {
    /// Change the name
    #[arg(long)]
    name: Option<String>,
    /// Change the owner; an empty value removes it
    #[arg(long)]
    owner: Option<String>,
    /// Change the e-mail address of the owner; an empty value removes it
    #[arg(long, value_name = "EMAIL")]
    contact: Option<String>,
    /// Change the comment; an empty value removes it
    #[arg(long)]
    comment: Option<String>,
    /// Switch it on
    #[arg(long, conflicts_with = "deactivate")]
    activate: bool,
    /// Switch it off: it grants access to nothing until it is switched on again
    #[arg(long)]
    deactivate: bool,
    /// Change the start of its validity: 2027-01-31, 7d for 7 days from now, or `never` to remove it
    #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
    not_before: Option<TimeOrNever>,
    /// Change the end of its validity: 2027-01-31, 90d for 90 days from now, or `never`
    #[arg(long, value_name = "WHEN", value_parser = parse_time_or_never)]
    expires: Option<TimeOrNever>,
    /// Replace the networks that calls must come from; can be repeated
    #[arg(long, value_name = "CIDR", conflicts_with = "any_network")]
    network: Vec<String>,
    /// Allow calls from any address
    #[arg(long)]
    any_network: bool,
    /// Set a label; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Remove a label; can be repeated
    #[arg(long, value_name = "NAME")]
    remove_label: Vec<String>,
}

impl ChangedFields {
    /// Sets the changed fields in `key`, a copy of `now`; returns their names, for the update mask.
    pub(super) fn apply(&self, now: &v1::Key, key: &mut v1::Key) -> Vec<&'static str> {
        let mut paths = Vec::new();
        for (path, value, field) in [
            ("name", &self.name, &mut key.name),
            ("owner", &self.owner, &mut key.owner),
            ("contact", &self.contact, &mut key.contact),
            ("comment", &self.comment, &mut key.comment),
        ] {
            if let Some(value) = value {
                paths.push(path);
                field.clone_from(value);
            }
        }
        if self.activate || self.deactivate {
            paths.push("active");
            key.active = Some(self.activate);
        }
        if let Some(not_before) = self.not_before {
            paths.push("not_before");
            key.not_before = not_before.in_future();
        }
        if let Some(expires) = self.expires {
            paths.push("expire_time");
            key.expire_time = expires.in_future();
        }
        if self.any_network || !self.network.is_empty() {
            paths.push("networks");
            key.networks.clone_from(&self.network);
        }
        if !self.label.is_empty() || !self.remove_label.is_empty() {
            paths.push("labels");
            key.labels.clone_from(&now.labels);
            key.labels.retain(|name, _| !self.remove_label.contains(name));
            key.labels.extend(self.label.iter().cloned());
        }
        paths
    }
}

/// Returns the names of a key and of its owner.
pub(super) fn details(key: &v1::Key) -> Details {
    Details::new()
        .with("key", &key.id)
        .with("name", &key.name)
        .with("owner", &key.owner)
        .with("contact", &key.contact)
        .with("comment", &key.comment)
}

/// Parses `name=value`.
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label must be written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
