//! The profiles by which gateways read requests.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::config::Config;
use crate::config::profiles::{KeyLocation, Profile};
use crate::model::method::{StoreLocation, StorePlace};

const WHAT: &str = "profiles";

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let built_in = crate::config::profiles::built_in();
    let configured = || config.profiles.iter().filter(|(name, profile)| built_in.get(*name) != Some(*profile));
    let twins = configured().filter_map(|(name, profile)| {
        let mut twins = configured().filter(|(other, twin)| *other != name && twin.prefix == profile.prefix);
        // The first by name gets requests that name no profile.
        let (other, _) = twins.find(|(other, _)| *other < name)?;
        let prefix = &profile.prefix;
        let note = format!(
            "{other} and {name} both apply to {prefix}: {name} is only used for requests where the proxy names it"
        );
        Some(Finding::warn(WHAT, note))
    });
    let each = configured()
        .flat_map(|(name, profile)| [unforwarded_bodies(name, profile, config), Some(describe(name, profile))]);
    each.flatten().chain(twins).collect()
}

/// Checks the networks of proxies and balancers.
pub(super) fn trust(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "proxies";

    let mut findings = Vec::new();
    let everybody = |networks: &[ipnet::IpNet]| networks.iter().any(|network| network.prefix_len() == 0);
    if everybody(&config.trusted_balancers) {
        findings.push(Finding::fail(
            WHAT,
            "trusted_balancers has a network that contains every address: no client address can be determined, so keys \
             restricted to networks are always refused; name only the load balancers",
        ));
    }
    if !config.trusted_balancers.is_empty() && config.trusted_proxies.is_empty() {
        findings.push(Finding::warn(
            WHAT,
            "trusted_balancers has no effect without trusted_proxies; behind Envoy set xff_num_trusted_hops there",
        ));
    }
    if everybody(&config.trusted_proxies) {
        let note = "trusted_proxies has a network that contains every address: anyone who reaches the decision port \
             can forge a client address";
        findings.push(if config.decision_auth {
            Finding::warn(WHAT, format!("{note} with an operator token; name only the proxies"))
        } else {
            Finding::fail(WHAT, format!("{note}, because decision_auth is off; name only the proxies"))
        });
    }
    findings
}

/// Reports a profile that inspects bodies although some proxies forward none.
fn unforwarded_bodies(name: &str, profile: &Profile, config: &Config) -> Option<Finding> {
    if config.trusted_proxies.is_empty() || !profile.reads_bodies() {
        return None;
    }
    let key = |place: &KeyLocation| match place {
        KeyLocation::Form(field) => Some(format!("form:{field}")),
        KeyLocation::Bearer | KeyLocation::Header(_) | KeyLocation::Query(_) => None,
    };
    let in_bodies = |place: &&StorePlace| matches!(place.location(), StoreLocation::Form | StoreLocation::Json);
    let stores = profile.stores.iter().filter(in_bodies).map(ToString::to_string);
    let places: BTreeSet<String> = profile.keys.iter().filter_map(key).chain(stores).collect();
    let note = format!(
        "{name} reads bodies ({}), but nginx, Caddy and Traefik, which trusted_proxies allows, do not send any: behind \
         them, a call with a body passes only with a key for all stores that is not in the body. Remove these \
         locations, or put Envoy in front of {} and unset trusted_proxies; if you need both kinds of proxies, run a \
         separate Latchkey for each on the same database",
        places.into_iter().collect::<Vec<_>>().join(", "),
        profile.prefix
    );
    Some(Finding::fail(WHAT, note))
}

fn describe(name: &str, profile: &Profile) -> Finding {
    let prefix = &profile.prefix;
    if profile.upstream_applies_scope {
        let note = format!(
            "{name} trusts the service behind {prefix} to apply x-latchkey-scope and x-latchkey-stores: if it does \
             not, a call with a key for one store that names no store reaches all stores"
        );
        return Finding::warn(WHAT, note);
    }
    if profile.keys.iter().any(|place| matches!(place, KeyLocation::Query(_))) {
        let note = format!(
            "{name} takes keys from queries: keep queries out of the access logs of the proxy in front of {prefix}"
        );
        return Finding::warn(WHAT, note);
    }
    let nowhere = profile.stores.is_empty() && !profile.host;
    let stores = if nowhere { "from the reference book" } else { "from its own settings and the reference book" };
    Finding::ok(WHAT, format!("{name} applies to {prefix} and takes the locations of stores {stores}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::CheckVerdict;
    use super::*;
    use crate::config::Sources;

    #[test]
    fn profiles_are_told_of_and_their_risks_warned_about() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("latchkey.toml");
        let text = "[profiles.a]\nprefix = '/a'\n[profiles.b]\nlike = 'retailcrm'\n\
                    [profiles.c]\nupstream_applies_scope = true\n";
        std::fs::write(&file, text).unwrap();
        let flags = [("config".to_owned(), file.display().to_string())].into();
        let mut sources = Sources { flags, ..Default::default() };
        let findings = all(&Config::load(&sources).unwrap());
        let verdicts: Vec<CheckVerdict> = findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, [CheckVerdict::Ok, CheckVerdict::Warn, CheckVerdict::Warn], "{findings:?}");
        assert!(all(&Config::load(&Sources::default()).unwrap()).is_empty());
        let twins = all(&Config::load(&sources).unwrap());
        assert!(!twins.iter().any(|finding| finding.note.contains("both apply to")), "{twins:?}");
        std::fs::write(&file, text.replace("[profiles.b]", "[profiles.b]\nprefix = '/a'")).unwrap();
        let twins = all(&Config::load(&sources).unwrap());
        assert!(twins.iter().any(|finding| finding.note.starts_with("a and b both apply to /a")), "{twins:?}");

        sources.flags.insert("trusted_proxies".to_owned(), "10.0.0.0/8".to_owned());
        let findings = all(&Config::load(&sources).unwrap());
        let failed: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == CheckVerdict::Fail).collect();
        let [one] = failed.as_slice() else { panic!("{findings:?}") };
        assert!(
            one.note.starts_with("b reads bodies (form:apiKey, form:filter[sites][], form:site, json:site)"),
            "{}",
            one.note
        );
    }

    #[test]
    fn trust_in_everybody_is_told_of() {
        let verdicts = |pairs: &[(&str, &str)]| {
            let flags = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let config = Config::load(&Sources { flags, ..Default::default() }).unwrap();
            trust(&config).into_iter().map(|finding| finding.verdict).collect::<Vec<_>>()
        };
        let proxies = ("trusted_proxies", "127.0.0.1");
        assert_eq!(verdicts(&[]), []);
        assert_eq!(verdicts(&[proxies, ("trusted_balancers", "10.1.0.0/16")]), []);
        assert_eq!(verdicts(&[("trusted_balancers", "10.1.0.0/16")]), [CheckVerdict::Warn]);
        assert_eq!(verdicts(&[proxies, ("trusted_balancers", "::/0")]), [CheckVerdict::Fail]);
        assert_eq!(verdicts(&[("trusted_proxies", "0.0.0.0/0")]), [CheckVerdict::Warn]);
        assert_eq!(verdicts(&[("trusted_proxies", "0.0.0.0/0"), ("decision_auth", "off")]), [CheckVerdict::Fail]);
    }
}
