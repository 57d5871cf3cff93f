//! TLS as MySQL's `ssl-mode` asks for it
//! (<https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode>); PostgreSQL's words for the same are
//! taken too.

use std::path::PathBuf;

use mysql::{ClientIdentity, SslOpts};
use rustls::crypto::{CryptoProvider, ring};

use super::failure::open_error;
use crate::driver::DriverError;
use crate::url::DatabaseUrl;

/// Whether the connection is to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Never,
    WherePossible,
    Always,
}

/// Returns what `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key` of `url` ask for.
///
/// # Errors
/// A mode that is not known; a file that is not there.
pub(super) fn of(url: &DatabaseUrl) -> Result<(Wanted, SslOpts), DriverError> {
    let given = |names: &[&str]| {
        names.iter().find_map(|name| url.parameter(name)).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let root = given(&["ssl-ca", "ssl_ca", "sslrootcert"]);
    let mode = given(&["ssl-mode", "ssl_mode", "sslmode", "tls", "ssl"]);
    let word = mode.as_deref().unwrap_or("preferred").to_ascii_lowercase().replace('-', "_");
    let (wanted, chain, name) = match word.as_str() {
        "disabled" | "disable" | "false" | "0" | "off" => (Wanted::Never, false, false),
        "preferred" | "prefer" | "allow" => (Wanted::WherePossible, false, false),
        // As the vendor's client: with an authority at hand, it is checked.
        "required" | "require" | "true" | "1" | "on" => (Wanted::Always, root.is_some(), false),
        "verify_ca" => (Wanted::Always, true, false),
        "verify_identity" | "verify_full" => (Wanted::Always, true, true),
        _ => {
            let known = "disabled, preferred, required, verify-ca and verify-identity are known";
            return Err(open_error(format!("ssl-mode={} in the address: {known}", mode.unwrap_or_default())));
        }
    };
    let mut options =
        SslOpts::default().with_danger_accept_invalid_certs(!chain).with_danger_skip_domain_validation(!name);
    if let Some(root) = root.filter(|_| chain) {
        options = options.with_root_cert_path(Some(there("ssl-ca", root)?));
    }
    match (given(&["ssl-cert", "ssl_cert", "sslcert"]), given(&["ssl-key", "ssl_key", "sslkey"])) {
        (Some(certificate), Some(key)) => {
            let identity = ClientIdentity::new(there("ssl-cert", certificate)?, there("ssl-key", key)?);
            options = options.with_client_identity(Some(identity));
        }
        (None, None) => {}
        _ => return Err(open_error("ssl-cert and ssl-key in the address go together")),
    }
    Ok((wanted, options))
}

/// Returns the arguments by which the vendors' programs do the same: those of MariaDB, or those of MySQL. `encrypted` says whether our
/// own session is.
///
/// # Errors
/// As [`of`].
pub(crate) fn tool_arguments(
    url: &DatabaseUrl,
    encrypted: bool,
    mariadb: bool,
) -> Result<Vec<String>, DriverError> {
    let (_, options) = of(url)?;
    if !encrypted {
        return Ok(vec![if mariadb { "--skip-ssl" } else { "--ssl-mode=DISABLED" }.to_owned()]);
    }
    let (chain, name) = (!options.accept_invalid_certs(), !options.skip_domain_validation());
    let mut arguments = vec![
        match (mariadb, chain, name) {
            (true, ..) => "--ssl",
            (false, _, true) => "--ssl-mode=VERIFY_IDENTITY",
            (false, true, false) => "--ssl-mode=VERIFY_CA",
            (false, false, false) => "--ssl-mode=REQUIRED",
        }
        .to_owned(),
    ];
    if mariadb {
        arguments.push(format!("--{}ssl-verify-server-cert", if name { "" } else { "skip-" }));
    }
    if let Some(root) = options.root_cert_path() {
        arguments.push(format!("--ssl-ca={}", root.display()));
    }
    if let Some(identity) = options.client_identity() {
        arguments.push(format!("--ssl-cert={}", identity.cert_chain_path().display()));
        arguments.push(format!("--ssl-key={}", identity.priv_key_path().display()));
    }
    Ok(arguments)
}

fn there(name: &str, file: String) -> Result<PathBuf, DriverError> {
    match std::fs::metadata(&file) {
        Ok(_) => Ok(file.into()),
        Err(error) => Err(open_error(format!("{name}={file} in the address: {error}"))),
    }
}

/// The `mysql` crate takes the process's cryptography, and panics where a program has two in its dependencies and chose none
/// (<https://docs.rs/rustls/latest/rustls/crypto/struct.CryptoProvider.html#using-the-per-process-default-cryptoprovider>).
pub(super) fn have_provider() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been quicker.
        ring::default_provider().install_default().ok();
    }
}
