//! Certificates that are trusted instead of the built-in ones.

use std::{env, fs, path::Path};

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Names a PEM file, as for OpenSSL.
pub(crate) const VARIABLE: &str = "SSL_CERT_FILE";

/// Returns the certificates to trust. Reading a file of them takes many milliseconds.
pub(crate) fn roots() -> RootCerts {
    match given() {
        Some(Ok(certificates)) => RootCerts::new_with_certs(&certificates),
        _ => RootCerts::WebPki,
    }
}

/// Returns the certificates of the file that the environment names, or why there are none. Returns `None` if it names no file.
pub(crate) fn given() -> Option<Result<Vec<Certificate<'static>>, String>> {
    let file = env::var_os(VARIABLE).filter(|file| !file.is_empty())?;
    Some(read(Path::new(&file)))
}

fn read(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err("no certificates".to_owned());
    }
    Ok(certificates)
}
