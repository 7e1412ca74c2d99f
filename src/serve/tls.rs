//! Certificates of a port, reloaded in place: their files are checked every few seconds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::config::TlsFiles;
use crate::lifecycle::Tasks;

/// Time between checks of the files.
const INTERVAL: Duration = Duration::from_secs(2);

/// Contents of a port's files when they were read.
#[derive(PartialEq, Eq)]
struct PemFiles {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// The current certificates of a port.
pub struct Certificates {
    files: TlsFiles,
    /// The configuration for new connections.
    pub(super) current: ArcSwap<ServerConfig>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads the certificates of `files`.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn read(files: TlsFiles) -> Result<Self, String> {
        let current = PemFiles::read(&files)?.build(&files)?;
        Ok(Self { files, current: ArcSwap::from_pointee(current) })
    }

    /// Checks the files every few seconds until `tasks` stop. Valid new contents apply to new connections; otherwise
    /// the old ones stay and a warning reports the reason.
    ///
    /// # Errors
    /// Never: the result is the type of supervised tasks.
    pub async fn watch_files(self: Arc<Self>, tasks: Tasks) -> Result<(), String> {
        // `None`: the contents read at startup may have changed since.
        let mut seen = None;
        while tasks.pause(INTERVAL).await {
            let this = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || this.reload_if_changed(seen));
            seen = read.await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Checks the files once. Returns their contents, for the next check.
    fn reload_if_changed(&self, seen: Option<PemFiles>) -> Option<PemFiles> {
        let contents = match PemFiles::read(&self.files) {
            Ok(contents) => contents,
            // Files are often replaced one after another, so one may be missing for a moment.
            Err(error) => {
                if seen.is_some() {
                    tracing::warn!(error = %error, "the current certificates stay in use");
                }
                return None;
            }
        };
        if seen.as_ref() == Some(&contents) {
            return seen;
        }
        match contents.build(&self.files) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                if seen.is_some() {
                    tracing::info!(cert = %self.files.cert.display(), "reloaded certificates");
                }
            }
            Err(error) => tracing::warn!(error = %error, "the new certificates cannot be used; the current ones stay \
                 in use"),
        }
        Some(contents)
    }
}

impl PemFiles {
    fn read(files: &TlsFiles) -> Result<Self, String> {
        let read =
            |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
        Ok(Self {
            cert: read(&files.cert)?,
            key: read(&files.key)?,
            client_ca: files.client_ca.as_ref().map(read).transpose()?,
        })
    }

    fn build(&self, files: &TlsFiles) -> Result<ServerConfig, String> {
        let provider = Arc::new(default_provider());
        let (cert, key) = (files.cert.display(), files.key.display());
        let pair = |error: rustls::Error| format!("{cert} and {key} do not belong together: {error}");
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(pair)?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(contents), Some(path)) => {
                let wrong = |error: VerifierBuilderError| {
                    format!("{} cannot be used to verify client certificates: {error}", path.display())
                };
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path, contents)? {
                    // Ignored: the builder reports an error if no usable authority remains.
                    let _ = roots.add(certificate);
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(wrong)?)
            }
            _ => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(not_pem(&files.key, "a private key"))?;
        let mut config = builder.with_single_cert(certificates(&files.cert, &self.cert)?, key).map_err(pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Parses the certificates of a file, which must contain at least one.
fn certificates(path: &Path, contents: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = not_pem(path, "certificates");
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(contents).collect::<Result<_, _>>().map_err(&wrong)?;
    if certificates.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

/// Returns the function that explains why a file does not contain `what`.
fn not_pem(path: &Path, what: &str) -> impl Fn(pem::Error) -> String {
    move |error| format!("{} must contain {what} in PEM format: {error}", path.display())
}
