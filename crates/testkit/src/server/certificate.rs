//! A certificate for `localhost`, and the authority that signed it, made anew for each server.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The names that the certificate holds good for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a server that speaks TLS needs, each in PEM.
pub(super) struct Certificate {
    pub(super) ca: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Certificate {
    pub(super) fn new() -> Result<Self, String> {
        Self::signed().map_err(|error| format!("a certificate cannot be made: {error}"))
    }

    fn signed() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "dbwarden test authority");
        let authority_key = KeyPair::generate()?;
        let ca = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut server = CertificateParams::new(NAMES.map(String::from))?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?.pem();
        Ok(Self { ca, certificate, key: key.serialize_pem() })
    }
}
