//! Folders and files that the configuration names.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Access, access};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::finding::Finding;
use crate::app;
use crate::config::Config;
use crate::telemetry::logs;

/// Checks whether the data folder can be written, or created.
pub(super) fn data_folder(config: &Config) -> Finding {
    Finding::of("data folder", check_folder(&config.data_dir))
}

fn check_folder(folder: &Path) -> Result<String, String> {
    let path = folder.display();
    let writable = |folder: &Path| access(folder, Access::WRITE_OK | Access::EXEC_OK);
    if folder.is_dir() {
        return writable(folder).map(|()| format!("{path} can be written")).map_err(|error| {
            format!("{path} cannot be written: {error}; make it writable, or set data_dir to another folder")
        });
    }
    if folder.exists() {
        return Err(format!("{path} is not a folder; set data_dir to a folder"));
    }
    // The name of the folder above a relative path without folders is empty.
    let here = |path| if path == Path::new("") { Path::new(".") } else { path };
    let above = folder.ancestors().skip(1).map(here).find(|above| above.exists());
    let above = above.ok_or_else(|| format!("{path} does not exist; set data_dir to another folder"))?;
    writable(above).map(|()| format!("{path} does not exist yet; the server creates it")).map_err(|error| {
        let above = above.display();
        format!("{path} does not exist and cannot be created in {above}: {error}; set data_dir to another folder")
    })
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
            let pair = check_pair(&files.cert, &files.key);
            let with_ca = pair.and_then(|note| {
                files.client_ca.as_ref().map_or(Ok(()), |path| load_chain(path).map(drop)).map(|()| note)
            });
            findings.push(Finding::of(what, with_ca));
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
        findings.push(Finding::of("client certificate", check_pair(cert, key)));
    }
    if let Some(path) = &config.ca_file {
        let read = load_chain(path).map(|_| format!("{} can be read", path.display()));
        findings.push(Finding::of("trusted certificates", read));
    }
    findings
}

fn check_pair(cert: &Path, key: &Path) -> Result<String, String> {
    let chain = load_chain(cert)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("{} is not a private key in PEM format: {error}", key.display()))?;
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map(|_| format!("{} and its key belong together", cert.display()))
        .map_err(|error| format!("{} and {} do not belong together: {error}", cert.display(), key.display()))
}

fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
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
    let path = config.bootstrap_token_file.as_ref()?;
    let read = app::read_token(path).map(|_| format!("{} contains one", path.display()));
    let read = read.map_err(|error| format!("{error}; it must be an operator token (`lko_…`)"));
    Some(Finding::of("first operator's token", read))
}

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
