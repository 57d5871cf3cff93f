//! From an address to text.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::{DatabaseUrl, Place, Server};
use crate::sql::Syntax;

/// All but what RFC 3986 calls unreserved.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Values of parameters keep what reads better plain and cannot be taken for anything else there.
const VALUE: &AsciiSet = &NAME.remove(b'/').remove(b':').remove(b',');
/// Only what would end the path early.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

const MASK: &str = "***";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Shown,
    Masked,
}

impl DatabaseUrl {
    pub(super) fn write(&self, secrets: Secrets) -> String {
        let mut text = format!("{}://", self.database.name());
        match &self.place {
            Place::Memory => text.push_str("/:memory:"),
            Place::File { written, path } => {
                // A driver needs the place itself; a person knows it as it was written.
                let path = if secrets == Secrets::Shown { path } else { written };
                text.push('/');
                text.extend(utf8_percent_encode(&path.to_string_lossy(), PATH));
            }
            Place::Server(server) => self.write_server(server, secrets, &mut text),
        }
        let mut separator = '?';
        let socket_key = if self.is_postgres() { "host" } else { "unix_socket" };
        let socket = self.socket().map(|it| (socket_key, it.to_string_lossy()));
        let parameters = self.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str().into()));
        for (key, value) in socket.into_iter().chain(parameters) {
            text.push(separator);
            separator = '&';
            text.extend(utf8_percent_encode(key, NAME));
            text.push('=');
            if secrets == Secrets::Masked && names_a_secret(key) {
                text.push_str(MASK);
            } else {
                text.extend(utf8_percent_encode(&value, VALUE));
            }
        }
        text
    }

    fn write_server(&self, server: &Server, secrets: Secrets, text: &mut String) {
        if server.user.is_some() || server.password.is_some() {
            text.extend(utf8_percent_encode(server.user.as_deref().unwrap_or_default(), NAME));
            if let Some(password) = &server.password {
                text.push(':');
                match secrets {
                    Secrets::Masked => text.push_str(MASK),
                    Secrets::Shown => text.extend(utf8_percent_encode(password.expose_secret(), NAME)),
                }
            }
            text.push('@');
        }
        for (at, host) in server.hosts.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            if host.name.contains(':') {
                *text += &format!("[{}]", host.name);
            } else {
                text.extend(utf8_percent_encode(&host.name, NAME));
            }
            if let Some(port) = host.port {
                *text += &format!(":{port}");
            }
        }
        text.push('/');
        text.extend(utf8_percent_encode(&server.name, NAME));
    }

    fn is_postgres(&self) -> bool {
        self.database.syntax() == Syntax::Postgres
    }
}

/// Whether a parameter's value is a secret: `sslpassword`, `motherduck_token`, but not `passfile` or `sslkey`, which are
/// paths.
fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "pwd", "passphrase", "token", "secret"].iter().any(|it| key.contains(it))
        || key.ends_with("pass")
}

pub(super) fn target(url: &DatabaseUrl) -> String {
    let server = match &url.place {
        Place::Memory => return ":memory:".to_owned(),
        Place::File { written, .. } => return written.display().to_string(),
        Place::Server(server) => server,
    };
    let user = server.user.as_ref().map(|it| format!("{it}@")).unwrap_or_default();
    let place = match &server.socket {
        Some(socket) => socket.display().to_string(),
        None => url
            .hosts()
            .map(|(host, port)| match host {
                "" => format!("localhost:{port}"),
                host if host.contains(':') => format!("[{host}]:{port}"),
                host => format!("{host}:{port}"),
            })
            .collect::<Vec<_>>()
            .join(","),
    };
    format!("{user}{place}/{}", server.name)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.masked())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.masked())
    }
}
