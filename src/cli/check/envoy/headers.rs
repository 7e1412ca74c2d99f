//! Headers that are set and removed, and the formats of their values.

use serde_json::Value;

use super::report::Report;
use super::tree::{is_among, text};
use crate::config::profiles::KeyLocation;
use crate::model::method::StoreLocation;

/// Names of headers, folded, that determine what is called, by which bytes, or where.
const DECIDING: &str = "\
    authority scheme protocol forwarded contenttype contentencoding contentlength transferencoding cookie";

/// Parts of such names.
const DECIDING_PARTS: [&str; 8] = ["latchkey", "override", "method", "verb", "host", "prefix", "path", "scriptname"];

/// Ends of such names.
const DECIDING_ENDS: [&str; 2] = ["uri", "url"];

/// A command of a format, such as `%REQ(:METHOD)%`: its name, its argument, and the complete command.
pub(super) type FormatCommand<'a> = (&'a str, &'a str, &'a str);

/// Returns the commands of a format as Envoy finds them; `None` if Envoy could find others.
pub(super) fn commands(format: &str) -> Option<Vec<FormatCommand<'_>>> {
    let (mut found, mut rest) = (Vec::new(), format);
    while let Some(at) = rest.find('%') {
        let whole = &rest[at + 1..];
        if let Some(behind) = whole.strip_prefix('%') {
            rest = behind;
            continue;
        }
        let end =
            whole.find(|letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'))?;
        let (name, mut behind) = whole.split_at(end);
        let mut argument = "";
        if let Some(inner) = behind.strip_prefix('(') {
            (argument, behind) = inner.split_once(')')?;
        }
        if let Some(length) = behind.strip_prefix(':') {
            behind = length.trim_start_matches(|letter: char| letter.is_ascii_digit());
        }
        behind = behind.strip_prefix('%')?;
        if name.is_empty() {
            return None;
        }
        found.push((name, argument, &whole[..whole.len() - behind.len() - 1]));
        rest = behind;
    }
    Some(found)
}

fn is_fixed(value: &str) -> bool {
    const OWN: &str = "\
        DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_ADDRESS \
        DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT ENVIRONMENT HOSTNAME PROTOCOL START_TIME";

    commands(value).is_some_and(|commands| commands.iter().all(|(name, ..)| is_among(name, OWN)))
}

/// The name under which Envoy stores Latchkey's decision.
pub(super) const DECISION: &str = "envoy.filters.http.ext_authz";

/// Returns whether a value is a literal, or taken from the environment of this Envoy.
pub(super) fn is_of_operator(value: &str) -> bool {
    commands(value).is_some_and(|commands| commands.iter().all(|(name, ..)| *name == "ENVIRONMENT"))
}

/// Returns what is wrong with a header that is set after the decision.
pub(super) fn set_after(option: &Value, report: Report<'_>) -> Option<String> {
    let (name, value) = (text(option, "header/key").to_ascii_lowercase(), text(option, "header/value"));
    if name.is_empty() || report.decides(&name) {
        Some(format!("sets {name} after the decision; remove it"))
    } else if !is_fixed(value) {
        Some(format!(
            "sets {name} after the decision to something that clients might influence; write a fixed value or remove it"
        ))
    } else {
        None
    }
}

/// Returns what is wrong with removing a header after the decision.
pub(super) fn removed_after(name: &str, report: Report<'_>) -> Option<String> {
    // No decision is based on these, and some services trust them.
    const CLAIMS: &str = "\
        forwarded path-info script-name x-forwarded-host x-forwarded-port x-forwarded-prefix x-forwarded-server \
        x-real-ip";

    let name = name.to_ascii_lowercase();
    let needed =
        report.stores(&name) || !is_among(&name, CLAIMS) && !report.is_key_header(&name) && report.decides(&name);
    let needed = needed && !fold(&name).starts_with("xlatchkey");
    needed.then(|| format!("removes {name} after the decision, which depends on it; leave the header in place"))
}

/// Returns what is wrong with a change of headers before any filter: of headers with the client's address, and of
/// headers with the key.
pub(super) fn changed_early(mutation: &Value, report: Report<'_>) -> Option<String> {
    let name = text(mutation, "append/header/key").to_ascii_lowercase();
    let folded = fold(&name);
    if text(mutation, "remove").is_empty() && name.is_empty() {
        Some("changes headers in an unknown way".to_owned())
    } else if ["forwarded", "xenvoy", "realip", "clientip"].iter().any(|part| folded.contains(part)) {
        Some(format!("sets {name}, which could let clients forge their address"))
    } else {
        set_before(mutation, report)
    }
}

/// Returns what is wrong with a change of headers before the decision.
pub(super) fn set_before(mutation: &Value, report: Report<'_>) -> Option<String> {
    let name = text(mutation, "append/header/key").to_ascii_lowercase();
    report.is_key_header(&name).then(|| format!("sets {name}, so every client has the key in it"))
}

/// Folds a name: for some services, all characters other than letters and digits are the same.
fn fold(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Report<'_> {
    /// Returns whether a header of this name, in any spelling, determines who calls what on which store, or where.
    pub(super) fn decides(&self, name: &str) -> bool {
        let folded = fold(name);
        is_among(&folded, DECIDING)
            || DECIDING_PARTS.iter().any(|part| folded.contains(part))
            || DECIDING_ENDS.iter().any(|end| folded.ends_with(end))
            || self.stores(name)
            || self.is_key_header(name)
    }

    /// Returns whether some profile takes stores from a header of this name.
    pub(super) fn stores(&self, name: &str) -> bool {
        let mut places = self.profiles.values().flat_map(|profile| &profile.stores);
        places.any(|place| place.location() == StoreLocation::Header && fold(place.name()) == fold(name))
    }

    /// Returns whether some profile takes keys from a header of this name.
    pub(super) fn is_key_header(&self, name: &str) -> bool {
        let name = fold(name);
        self.profiles.values().flat_map(|profile| &profile.keys).any(|place| match place {
            KeyLocation::Bearer => name == "authorization",
            KeyLocation::Header(header) => name == fold(header),
            KeyLocation::Query(_) | KeyLocation::Form(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_as_envoy_finds_them() {
        let found = |format: &'static str| {
            commands(format)
                .map(|found| found.into_iter().map(|(name, argument, _)| (name, argument)).collect::<Vec<_>>())
        };
        assert_eq!(found("100%% plain"), Some(vec![]));
        assert_eq!(
            found("%START_TIME(%Y)% %REQ(AUTHORIZATION):9%"),
            Some(vec![("START_TIME", "%Y"), ("REQ", "AUTHORIZATION")])
        );
        assert_eq!(found("a%%%PATH%"), Some(vec![("PATH", "")]));
        for unclear in ["%", "% a %", "%req(a)%", "%REQ(a%", "%REQ(a)", "%REQ(a):b%", "%()%"] {
            assert_eq!(found(unclear), None, "{unclear}");
        }
    }
}
