//! `latchkey check --envoy FILE`: Envoy's configuration, looked through for what would let requests past a decision,
//! have something else sent on than was decided about, or write keys into logs. deploy/envoy/envoy.yaml is what it
//! finds nothing in.
//!
//! Only what stands in the file can be seen, and only what [`known`] lists is known: where Envoy gets a part from
//! elsewhere, and where something else stands, that is reported as a failure.

mod asking;
mod clusters;
mod doors;
mod filters;
mod known;
mod listeners;
mod logs;
mod routes;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use self::tree::{at, field, list, typed, walk};
use super::{Finding, Verdict};
use crate::cli::exit::Error;
use crate::config::profiles::{KeyPlace, Profile};
use crate::model::method::StoreLocation;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// What is found, and what the finding goes by.
struct Report<'a> {
    profiles: &'a BTreeMap<String, Profile>,
    findings: Vec<Finding>,
}

/// Something that would be wrong, and why. It is wrong where `is_there`.
struct Rule {
    verdict: Verdict,
    is_there: fn(&Value) -> bool,
    said: &'static str,
}

/// Looks through a file.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub(super) fn file(file: &Path, profiles: &BTreeMap<String, Profile>) -> Result<Vec<Finding>, Error> {
    let told = file.display();
    let metadata = std::fs::metadata(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound(format!("there is no file {told}")),
        _ => Error::Failed(format!("{told} cannot be read: {error}")),
    })?;
    if metadata.len() > LONGEST {
        return Err(Error::Invalid(format!("{told} is longer than {LONGEST} bytes: it is no configuration of Envoy")));
    }
    let text =
        std::fs::read_to_string(file).map_err(|error| Error::Failed(format!("{told} cannot be read: {error}")))?;
    look_through(&text, profiles).map_err(|sentence| Error::Invalid(format!("{told}: {sentence}")))
}

/// Looks through a configuration in YAML or JSON.
///
/// # Errors
/// It is neither.
fn look_through(yaml: &str, profiles: &BTreeMap<String, Profile>) -> Result<Vec<Finding>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    // The message says where, and quotes nothing: a token may stand there.
    let config: Value = serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let place = error.location().map_or(String::new(), |place| format!(": look at line {}", place.line()));
        format!("it is no YAML that Envoy would read{place}")
    })?;
    if field(&config, "static_resources").is_none() && field(&config, "dynamic_resources").is_none() {
        return Err("it is no configuration of Envoy: it has neither static_resources nor dynamic_resources".to_owned());
    }
    let mut report = Report { profiles, findings: Vec::new() };
    let (mut managers, mut unclear) = (Vec::new(), Vec::new());
    walk(&config, "", &mut |value, place| {
        if let (listeners::MANAGER, manager) = typed(value) {
            managers.push((manager, place.to_owned()));
        }
        let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
        for name in names.filter(|name| *name == "<<" || is_twice(value, name)) {
            unclear.push((name, place.to_owned()));
        }
    });
    for (name, place) in unclear {
        report.fail(
            "file",
            &place,
            &format!("{name} is there in two ways, of which Envoy takes one; leave the other out"),
        );
    }
    bootstrap(&config, &mut report);
    for (manager, place) in &managers {
        doors::look(manager, place, &config, &mut report);
    }
    if at(&config, "dynamic_resources/lds_config").is_some() {
        report.fail(
            "listeners",
            "",
            "dynamic_resources.lds_config brings listeners from elsewhere: they are not seen here, and whether each one asks \
             cannot be said",
        );
    } else if managers.is_empty() {
        report.fail("listeners", "", "no listener takes HTTP: there is nothing here that asks Latchkey");
    }
    if report.findings.is_empty() {
        let doors = if managers.len() == 1 { "the listener asks" } else { "all listeners ask" };
        report.findings.push(Finding::ok("envoy", format!("{doors} Latchkey, and no hole is known in how")));
    }
    Ok(report.findings)
}

