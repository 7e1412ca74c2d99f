//! The rules that fields of several subjects share. Each check adds its violations and continues, so that a caller
//! receives all of them at once.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::model::time::Timestamp;
use crate::model::violations::{Violations, excerpt};

use super::error::Result;
use super::input::{Choice, RawDuration, RawTime, WriteOptions};

/// The longest comment on a write, in characters.
const MAX_WRITE_COMMENT: usize = 1_000;
const MAX_REPLICA_WAIT: Duration = Duration::from_secs(30);
/// The longest search text, in characters.
const MAX_SEARCH: usize = 200;

/// Fails with the violations, if there are any.
pub(super) fn none(violations: Violations) -> Result<()> {
    if violations.is_empty() { Ok(()) } else { Err(violations.into()) }
}

/// Runs the checks of a request, and fails with all of their violations. A check returns `None` only with a violation.
pub(super) fn checked<T>(check: impl FnOnce(&mut Violations) -> Option<T>) -> Result<T> {
    let mut violations = Violations::new();
    check(&mut violations).filter(|_| violations.is_empty()).ok_or_else(|| violations.into())
}

/// The number of lines a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// One: a name, a title.
    One,
    /// Several: a note.
    Several,
}

/// Checks a text of `min..=max` characters without control characters, and without white space at its ends, which is
/// invisible and a common source of errors.
pub(super) fn text(
    violations: &mut Violations,
    field: impl Display,
    text: &str,
    (min, max): (usize, usize),
    lines: Lines,
) {
    let count = text.chars().count();
    if count < min {
        violations.add(&field, if count == 0 { "must not be empty" } else { "is too short" });
    }
    if count > max {
        violations.add(&field, format_args!("has {count} characters; the maximum is {max}"));
    }
    if text.trim() != text {
        violations.add(&field, "must not start or end with white space");
    }
    let line_break = |character| lines == Lines::Several && matches!(character, '\n' | '\t');
    if text.chars().any(|character| character.is_control() && !line_break(character)) {
        let allowed = if lines == Lines::Several { " other than line feed and tab" } else { "" };
        violations.add(&field, format_args!("must not contain control characters{allowed}"));
    }
}

/// Checks the text of a search or filter: anything that the searched fields may contain.
pub(super) fn search(violations: &mut Violations, field: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let count = text.chars().count();
    if count > MAX_SEARCH {
        violations.add(field, format_args!("has {count} characters; the maximum is {MAX_SEARCH}"));
    }
    if text.contains('\0') {
        violations.add(field, "must not contain a NUL character");
    }
    Some(text.to_owned())
}

/// Checks a point in time, if one was given.
pub(super) fn time(violations: &mut Violations, field: &str, raw: Option<RawTime>) -> Option<Timestamp> {
    let raw = raw?;
    let time =
        (0..1_000_000_000).contains(&raw.nanos).then(|| Timestamp::from_seconds(raw.seconds, raw.nanos)).flatten();
    if time.is_none() {
        violations.add(field, "must be a time in the years 1 to 9999 with 0 to 999 999 999 nanoseconds");
    }
    time
}

/// Checks that one time is before another, each with the name of its field, if both were given.
pub(super) fn in_order(
    violations: &mut Violations,
    (start_field, start): (&str, Option<Timestamp>),
    (end_field, end): (&str, Option<Timestamp>),
) {
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        violations.add(end_field, format_args!("is {end}; it must be later than {start_field}, which is {start}"));
    }
}

/// Checks a duration from zero to `max`.
pub(super) fn duration(violations: &mut Violations, field: &str, raw: RawDuration, max: Duration) -> Option<Duration> {
    let duration = u64::try_from(raw.seconds)
        .ok()
        .zip(u32::try_from(raw.nanos).ok().filter(|nanos| *nanos < 1_000_000_000))
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .filter(|duration| *duration <= max);
    if duration.is_none() {
        violations.add(field, format_args!("must be 0 s to {} s", max.as_secs()));
    }
    duration
}

