//! Where a server is and who administers it: the URL that a variable of the environment, or a starter, hands on.

use std::path::PathBuf;

use super::Brand;

/// The parts of a server's URL. What the certificates are signed by stands in it as `sslrootcert` or `ssl-ca`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) ca_file: Option<PathBuf>,
    /// Further settings, as they were written.
    pub(super) settings: Vec<String>,
}

impl Address {
    pub(super) fn parse(brand: Brand, url: &str) -> Result<Self, String> {
        // The message names no URL: there is a password in it.
        let wrong = |what: &str| format!("the URL for {} {what}", brand.name());
        let (_, rest) = url.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let (rest, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.split('/').next().unwrap_or_default();
        let (account, place) = authority.rsplit_once('@').ok_or_else(|| wrong("names no user"))?;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong("has a port that is no number"))?),
            None => (place, brand.default_port()),
        };
        let mut address = Self {
            host: host.to_owned(),
            port,
            user: decoded(user),
            password: decoded(password),
            ca_file: None,
            settings: Vec::new(),
        };
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            match setting.split_once('=') {
                Some((key, value)) if key == brand.ca_setting() => {
                    address.ca_file = Some(decoded(value).into())
                }
                _ => address.settings.push(setting.to_owned()),
            }
        }
        Ok(address)
    }

    /// The URL with which another process finds everything again.
    pub(super) fn whole(&self, brand: Brand) -> String {
        let mut whole = self.clone();
        if let Some(ca_file) = whole.ca_file.take() {
            whole.settings.push(format!("{}={}", brand.ca_setting(), encoded(&ca_file.to_string_lossy())));
        }
        whole.url(brand.scheme(), &self.user, &self.password, "")
    }

    pub(super) fn url(&self, scheme: &str, user: &str, password: &str, database: &str) -> String {
        let colon = if password.is_empty() { "" } else { ":" };
        let mut url = format!(
            "{scheme}://{}{colon}{}@{}:{}/{}",
            encoded(user),
            encoded(password),
            self.host,
            self.port,
            encoded(database)
        );
        for (index, setting) in self.settings.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(setting);
        }
        url
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.filter(|_| first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_alike() {
        let url = "postgresql://some%40one:p%2Fw@localhost:54321/?sslmode=require&sslrootcert=/t/ca.pem";
        let address = Address::parse(Brand::Postgres, url).unwrap();
        assert_eq!((address.user.as_str(), address.password.as_str()), ("some@one", "p/w"));
        assert_eq!((address.host.as_str(), address.port), ("localhost", 54321));
        assert_eq!(address.ca_file, Some(PathBuf::from("/t/ca.pem")));
        assert_eq!(address.settings, ["sslmode=require"]);
        assert_eq!(Address::parse(Brand::Postgres, &address.whole(Brand::Postgres)).unwrap(), address);
    }

    #[test]
    fn a_port_has_its_default_and_a_password_may_be_missing() {
        let address =
            Address::parse(Brand::Cockroach, "postgresql://root@localhost/defaultdb?sslmode=disable")
                .unwrap();
        assert_eq!((address.port, address.password.as_str()), (26257, ""));
        assert_eq!(
            address.url("cockroachdb", "root", "", "a b"),
            "cockroachdb://root@localhost:26257/a%20b?sslmode=disable"
        );
    }

    #[test]
    fn a_url_without_a_user_is_refused_and_not_shown() {
        let error = Address::parse(Brand::Mysql, "mysql://secret.example/db").unwrap_err();
        assert_eq!(error, "the URL for MySQL names no user");
    }
}
