//! Flags by the fields that they set, so that an error names what was typed.

/// Fields of the contract, and the flags that set them in all commands that send them.
const FLAGS: &[(&str, &str)] = &[
    ("key.name", "--name"),
    ("key.owner", "--owner"),
    ("key.contact", "--contact"),
    ("key.comment", "--comment"),
    ("key.active", "--activate"),
    ("key.store_access", "--store"),
    ("key.stores", "--store"),
    ("key.method_access", "--method"),
    ("key.methods", "--method"),
    ("key.not_before", "--not-before"),
    ("key.expire_time", "--expires"),
    ("key.networks", "--network"),
    ("key.labels", "--label"),
    ("store.name", "--name"),
    ("store.kind", "--kind"),
    ("store.platform", "--platform"),
    ("store.hosts", "--host"),
    ("store.active", "--activate"),
    ("method.block", "--block"),
    ("method.summary", "--summary"),
    ("method.description", "--description"),
    ("method.store_use", "--store-use"),
    ("method.store_places", "--store-place"),
    ("method.scope", "--scope"),
    ("method.position", "--position"),
    ("operator.name", "--name"),
    ("operator.role", "--role"),
    ("operator.expire_time", "--expires"),
    ("options.comment", "--because"),
    ("options.replica_wait", "--wait"),
    ("overlap", "--overlap"),
    ("reason", "--reason"),
    ("request_id", "--request-id"),
    // Filters of lists.
    ("text", "--text"),
    ("owner", "--owner"),
    ("platform", "--platform"),
    ("expire_before", "--expires-before"),
    ("unused_since", "--unused-since"),
];

/// Returns the flag that sets a field, such as `key.labels[team]`; the field itself if no flag does.
pub(super) fn of_field(field: &str) -> &str {
    let is_member = |rest: &str| rest.starts_with('[') && rest.ends_with(']');
    let is_of = |known: &str| field.strip_prefix(known).is_some_and(|rest| rest.is_empty() || is_member(rest));
    FLAGS.iter().find(|(known, _)| is_of(known)).map_or(field, |(_, flag)| *flag)
}

/// Replaces the field that a message begins with by its flag.
pub(super) fn in_message(message: String) -> String {
    match message.split_once(": ") {
        Some((field, rest)) if of_field(field) != field => format!("{}: {rest}", of_field(field)),
        _ => message,
    }
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
            assert!(of_field(&field).starts_with("--"), "{field}");
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
        for (field, flag) in FLAGS {
            assert!(known.contains(*flag), "{field}: {flag}");
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