/// Checks a required choice; `names` are the possible values.
pub(super) fn required<T>(violations: &mut Violations, field: &str, choice: Choice<T>, names: &str) -> Option<T> {
    let description = match choice {
        Choice::Is(value) => return Some(value),
        Choice::Unset => format!("is required: {names}"),
        Choice::Unknown(number) => format!("is {number}, which is unknown; use {names}"),
    };
    violations.add(field, description);
    None
}

/// Checks an optional choice of a filter.
pub(super) fn optional<T>(violations: &mut Violations, field: &str, choice: Choice<T>, names: &str) -> Option<T> {
    if matches!(choice, Choice::Unset) { None } else { required(violations, field, choice, names) }
}

/// Parses an id, a code or an identity: any text with a grammar whose errors describe the right form.
pub(super) fn parse<T>(violations: &mut Violations, field: impl Display, text: &str) -> Option<T>
where
    T: std::str::FromStr<Err: Display>,
{
    let refuse = |error| {
        let description = if text.is_empty() { "must not be empty".to_owned() } else { escape_controls(&error) };
        violations.add(field, description);
    };
    text.parse().map_err(refuse).ok()
}

/// Formats an error of the model, which repeats the refused text unchanged: control characters become visible.
fn escape_controls(error: &impl Display) -> String {
    let mut text = String::new();
    for character in error.to_string().chars() {
        if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
    }
    text
}

/// Adds a violation for every entry that equals an earlier one; `what` names an entry.
fn distinct<'a>(violations: &mut Violations, field: &str, entries: impl IntoIterator<Item = &'a str>, what: &str) {
    let mut seen = HashMap::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let first = *seen.entry(entry).or_insert(at);
        if first != at {
            let description = format_args!("repeats the {what} `{}` of {field}[{first}]", excerpt(entry));
            violations.add(format_args!("{field}[{at}]"), description);
        }
    }
}

/// Checks that there are at most `max` entries. Returns whether checking each of them makes sense.
pub(super) fn bounded(violations: &mut Violations, field: &str, count: usize, max: usize) -> bool {
    if count > max {
        violations.add(field, format_args!("has {count} entries; the maximum is {max}"));
    }
    count <= max
}

/// Checks the number of entries, each of them, and that none is repeated. `what` names an entry; the field is its plural.
pub(super) fn list<T>(
    violations: &mut Violations,
    what: &str,
    entries: &[String],
    max: usize,
    check: impl Fn(&mut Violations, String, &str) -> T,
) {
    let field = format!("{what}s");
    if bounded(violations, &field, entries.len(), max) {
        for (at, entry) in entries.iter().enumerate() {
            check(violations, format!("{field}[{at}]"), entry);
        }
        distinct(violations, &field, entries.iter().map(String::as_str), what);
    }
}

/// Checks a network in CIDR notation, without bits after its prefix: with such bits it is ambiguous.
pub(super) fn network(violations: &mut Violations, field: impl Display, text: &str) -> Option<IpNet> {
    let description = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) if network.trunc() != network => {
            format!("`{network}` has bits set after its prefix; write `{}`", network.trunc())
        }
        (Ok(network), _) => match mapped_v4(network) {
            None => return Some(network),
            // Clients are compared by their own address, so a network of mapped addresses would never match.
            Some(mapped) => format!("is an IPv4 network written as IPv6; write `{mapped}`"),
        },
        (Err(_), Ok(address)) => format!("is an address, not a network; write `{}`", IpNet::from(address)),
        (Err(_), Err(_)) => {
            format!("`{}` is not a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32", excerpt(text))
        }
    };
    violations.add(field, description);
    None
}

fn mapped_v4(network: IpNet) -> Option<Ipv4Net> {
    let IpNet::V6(v6) = network else { return None };
    Ipv4Net::new(v6.network().to_ipv4_mapped()?, v6.prefix_len().checked_sub(96)?).ok()
}

/// Checks a host name: lower case, labels of letters, digits and `-`, at most 253 bytes.
pub(super) fn host(violations: &mut Violations, field: impl Display, text: &str) {
    let lower = text.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.is_empty() || text.len() > 253 || !lower.split('.').all(label) {
        violations.add(
            field,
            format_args!(
                "`{}` is not a valid host name; write it like shop.example.com, without scheme, port, path or final \
                 dot (names that are not ASCII as xn--…)",
                excerpt(text)
            ),
        );
    } else if lower != text {
        violations.add(field, format_args!("must be in lower case: `{lower}`"));
    }
}

