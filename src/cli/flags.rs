//! Flags by the fields that they set, so that an error names what was typed.

/// Fields of the contract, by the message or filter that has them, and the flags that set them in all commands that send
/// them: flags have the name of the field unless another one follows.
const FLAGS: &[(&str, &str)] = &[
    (
        "key.",
        "name owner contact comment active=activate store_access=store stores=store method_access=method \
         methods=method not_before expire_time=expires networks=network labels=label",
    ),
    ("store.", "name kind platform hosts=host active=activate"),
    ("method.", "block summary description store_use store_places=store-place scope position"),
    ("operator.", "name role expire_time=expires"),
    ("options.", "comment=because replica_wait=wait"),
    ("", "overlap reason request_id text owner platform expire_before=expires-before unused_since"),
];

fn all() -> impl Iterator<Item = (String, String)> {
    FLAGS.iter().flat_map(|(message, fields)| {
        fields.split(' ').map(move |field| {
            let (field, flag) = field.split_once('=').unwrap_or((field, field));
            (format!("{message}{field}"), format!("--{}", flag.replace('_', "-")))
        })
    })
}

/// Returns the flag that sets a field, such as `key.labels[team]`; `None` if no flag does.
pub(super) fn flag(field: &str) -> Option<String> {
    let is_member = |rest: &str| rest.starts_with('[') && rest.ends_with(']');
    let is_of = |known: &str| field.strip_prefix(known).is_some_and(|rest| rest.is_empty() || is_member(rest));
    all().find(|(known, _)| is_of(known)).map(|(_, flag)| flag)
}

/// Replaces the field that a message begins with by its flag.
pub(super) fn in_message(message: String) -> String {
    let renamed = message.split_once(": ").and_then(|(field, rest)| Some(format!("{}: {rest}", flag(field)?)));
    renamed.unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::settings::command;
    use crate::registry::key_fields;

    #[test]
    fn every_field_of_a_key_has_a_flag() {
        for field in key_fields(false) {
            let field = format!("key.{field}");
            assert!(flag(&field).is_some_and(|flag| flag.starts_with("--")), "{field}");
        }
    }

    #[test]
    fn the_flags_exist() {
        let mut known = BTreeSet::new();
        let mut commands = vec![command()];
        while let Some(command) = commands.pop() {
            known.extend(command.get_arguments().filter_map(|flag| Some(format!("--{}", flag.get_long()?))));
            commands.extend(command.get_subcommands().cloned());
        }
        for (field, flag) in all() {
            assert!(known.contains(&flag), "{field}: {flag}");
        }
    }

    #[test]
    fn a_message_names_the_flag_and_other_messages_stay() {
        for (message, expected) in [
            ("key.contact: is not valid", "--contact: is not valid"),
            ("key.labels[a: b]: is odd", "key.labels[a: b]: is odd"),
            ("key.networks[1]: is not a network", "--network: is not a network"),
            ("options.comment: is too long", "--because: is too long"),
            ("store.code: is taken", "store.code: is taken"),
            ("the key is revoked", "the key is revoked"),
        ] {
            assert_eq!(in_message(message.to_owned()), expected);
        }
    }
}
