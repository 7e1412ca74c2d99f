//! `latchkey check --envoy FILE`: checks Envoy's configuration for anything that lets requests bypass decisions,
//! changes a request after the decision, or writes keys to logs. There are no findings for deploy/envoy/envoy.yaml.
//!
//! Only the file itself is inspected, and only the parts listed in [`known`] are known: if Envoy gets a part from
//! elsewhere, or if the file has unknown parts, that is reported as a failure.

mod clusters;
mod connection_managers;
mod ext_authz;
mod filters;
mod headers;
mod known;
mod listeners;
mod logs;
mod report;
mod routes;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use self::report::{Report, is_of_this_machine};
use self::tree::{at, field, list, typed, walk};
use super::finding::{CheckVerdict, Finding};
use crate::cli::exit::Error;
use crate::config::profiles::Profile;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Checks a file.
///
/// # Errors
/// It can't be read, or is not valid YAML.
pub(super) fn file(file: &Path, profiles: &BTreeMap<String, Profile>) -> Result<Vec<Finding>, Error> {
    let name = file.display();
    let metadata = std::fs::metadata(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound(format!("the file {name} does not exist")),
        _ => Error::Failed(format!("{name} cannot be read: {error}")),
    })?;
    if metadata.len() > LONGEST {
        return Err(Error::Invalid(format!(
            "{name} is longer than {LONGEST} bytes, so it is not an Envoy configuration"
        )));
    }
    let text =
        std::fs::read_to_string(file).map_err(|error| Error::Failed(format!("{name} cannot be read: {error}")))?;
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension == "json" && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err(Error::Invalid(format!("{name}: this is not JSON that Envoy can read")));
    }
    let mut findings = check_text(&text, profiles).map_err(|sentence| Error::Invalid(format!("{name}: {sentence}")))?;
    if !["json", "yaml", "yml"].contains(&extension) {
        let note = "its name must end in .yaml or .json, from which Envoy recognizes the format";
        findings.retain(|finding| finding.verdict != CheckVerdict::Ok);
        findings.push(Finding::fail("file", note));
    }
    Ok(findings)
}

/// Checks a configuration in YAML or JSON.
///
/// # Errors
/// The text is not valid YAML or JSON.
fn check_text(yaml: &str, profiles: &BTreeMap<String, Profile>) -> Result<Vec<Finding>, String> {
    let document = yaml::read(yaml)?;
    if field(&document.config, "static_resources").is_none() && field(&document.config, "dynamic_resources").is_none() {
        return Err(
            "this is not an Envoy configuration: it has neither static_resources nor dynamic_resources".to_owned()
        );
    }
    let mut report = Report { profiles, findings: Vec::new(), decision_services: BTreeMap::new() };
    for note in &document.unclear {
        report.fail("file", "", note);
    }
    let config = known::read(&document.config, &mut report);
    let mut managers = Vec::new();
    walk(&config, "", &mut |value, place| {
        if let (listeners::MANAGER, manager) = typed(value) {
            managers.push((manager, place.to_owned()));
        }
    });
    bootstrap(&config, &mut report);
    for (manager, place) in &managers {
        connection_managers::check(manager, place, &config, &mut report);
    }
    if at(&config, "dynamic_resources/lds_config").is_some() {
        report.fail(
            "listeners",
            "",
            "dynamic_resources.lds_config loads listeners from another source: they could not be checked and might \
             bypass Latchkey",
        );
    } else if managers.is_empty() {
        report.fail("listeners", "", "no listener accepts HTTP, so nothing requests decisions from Latchkey");
    }
    check_one_service(&managers, &mut report);
    if report.findings.is_empty() {
        let listeners = if managers.len() == 1 { "the listener requests" } else { "all listeners request" };
        let service = report
            .decision_services
            .keys()
            .next()
            .map(|service| format!(" (assumed to be {service})"))
            .unwrap_or_default();
        report.findings.push(Finding::ok(
            "envoy",
            format!("{listeners} decisions from Latchkey{service}, and no way around them was found"),
        ));
    }
    Ok(report.findings)
}

/// Checks the parts outside the connection managers.
fn bootstrap(config: &Value, report: &mut Report<'_>) {
    if let Some(resources) = field(config, "static_resources") {
        for listener in list(resources, "listeners") {
            listeners::check(listener, report);
        }
        for cluster in list(resources, "clusters") {
            clusters::check_after_decision(cluster, config, report);
        }
    }
    if at(config, "dynamic_resources/cds_config").is_some() {
        report.fail(
            "clusters",
            "",
            "dynamic_resources.cds_config loads clusters from another source: they could not be checked",
        );
    }
    let known_values = [
        "overload.global_downstream_max_connections",
        "re2.max_program_size.error_level",
        "re2.max_program_size.warn_level",
    ];
    for layer in list(config, "layered_runtime/layers") {
        let name = tree::text(layer, "name");
        if ["rtds_layer", "disk_layer"].iter().any(|layer_of| field(layer, layer_of).is_some()) {
            report.fail(
                "runtime",
                "",
                &format!("the layer {name} is loaded from another source and could not be checked"),
            );
        }
        let values = field(layer, "static_layer").and_then(Value::as_object).into_iter().flatten();
        for key in values.map(|(key, _)| key).filter(|key| !known_values.contains(&key.as_str())) {
            report.unknown("runtime", "", &format!("the runtime value {key}"));
        }
    }
    let admin = tree::text(config, "admin/address/socket_address/address");
    if !admin.is_empty() && !is_of_this_machine(admin) {
        report.fail(
            "admin",
            "",
            "admin.address can be reached from other machines, and anyone who reaches it controls Envoy: listen on \
             127.0.0.1",
        );
    }
}

/// Checks that all filters call the same cluster: only one of them can be Latchkey. And that it receives no other
/// requests of clients.
fn check_one_service(managers: &[(&Value, String)], report: &mut Report<'_>) {
    let services = report.decision_services.clone();
    if services.len() > 1 {
        let each: Vec<String> = services.iter().map(|(service, place)| format!("{place} uses {service}")).collect();
        let note = format!("{}: only one of them can be Latchkey; use the same for all", each.join(", "));
        report.fail("ext_authz", "", &note);
    }
    for (manager, place) in managers {
        for name in routes::destinations(manager)
            .into_iter()
            .flatten()
            .filter(|name| services.contains_key(&format!("the cluster {name}")))
        {
            let note = format!(
                "a route sends clients' requests to {name}, the cluster that makes the decisions: name another cluster"
            );
            report.fail("routes", place, &note);
        }
    }
}