/// The checked options of a write: its comment, and how long to wait if the caller set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckedOptions {
    pub comment: String,
    pub replica_wait: Option<Duration>,
}

pub(super) fn options(violations: &mut Violations, options: &WriteOptions) -> CheckedOptions {
    violations.within("options", |violations| {
        text(violations, "comment", &options.comment, (0, MAX_WRITE_COMMENT), Lines::Several);
        let replica_wait =
            options.replica_wait.and_then(|raw| duration(violations, "replica_wait", raw, MAX_REPLICA_WAIT));
        CheckedOptions { comment: options.comment.clone(), replica_wait }
    })
}

/// A field that can be changed: its name in the contract, and its check.
pub(super) type Field<D> = (&'static str, fn(&mut Violations, &D));

/// The fields that an update changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mask(Vec<&'static str>);

impl Mask {
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains(&field)
    }

    /// Checks the fields of `draft` that the mask contains.
    pub(super) fn check<D>(&self, violations: &mut Violations, fields: &[Field<D>], draft: &D) {
        for (_, check) in fields.iter().filter(|(name, _)| self.has(name)) {
            check(violations, draft);
        }
    }

    /// Sets the value of `field`, if the mask contains it.
    pub(super) fn set<T>(&self, field: &str, target: &mut T, value: T) {
        if self.has(field) {
            *target = value;
        }
    }
}

