//! Certificates for `https://` collectors.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use reqwest::Url;

use crate::init::InitError;
use crate::limits::PEM_FILE_BYTES_MAX;

use super::Environment;
use super::signal::{Signal, general_variable};

/// What is needed beyond the system's own certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`: whom to trust, instead of the system's authorities.
    pub(crate) authorities: Option<Pem>,
    /// `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and then `OTEL_EXPORTER_OTLP_CLIENT_KEY`, as one file.
    pub(crate) identity: Option<Pem>,
}

/// The content of a PEM file. It may be a secret, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pem {
    /// The variable that named the file.
    pub(crate) variable: String,
    /// The file.
    pub(crate) path: String,
    /// As it lies on disk.
    pub(crate) bytes: Arc<[u8]>,
}

impl Tls {
    /// Nothing for `http://`. `endpoint` is the variable that the URL came from.
    pub(super) fn read(
        signal: Signal,
        environment: &Environment,
        endpoint: &str,
        url: &Url,
    ) -> Result<Self, InitError> {
        if !needs_tls(endpoint, url)? {
            return Ok(Self::default());
        }
        let file = |suffix| signal.variable(suffix, environment).map(|(name, path)| Pem::read(name, path));
        let authorities = file("CERTIFICATE").transpose()?;
        let certificate = file("CLIENT_CERTIFICATE").transpose()?;
        let key = file("CLIENT_KEY").transpose()?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(certificate.and(&key)),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(InitError::half_identity(&alone.variable));
            }
        };
        Ok(Self { authorities, identity })
    }

    /// For a host that is not the collector's: it has the same authorities, but is shown no client certificate.
    pub(super) fn of_stranger(
        environment: &Environment,
        endpoint: &str,
        url: &Url,
    ) -> Result<Self, InitError> {
        if !needs_tls(endpoint, url)? {
            return Ok(Self::default());
        }
        let variable = general_variable("CERTIFICATE");
        let file = environment.get(&variable).map(|path| Pem::read(variable.clone(), path));
        Ok(Self { authorities: file.transpose()?, identity: None })
    }
}

fn needs_tls(endpoint: &str, url: &Url) -> Result<bool, InitError> {
    let is_https = url.scheme() == "https";
    if is_https && !cfg!(feature = "tls") {
        let url = super::url::redacted(url);
        return Err(InitError::value(
            endpoint,
            url.as_str(),
            "an http:// URL, since journey is built without its feature `tls`",
        ));
    }
    Ok(is_https)
}

impl Pem {
    fn read(variable: String, path: &str) -> Result<Self, InitError> {
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(PEM_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => Err(InitError::file(&variable, path, &error)),
            Ok(_) if bytes.len() as u64 > PEM_FILE_BYTES_MAX => {
                Err(InitError::file(&variable, path, &"it is too large for a certificate"))
            }
            Ok(_) => Ok(Self { variable, path: path.to_owned(), bytes: bytes.into() }),
        }
    }

    /// Both files in one.
    fn and(self, other: &Pem) -> Self {
        let bytes = [&*self.bytes, b"\n", &*other.bytes].concat();
        Self { bytes: bytes.into(), ..self }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("variable", &self.variable).finish_non_exhaustive()
    }
}
