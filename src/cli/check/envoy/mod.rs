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

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use self::report::{Report, is_of_this_machine};
use self::tree::{has, list, members, text, typed, walk};
use super::finding::{CheckVerdict, Finding};
use crate::cli::exit::Error;
use crate::config::profiles::Profile;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

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
fn check_text(yaml: &str, profiles: &BTreeMap<String, Profile>) -> Result<Vec<Finding>, String> {
    let (document, unclear) = yaml::read(yaml)?;
    if !has(&document, "static_resources") && !has(&document, "dynamic_resources") {
        return Err(
            "this is not an Envoy configuration: it has neither static_resources nor dynamic_resources".to_owned()
        );
    }
    let (findings, decision_services) = (RefCell::default(), RefCell::default());
    let report =
        Report { profiles, findings: &findings, decision_services: &decision_services, what: "file", place: "" };
    for note in unclear {
        report.fail(note);
    }
    let config = known::read(&document, report);
    let mut managers = Vec::new();
    walk(&config, "", &mut |value, place| {
        if let (listeners::MANAGER, manager) = typed(value) {
            managers.push((manager, place.to_owned()));
        }
    });
    bootstrap(&config, report);
    for (manager, place) in &managers {
        connection_managers::check(manager, &config, report.at(place));
    }
    if has(&config, "dynamic_resources/lds_config") {
        report.about("listeners").fail(
            "dynamic_resources.lds_config loads listeners from another source: they could not be checked and might \
             bypass Latchkey",
        );
    } else if managers.is_empty() {
        report.about("listeners").fail("no listener accepts HTTP, so nothing requests decisions from Latchkey");
    }
    check_one_service(&managers, report);
    let mut findings = findings.take();
    if findings.is_empty() {
        let listeners = if managers.len() == 1 { "the listener requests" } else { "all listeners request" };
        let services = decision_services.take();
        let service = services.keys().next().map(|service| format!(" (assumed to be {service})")).unwrap_or_default();
        let note = format!("{listeners} decisions from Latchkey{service}, and no way around them was found");
        findings.push(Finding::ok("envoy", note));
    }
    Ok(findings)
}

/// Checks the parts outside the connection managers.
fn bootstrap(config: &Value, report: Report<'_>) {
    for listener in list(config, "static_resources/listeners") {
        listeners::check(listener, report);
    }
    for cluster in list(config, "static_resources/clusters") {
        clusters::check_after_decision(cluster, config, report);
    }
    if has(config, "dynamic_resources/cds_config") {
        report
            .about("clusters")
            .fail("dynamic_resources.cds_config loads clusters from another source: they could not be checked");
    }
    let known_values = [
        "overload.global_downstream_max_connections",
        "re2.max_program_size.error_level",
        "re2.max_program_size.warn_level",
    ];
    for layer in list(config, "layered_runtime/layers") {
        let (name, report) = (text(layer, "name"), report.about("runtime"));
        if has(layer, "rtds_layer") || has(layer, "disk_layer") {
            report.fail(format!("the layer {name} is loaded from another source and could not be checked"));
        }
        for (key, _) in members(layer, "static_layer").filter(|(key, _)| !known_values.contains(&key.as_str())) {
            report.unknown(format!("the runtime value {key}"));
        }
    }
    let admin = text(config, "admin/address/socket_address/address");
    if !admin.is_empty() && !is_of_this_machine(admin) {
        report.about("admin").fail(
            "admin.address can be reached from other machines, and anyone who reaches it controls Envoy: listen on \
             127.0.0.1",
        );
    }
}

/// Checks that all filters call the same cluster: only one of them can be Latchkey. And that it receives no other
/// requests of clients.
fn check_one_service(managers: &[(&Value, String)], report: Report<'_>) {
    let services = report.decision_services.borrow();
    if services.len() > 1 {
        let each: Vec<String> = services.iter().map(|(service, place)| format!("{place} uses {service}")).collect();
        report
            .about("ext_authz")
            .fail(format!("{}: only one of them can be Latchkey; use the same for all", each.join(", ")));
    }
    for (manager, place) in managers {
        let names = routes::destinations(manager).into_iter().flatten();
        for name in names.filter(|name| services.contains_key(&format!("the cluster {name}"))) {
            report.about("routes").at(place).fail(format!(
                "a route sends clients' requests to {name}, the cluster that makes the decisions: name another cluster"
            ));
        }
    }
}
