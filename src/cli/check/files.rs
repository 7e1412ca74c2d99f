//! Folders and files that the configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, access};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::finding::Finding;
use crate::app;
use crate::config::{Config, TlsFiles};
use crate::telemetry::logs;

/// Checks whether the data folder can be written, or created.
pub(super) fn data_folder(config: &Config) -> Finding {
    const WHAT: &str = "data folder";

    let folder = &config.data_dir;
    let path = folder.display();
    if folder.is_dir() {
        return match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Finding::ok(WHAT, format!("{path} can be written")),
            Err(error) => Finding::fail(
                WHAT,
                format!("{path} cannot be written: {error}; make it writable, or set data_dir to another folder"),
            ),
        };
    }
    if folder.exists() {
        return Finding::fail(WHAT, format!("{path} is not a folder; set data_dir to a folder"));
    }
    let above = folder.ancestors().skip(1).map(here).find(|above| above.exists());
    match above.map(|above| (access(above, Access::WRITE_OK | Access::EXEC_OK), above)) {
        Some((Ok(()), _)) => Finding::ok(WHAT, format!("{path} does not exist yet; the server creates it")),
        Some((Err(error), above)) => Finding::fail(
            WHAT,
            format!(
                "{path} does not exist and cannot be created in {}: {error}; set data_dir to another folder",
                above.display()
            ),
        ),
        None => Finding::fail(WHAT, format!("{path} does not exist; set data_dir to another folder")),
    }
}

/// Returns the folder; that of a relative path without folders has an empty name.
fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Lists the environment variables that have no effect.
pub(super) fn ignored_variables(config: &Config) -> Option<Finding> {
    let names = config.ignored_variables.join(", ");
    let note = format!(
        "{names}: ignored because kubelet or Docker set them for a service; to avoid them, set enableServiceLinks: \
         false"
    );
    (!names.is_empty()).then(|| Finding::ok("environment", note))
}

/// Checks whether the certificates of each port can be read and fit together.
pub(super) fn certificates(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ports = [("decision certificates", &config.decision_tls), ("administration certificates", &config.admin_tls)];
    for (what, files) in ports {
        if let Some(files) = files {
            findings.push(match check_pair(&files.cert, &files.key).and_then(|()| client_ca(files)) {
                Ok(()) => Finding::ok(what, format!("{} and its key belong together", files.cert.display())),
                Err(note) => Finding::fail(what, note),
            });
        }
    }
    if config.admin_tls.is_none() && !config.admin_addr.ip().is_loopback() {
        findings.push(Finding::warn(
            "administration port",
            format!(
                "listens on {} without TLS, so operator tokens and new keys are sent unencrypted: set admin_tls_cert \
                 and admin_tls_key, or listen on loopback behind a TLS proxy",
                config.admin_addr
            ),
        ));
    }
    if let Some((cert, key)) = &config.client_identity {
        findings.push(match check_pair(cert, key) {
            Ok(()) => Finding::ok("client certificate", format!("{} and its key belong together", cert.display())),
            Err(note) => Finding::fail("client certificate", note),
        });
    }
    if let Some(path) = &config.ca_file {
        findings.push(match load_chain(path) {
            Ok(_) => Finding::ok("trusted certificates", format!("{} can be read", path.display())),
            Err(note) => Finding::fail("trusted certificates", note),
        });
    }
    findings
}

fn client_ca(files: &TlsFiles) -> Result<(), String> {
    files.client_ca.as_ref().map_or(Ok(()), |path| load_chain(path).map(|_| ()))
}

fn check_pair(cert: &PathBuf, key: &PathBuf) -> Result<(), String> {
    let chain = load_chain(cert)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("{} is not a private key in PEM format: {error}", key.display()))?;
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map(|_| ())
        .map_err(|error| format!("{} and {} do not belong together: {error}", cert.display(), key.display()))
}

fn load_chain(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |what: &dyn std::fmt::Display| {
        format!("{} does not contain certificates in PEM format: {what}", path.display())
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| wrong(&error))?;
    if chain.is_empty() { Err(wrong(&"none found")) } else { Ok(chain) }
}

/// Checks whether the first operator's token, if one is imported, is valid.
pub(super) fn bootstrap_token(config: &Config) -> Option<Finding> {
    const WHAT: &str = "first operator's token";

    let path = config.bootstrap_token_file.as_ref()?;
    Some(match app::read_token(path) {
        Ok(_) => Finding::ok(WHAT, format!("{} contains one", path.display())),
        Err(error) => Finding::fail(WHAT, format!("{error}; it must be an operator token (`lko_…`)")),
    })
}

/// Checks whether the log filter can be parsed.
pub(super) fn log_filter(config: &Config) -> Option<Finding> {
    logs::check(&config.log).err().map(|note| Finding::fail("log", note))
}

#[cfg(test)]
mod tests {
    use super::super::finding::CheckVerdict;
    use super::*;
    use crate::config::Sources;

    fn config(flags: &[(&str, &str)]) -> Config {
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(&Sources { flags, ..Default::default() }).unwrap()
    }

    #[test]
    fn a_data_folder_is_there_or_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let verdict = |path: &Path| data_folder(&config(&[("data_dir", path.to_str().unwrap())])).verdict;
        assert_eq!(verdict(folder.path()), CheckVerdict::Ok);
        assert_eq!(verdict(&folder.path().join("a/b")), CheckVerdict::Ok);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(verdict(&file), CheckVerdict::Fail);
        assert!(!folder.path().join("a").exists(), "a check leaves nothing behind");
    }

    #[test]
    fn certificates_that_cannot_be_used_fail() {
        let folder = tempfile::tempdir().unwrap();
        let cert = folder.path().join("cert.pem");
        let files = [("admin_tls_cert", cert.to_str().unwrap()), ("admin_tls_key", cert.to_str().unwrap())];
        assert_eq!(certificates(&config(&files))[0].verdict, CheckVerdict::Fail);
        std::fs::write(&cert, "no PEM").unwrap();
        let finding = &certificates(&config(&files))[0];
        assert!(finding.verdict == CheckVerdict::Fail && finding.note.contains("none found"), "{finding:?}");
        assert!(certificates(&config(&[])).is_empty());
    }

    #[test]
    fn a_plain_administration_port_on_the_network_is_warned_about() {
        assert_eq!(certificates(&config(&[("admin_addr", "0.0.0.0:8080")]))[0].verdict, CheckVerdict::Warn);
    }

    #[test]
    fn what_is_no_token_or_no_filter_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hunter2").unwrap();
        let finding = bootstrap_token(&config(&[("bootstrap_token_file", file.to_str().unwrap())])).unwrap();
        assert!(finding.verdict == CheckVerdict::Fail && !finding.note.contains("hunter2"), "{finding:?}");
        assert_eq!(log_filter(&config(&[("log", "latchkey=loud")])).unwrap().verdict, CheckVerdict::Fail);
        assert!(log_filter(&config(&[])).is_none());
    }
}