/// Looks at what stands around the connection managers.
fn bootstrap(config: &Value, report: &mut Report<'_>) {
    known::fields(config, known::BOOTSTRAP, "file", "", report);
    if let Some(resources) = field(config, "static_resources") {
        known::fields(resources, known::STATIC_RESOURCES, "file", "static_resources", report);
        for listener in list(resources, "listeners") {
            listeners::look(listener, report);
        }
        for cluster in list(resources, "clusters") {
            clusters::look_behind(cluster, report);
        }
    }
    if at(config, "dynamic_resources/cds_config").is_some() {
        report.warn(
            "clusters",
            "",
            "dynamic_resources.cds_config brings clusters from elsewhere: look that none has filters of its own",
        );
    }
    for layer in list(config, "layered_runtime/layers") {
        let name = tree::text(layer, "name");
        if ["rtds_layer", "disk_layer"].iter().any(|layer_of| field(layer, layer_of).is_some()) {
            report.fail("runtime", "", &format!("the layer {name} comes from elsewhere and is not seen here"));
        }
        let values = field(layer, "static_layer").and_then(Value::as_object).into_iter().flatten();
        for key in values.map(|(key, _)| key).filter(|key| !key.starts_with("overload") && !key.starts_with("re2")) {
            report.unknown("runtime", "", &format!("the runtime value {key}"));
        }
    }
    let admin = tree::text(config, "admin/address/socket_address/address");
    if !admin.is_empty() && !is_of_this_machine(admin) {
        report.fail(
            "admin",
            "",
            "admin.address can be reached from other machines, and whoever reaches it governs Envoy: let it listen on 127.0.0.1",
        );
    }
}

/// Whether a field in camel case is there in snake case too.
fn is_twice(value: &Value, name: &str) -> bool {
    let snake = tree::snake(name);
    snake != name && value.get(&snake).is_some()
}

/// Whether an address is reached from this machine alone.
fn is_of_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Report<'_> {
    fn fail(&mut self, what: &'static str, place: &str, said: &str) {
        self.add(Verdict::Fail, what, place, said);
    }

    fn warn(&mut self, what: &'static str, place: &str, said: &str) {
        self.add(Verdict::Warn, what, place, said);
    }

    /// Reports that `thing` is not known: whatever it is, it is not called safe.
    fn unknown(&mut self, what: &'static str, place: &str, thing: &str) {
        let said = format!(
            "{thing} is not known here: whether it lets requests past the decision, or changes them behind it, cannot be \
             said; leave it out"
        );
        self.fail(what, place, &said);
    }

    fn add(&mut self, verdict: Verdict, what: &'static str, place: &str, said: &str) {
        let said = if place.is_empty() { said.to_owned() } else { format!("{place}: {said}") };
        self.findings.push(Finding { verdict, what, said });
    }

    /// Adds what the rules find wrong with `value`.
    fn hold(&mut self, rules: &[Rule], value: &Value, what: &'static str, place: &str) {
        for rule in rules.iter().filter(|rule| (rule.is_there)(value)) {
            self.add(rule.verdict, what, place, rule.said);
        }
    }

    /// Whether a header of this name, however it is spelled, says who calls what on which store, or where it stands.
    fn decides(&self, name: &str) -> bool {
        const DECIDING: [&str; 19] = [
            "host",
            "authority",
            "path",
            "method",
            "scheme",
            "protocol",
            "forwarded",
            "xforwardedhost",
            "xforwardedprefix",
            "xforwardeduri",
            "xforwardedpath",
            "xhost",
            "contenttype",
            "contentencoding",
            "contentlength",
            "transferencoding",
            "cookie",
            "scriptname",
            "pathinfo",
        ];
        let fold = |name: &str| -> String {
            name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let name = fold(name);
        let stores = self.profiles.values().flat_map(|profile| &profile.stores);
        let mut stores = stores.filter(|place| place.location() == StoreLocation::Header);
        let keys = self.profiles.values().flat_map(|profile| &profile.keys);
        let mut keys = keys.filter_map(|place| match place {
            KeyPlace::Bearer => Some("authorization"),
            KeyPlace::Header(header) => Some(header.as_str()),
            KeyPlace::Query(_) | KeyPlace::Form(_) => None,
        });
        DECIDING.contains(&name.as_str())
            || ["latchkey", "override", "methodoverride", "httpmethod", "rewriteur", "originalur"]
                .iter()
                .any(|part| name.contains(part))
            || stores.any(|place| fold(place.name()) == name)
            || keys.any(|key| fold(key) == name)
    }

    /// Whether keys travel in a header of this name under some profile.
    fn is_key_header(&self, name: &str) -> bool {
        self.profiles.values().flat_map(|profile| &profile.keys).any(|place| match place {
            KeyPlace::Bearer => name == "authorization",
            KeyPlace::Header(header) => name == header,
            KeyPlace::Query(_) | KeyPlace::Form(_) => false,
        })
    }
}