/// Checks an update mask against the fields that can be changed.
pub(super) fn mask(violations: &mut Violations, paths: &[String], known: &[&'static str]) -> Mask {
    let mut mask = Mask::default();
    if paths.is_empty() {
        violations.add("update_mask", format_args!("must name at least one field: {}", known.join(", ")));
    }
    for (at, path) in paths.iter().enumerate() {
        match known.iter().find(|field| *field == path) {
            Some(field) if mask.has(field) => {
                violations.add(format_args!("update_mask.paths[{at}]"), format_args!("repeats `{field}`"));
            }
            Some(field) => mask.0.push(field),
            None => violations.add(
                format_args!("update_mask.paths[{at}]"),
                format_args!("`{}` is not a field that can be changed; use {}", excerpt(path), known.join(", ")),
            ),
        }
    }
    mask
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the violations that a check adds.
    pub(in crate::registry) fn violations_in<T>(check: impl FnOnce(&mut Violations) -> T) -> Vec<String> {
        let mut violations = Violations::new();
        check(&mut violations);
        violations.listed().iter().map(|violation| format!("{}: {}", violation.field, violation.description)).collect()
    }

    /// Returns the fields in which a check adds violations.
    pub(in crate::registry) fn fields_in<T>(check: impl FnOnce(&mut Violations) -> T) -> Vec<String> {
        violations_in(check).iter().map(|line| line.split(": ").next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn texts_are_counted_in_characters_and_have_no_hidden_ones() {
        let check = |value: &str, lines| violations_in(|violations| text(violations, "name", value, (1, 5), lines));
        assert!(check("жжжжж", Lines::One).is_empty());
        assert_eq!(check("", Lines::One), ["name: must not be empty"]);
        assert_eq!(check("жжжжжж", Lines::One), ["name: has 6 characters; the maximum is 5"]);
        assert_eq!(check(" a", Lines::One), ["name: must not start or end with white space"]);
        assert_eq!(check("a\nb", Lines::One), ["name: must not contain control characters"]);
        assert!(check("a\nb\tc", Lines::Several).is_empty());
        assert_eq!(
            check("a\u{0}b", Lines::Several),
            ["name: must not contain control characters other than line feed and tab"]
        );
        assert_eq!(check(" a\u{7f}bcde\n", Lines::One).len(), 3);
    }

    #[test]
    fn networks_are_strict_and_say_what_they_should_be() {
        let check = |text: &str| {
            let mut violations = Violations::new();
            let network = network(&mut violations, "n", text);
            network.map_or_else(|| violations.listed()[0].description.clone(), |network| network.to_string())
        };
        assert_eq!(check("192.0.2.0/24"), "192.0.2.0/24");
        assert_eq!(check("2001:DB8::/32"), "2001:db8::/32");
        assert_eq!(check("192.0.2.7/24"), "`192.0.2.7/24` has bits set after its prefix; write `192.0.2.0/24`");
        assert_eq!(check("2001:db8::1"), "is an address, not a network; write `2001:db8::1/128`");
        assert_eq!(check("::ffff:192.0.2.0/120"), "is an IPv4 network written as IPv6; write `192.0.2.0/24`");
        assert_eq!(check("::/0"), "::/0");
        assert!(check("192.0.2.0/33").contains("is not a network in CIDR notation"));
        assert!(check("").contains("is not a network in CIDR notation"));
    }

    #[test]
    fn hosts_are_lower_case_names_without_anything_around_them() {
        for good in ["shop.example.com", "localhost", "xn--bcher-kva.example", "my_shop.example", "a-b.c"] {
            assert!(violations_in(|violations| host(violations, "h", good)).is_empty(), "{good}");
        }
        for bad in ["", "https://a.b", "a.b:80", "a.b/", "a.b.", ".a", "a..b", "-a.b", "bücher.example", "a b"] {
            assert!(
                violations_in(|violations| host(violations, "h", bad))[0].contains("is not a valid host name"),
                "{bad}"
            );
        }
        assert_eq!(
            violations_in(|violations| host(violations, "h", "Shop.de")),
            ["h: must be in lower case: `shop.de`"]
        );
    }

    #[test]
    fn times_and_durations_outside_their_bounds_are_refused() {
        let raw = |seconds, nanos| Some(RawTime { seconds, nanos });
        assert!(violations_in(|violations| assert!(time(violations, "t", raw(1, 5)).is_some())).is_empty());
        for bad in [raw(i64::MAX, 0), raw(0, -1), raw(0, 1_000_000_000), raw(253_402_300_800, 0)] {
            assert_eq!(violations_in(|violations| assert!(time(violations, "t", bad).is_none())).len(), 1);
        }
        let max = Duration::from_secs(30);
        let length = |seconds, nanos| RawDuration { seconds, nanos };
        assert!(
            violations_in(|violations| assert!(duration(violations, "d", length(30, 0), max).is_some())).is_empty()
        );
        for bad in [length(30, 1), length(-1, 0), length(0, -5), length(0, 1_000_000_000)] {
            assert_eq!(
                violations_in(|violations| assert!(duration(violations, "d", bad, max).is_none())),
                ["d: must be 0 s to 30 s"]
            );
        }
    }

    #[test]
    fn a_mask_names_known_fields_once() {
        let paths = ["name", "nam", "name"].map(str::to_owned);
        assert_eq!(
            violations_in(|violations| assert!(mask(violations, &paths, &["name", "owner"]).has("name"))),
            [
                "update_mask.paths[1]: `nam` is not a field that can be changed; use name, owner",
                "update_mask.paths[2]: repeats `name`",
            ]
        );
        assert_eq!(
            violations_in(|violations| assert!(!mask(violations, &[], &["name"]).has("name"))),
            ["update_mask: must name at least one field: name"]
        );
    }

    #[test]
    fn a_choice_must_be_made_where_it_is_asked_for() {
        assert_eq!(
            violations_in(|v| assert_eq!(required::<u8>(v, "a", Choice::Unset, "X or Y"), None)),
            ["a: is required: X or Y"]
        );
        assert_eq!(
            violations_in(|v| assert_eq!(optional::<u8>(v, "a", Choice::Unknown(9), "X or Y"), None)),
            ["a: is 9, which is unknown; use X or Y"]
        );
        assert!(violations_in(|v| assert_eq!(optional::<u8>(v, "a", Choice::Unset, "X or Y"), None)).is_empty());
    }

    #[test]
    fn what_is_named_twice_is_told_with_its_first_place() {
        assert_eq!(
            violations_in(|violations| distinct(violations, "stores", ["a", "b", "a", "a"], "store")),
            ["stores[2]: repeats the store `a` of stores[0]", "stores[3]: repeats the store `a` of stores[0]",]
        );
    }
}
