//! From an address to an open connection.

use std::time::Duration;

use mysql::consts::CapabilityFlags;
use mysql::{Conn, Opts, OptsBuilder, SslOpts};
use secrecy::ExposeSecret;

use super::failure::{answer, open_error};
use super::tls::{self, Wanted};
use crate::driver::{DriverError, DriverErrorKind, KEEPALIVE_IDLE};
#[cfg(any(target_os = "linux", target_os = "macos"))]
use crate::driver::{KEEPALIVE_COUNT, KEEPALIVE_INTERVAL};
use crate::url::DatabaseUrl;

/// How long to wait for a connection, unless the address says so in seconds (`connect_timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest packet that is taken, the protocol's own limit
/// (<https://dev.mysql.com/doc/refman/8.4/en/packet-too-large.html>); what is sent is limited by the server.
const PACKET: usize = 1 << 30;

/// All that it takes to connect, once or again.
#[derive(Clone)]
pub(super) struct Address {
    /// One for each host, in the order in which they are tried; with TLS where it is wanted.
    places: Vec<Opts>,
    tls: Wanted,
}

/// How long to wait at most for another node of a cluster, which may be down.
const NODE_TIMEOUT: Duration = Duration::from_secs(3);

impl Address {
    /// Reads `url`'s parameters.
    ///
    /// # Errors
    /// A parameter that makes no sense, a certificate file that cannot be read.
    pub(super) fn new(url: &DatabaseUrl) -> Result<Self, DriverError> {
        let user = url.user().map_or_else(|| whoami::username().unwrap_or_default(), str::to_owned);
        let mut timeout = CONNECT_TIMEOUT;
        if let Some(value) = url.parameter("connect_timeout") {
            let wrong =
                || open_error(format!("connect_timeout={value} in the address: not a number of seconds"));
            timeout = match value.parse().map_err(|_| wrong())? {
                0 => Duration::from_secs(u32::MAX.into()),
                seconds => Duration::from_secs(seconds),
            };
        }
        let (wanted, ssl) = tls::of(url)?;
        let base = OptsBuilder::new()
            .user(Some(user))
            .pass(url.password().map(|password| password.expose_secret().to_owned()))
            .db_name(url.name().filter(|name| !name.is_empty()))
            .prefer_socket(false)
            .tcp_connect_timeout(Some(timeout))
            .max_allowed_packet(Some(PACKET))
            .stmt_cache_size(0)
            // The rows that an UPDATE found, also where they are the same as before, as on every other engine.
            .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
            // Where a firewall forgot the connection, an answer would be waited for for good.
            .tcp_keepalive_time_ms(Some(millis(KEEPALIVE_IDLE)));
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let base = base
            .tcp_keepalive_probe_interval_secs(Some(millis(KEEPALIVE_INTERVAL) / 1000))
            .tcp_keepalive_probe_count(Some(KEEPALIVE_COUNT));
        // What was sent and never confirmed counts too; the system would try for a quarter of an hour.
        #[cfg(target_os = "linux")]
        let base =
            base.tcp_user_timeout_ms(Some(millis(KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT)));
        if let Some(socket) = url.socket() {
            let opts = base.socket(Some(socket.to_string_lossy().into_owned()));
            return Ok(Self { places: vec![opts.into()], tls: Wanted::Never });
        }
        let mut hosts: Vec<_> = url.hosts().map(|(host, port)| (host.to_owned(), port)).collect();
        if hosts.iter().all(|(host, _)| host.is_empty()) {
            hosts = vec![("localhost".to_owned(), url.port().unwrap_or(3306))];
        }
        let ssl = (wanted != Wanted::Never).then_some(ssl);
        let place = |(host, port): (String, u16)| {
            base.clone()
                .ip_or_hostname(Some(host))
                .tcp_port(port)
                .ssl_opts::<Option<SslOpts>>(ssl.clone())
                .into()
        };
        Ok(Self { places: hosts.into_iter().map(place).collect(), tls: wanted })
    }

    /// Returns the hosts with their ports; none where it is a socket.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (String, u16)> {
        let tcp = self.places.iter().filter(|place| place.get_socket().is_none());
        tcp.map(|place| (place.get_ip_or_hostname().into_owned(), place.get_tcp_port()))
    }

    /// Returns each place by itself.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        self.places.iter().map(|place| Self { places: vec![place.clone()], tls: self.tls })
    }

    /// Returns the same account at another host, with TLS as it is wanted here; it does not wait long for it.
    pub(super) fn at_place(&self, host: &str, port: u16) -> Self {
        let place = self.places.first().cloned().unwrap_or_default();
        let timeout = place.get_tcp_connect_timeout().map_or(NODE_TIMEOUT, |wanted| wanted.min(NODE_TIMEOUT));
        let place = OptsBuilder::from_opts(place)
            .socket(None::<String>)
            .ip_or_hostname(Some(host))
            .tcp_port(port)
            .tcp_connect_timeout(Some(timeout));
        Self { places: vec![place.into()], tls: self.tls }
    }

    /// Connects, to the first of the hosts that answers.
    ///
    /// # Errors
    /// The last host's answer.
    pub(super) fn connect(&self) -> Result<Conn, DriverError> {
        let mut last = None;
        for place in &self.places {
            match self.at(place) {
                Ok(conn) => return Ok(conn),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| open_error("the address names no host")))
    }

    fn at(&self, place: &Opts) -> Result<Conn, DriverError> {
        if self.tls != Wanted::Never {
            tls::have_provider();
        }
        let opened = match Conn::new(place.clone()) {
            // As the vendors' own clients by default: with TLS where the server has it
            // (https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode).
            Err(mysql::Error::DriverError(mysql::DriverError::TlsNotSupported))
                if self.tls == Wanted::WherePossible =>
            {
                Conn::new(OptsBuilder::from_opts(place.clone()).ssl_opts(None::<SslOpts>))
            }
            opened => opened,
        };
        opened.map_err(|error| {
            let error = answer(&error, "");
            // Whatever went wrong, there is no session.
            let kind = match error.kind {
                DriverErrorKind::Statement | DriverErrorKind::Cut | DriverErrorKind::Rights => {
                    DriverErrorKind::Open
                }
                kind => kind,
            };
            DriverError { kind, ..error }
        })
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_alive() {
        let address = Address::new(&"mariadb://a@127.0.0.1/b".parse().unwrap()).unwrap();
        let place = &address.places[0];
        assert_eq!(place.get_tcp_keepalive_time_ms(), Some(30_000));
        assert_eq!(place.get_tcp_keepalive_probe_interval_secs(), Some(10));
        assert_eq!(place.get_tcp_keepalive_probe_count(), Some(3));
        assert_eq!(place.get_tcp_user_timeout_ms(), Some(60_000));
    }
}
