//! The profiles that gateways read requests by.

use super::Finding;
use crate::config::Config;
use crate::config::profiles::{KeyPlace, Profile};

const WHAT: &str = "profiles";

/// What there is to say of each profile that somebody configured.
pub(super) fn all(config: &Config) -> Vec<Finding> {
    let built_in = crate::config::profiles::built_in();
    let configured = config.profiles.iter().filter(|(name, profile)| built_in.get(*name) != Some(*profile));
    configured.map(|(name, profile)| one(name, profile)).collect()
}

fn one(name: &str, profile: &Profile) -> Finding {
    let prefix = &profile.prefix;
    let nowhere = profile.stores.is_empty() && !profile.host;
    if profile.upstream_applies_scope {
        return Finding::warn(
            WHAT,
            format!(
                "{name} trusts the service behind {prefix} to apply x-latchkey-scope and x-latchkey-stores: where it \
                 does not, a key for one store that names none reaches all"
            ),
        );
    }
    if profile.keys.iter().any(|place| matches!(place, KeyPlace::Query(_))) {
        return Finding::warn(
            WHAT,
            format!("{name} takes keys from queries: keep queries out of the access logs of the proxy before {prefix}"),
        );
    }
    let stores = if nowhere { "where the reference book says" } else { "where it and the reference book say" };
    Finding::ok(WHAT, format!("{name} governs {prefix} and looks for stores {stores}"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
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
        let findings = all(&Config::load(&Sources { flags, ..Default::default() }).unwrap());
        let verdicts: Vec<Verdict> = findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, [Verdict::Ok, Verdict::Warn, Verdict::Warn], "{findings:?}");
        assert!(all(&Config::load(&Sources::default()).unwrap()).is_empty());
    }
}
