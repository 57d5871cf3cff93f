//! From an address to an open connection. The connection is driven by a runtime on a thread of its own, so that a session may be
//! used from any thread, also from one that belongs to an async program.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{answer, open_error};
use super::{passfile, tls};
use crate::driver::{DriverError, DriverErrorKind, Notice};
use crate::url::DatabaseUrl;

/// How long to wait for a connection, unless the address says so in seconds (`connect_timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a server listens.
#[derive(Debug, Clone)]
enum Place {
    Tcp(String, u16),
    #[cfg(unix)]
    Socket(PathBuf, String),
}

/// All that it takes to connect, once or again.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    places: Vec<Place>,
    tls: Option<MakeRustlsConnect>,
    timeout: Duration,
    alive: KeepAlive,
}

/// How it is seen that the other end is gone without a word, by libpq's names
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES>). Without it a session waits for an answer for good
/// where a firewall forgot the connection.
#[derive(Debug, Clone, Copy)]
struct KeepAlive {
    on: bool,
    idle: Duration,
    interval: Duration,
    count: u32,
}

impl KeepAlive {
    /// Asks the system for it; where it has no such thing, the connection goes without.
    fn apply(self, stream: &TcpStream) {
        if !self.on {
            return;
        }
        let socket = socket2::SockRef::from(stream);
        let alive = socket2::TcpKeepalive::new().with_time(self.idle).with_interval(self.interval);
        socket.set_tcp_keepalive(&alive.with_retries(self.count)).ok();
        // What was sent and never confirmed counts too; the system would try for a quarter of an hour.
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(self.idle + self.interval * self.count)).ok();
    }
}

/// An open connection.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) notices: Arc<Mutex<Vec<Notice>>>,
    /// The server's version, and CockroachDB's own where it is one.
    pub(super) version: String,
    pub(super) cockroach: Option<String>,
    /// The port of our end, where it is a TCP connection.
    pub(super) port: Option<u16>,
    pub(super) thread: JoinHandle<()>,
}

type Driving = Pin<Box<dyn Future<Output = ()>>>;

impl Address {
    /// Reads `url`'s parameters.
    ///
    /// # Errors
    /// A parameter that makes no sense, a certificate file that cannot be read.
    pub(super) fn new(url: &DatabaseUrl) -> Result<Self, DriverError> {
        let mut config = Config::new();
        config.application_name("dbwarden");
        let user = url.user().map_or_else(|| whoami::username().unwrap_or_default(), str::to_owned);
        let name = url.name().filter(|name| !name.is_empty()).unwrap_or(&user).to_owned();
        config.user(&user).dbname(&name);
        let mut timeout = CONNECT_TIMEOUT;
        let mut file = None;
        let mut alive = KeepAlive {
            on: true,
            idle: crate::driver::KEEPALIVE_IDLE,
            interval: crate::driver::KEEPALIVE_INTERVAL,
            count: crate::driver::KEEPALIVE_COUNT,
        };
        for (key, value) in url.parameters() {
            let wrong = |what: &str| open_error(format!("{key}={value} in the address: {what}"));
            match key.as_str() {
                "application_name" => {
                    config.application_name(value);
                }
                "options" => {
                    config.options(value);
                }
                "connect_timeout" => {
                    let seconds = value.parse().map_err(|_| wrong("not a number of seconds"))?;
                    timeout = if seconds == 0 {
                        Duration::from_secs(u32::MAX.into())
                    } else {
                        Duration::from_secs(seconds)
                    };
                }
                "keepalives" => alive.on = value != "0",
                // 0 is the default there too.
                "keepalives_idle" | "keepalives_interval" | "keepalives_count" => {
                    let number: u16 = value.parse().map_err(|_| wrong("not a number"))?;
                    match key.as_str() {
                        _ if number == 0 => {}
                        "keepalives_idle" => alive.idle = Duration::from_secs(number.into()),
                        "keepalives_interval" => alive.interval = Duration::from_secs(number.into()),
                        _ => alive.count = number.into(),
                    }
                }
                "passfile" => file = Some(PathBuf::from(value)),
                "target_session_attrs" => {
                    config.target_session_attrs(match value.as_str() {
                        "any" => tokio_postgres::config::TargetSessionAttrs::Any,
                        "read-write" | "primary" => tokio_postgres::config::TargetSessionAttrs::ReadWrite,
                        _ => return Err(wrong("any or read-write is known")),
                    });
                }
                "channel_binding" => {
                    config.channel_binding(match value.as_str() {
                        "disable" => tokio_postgres::config::ChannelBinding::Disable,
                        "prefer" => tokio_postgres::config::ChannelBinding::Prefer,
                        "require" => tokio_postgres::config::ChannelBinding::Require,
                        _ => return Err(wrong("disable, prefer or require is known")),
                    });
                }
                "service" => return Err(wrong("service files are not read by this version yet")),
                _ => {}
            }
        }
        let places = places(url);
        if let Some(password) = url.password() {
            config.password(password.expose_secret());
        } else if let Some(file) = file {
            let first = match places.first() {
                Some(Place::Tcp(host, port)) => (host.clone(), *port),
                _ => ("localhost".to_owned(), url.port().unwrap_or(5432)),
            };
            if let Some(password) = passfile::find(&file, &first.0, first.1, &name, &user)? {
                config.password(password.expose_secret());
            }
        }
        let (mode, tls) = tls::of(url)?;
        config.ssl_mode(mode);
        Ok(Self { config, places, tls: (mode != SslMode::Disable).then_some(tls), timeout, alive })
    }

    /// Connects, to the first of the hosts that answers.
    ///
    /// # Errors
    /// The last host's answer.
    pub(super) fn connect(&self) -> Result<Opened, DriverError> {
        let (tell, told) = mpsc::channel();
        let address = self.clone();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&notices);
        let thread = std::thread::Builder::new().name("dbwarden-postgres".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    tell.send(Err(open_error(format!("no runtime can be made: {error}")))).ok();
                    return;
                }
            };
            runtime.block_on(async move {
                match address.first(&kept).await {
                    Ok((client, version, cockroach, port, driving)) => {
                        if tell.send(Ok((client, version, cockroach, port))).is_ok() {
                            driving.await;
                        }
                    }
                    Err(error) => {
                        tell.send(Err(error)).ok();
                    }
                }
            });
        });
        let thread = thread.map_err(|error| open_error(format!("no thread can be started: {error}")))?;
        let told = told.recv().map_err(|_| open_error("the connection's thread ended"))?;
        let (client, version, cockroach, port) = told?;
        Ok(Opened { client, notices, version, cockroach, port, thread })
    }

    async fn first(
        &self,
        notices: &Arc<Mutex<Vec<Notice>>>,
    ) -> Result<(Client, String, Option<String>, Option<u16>, Driving), DriverError> {
        let mut last = None;
        for place in &self.places {
            let connected = tokio::time::timeout(self.timeout, self.at(place, notices)).await;
            match connected {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(open_error(format!("no answer within {} s", self.timeout.as_secs()))),
            }
        }
        Err(last.unwrap_or_else(|| open_error("the address names no host")))
    }

    async fn at(
        &self,
        place: &Place,
        notices: &Arc<Mutex<Vec<Notice>>>,
    ) -> Result<(Client, String, Option<String>, Option<u16>, Driving), DriverError> {
        match place {
            Place::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(|error| open_error(format!("{host}:{port}: {error}")))?;
                stream.set_nodelay(true).ok();
                self.alive.apply(&stream);
                let port = stream.local_addr().ok().map(|address| address.port());
                let (client, version, cockroach, driving) = match self.tls(host)? {
                    Some(tls) => self.over(stream, tls, notices).await?,
                    None => self.over(stream, NoTls, notices).await?,
                };
                Ok((client, version, cockroach, port, driving))
            }
            #[cfg(unix)]
            Place::Socket(folder, name) => {
                let path = folder.join(name);
                let stream = UnixStream::connect(&path)
                    .await
                    .map_err(|error| open_error(format!("{}: {error}", path.display())))?;
                let mut plain = self.clone();
                plain.config.ssl_mode(SslMode::Disable);
                let (client, version, cockroach, driving) = plain.over(stream, NoTls, notices).await?;
                Ok((client, version, cockroach, None, driving))
            }
        }
    }

    fn tls(&self, host: &str) -> Result<Option<impl TlsConnect<TcpStream> + use<>>, DriverError> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let connect =
            <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut tls.clone(), host);
        connect.map(Some).map_err(|error| open_error(format!("{host} cannot be checked: {error}")))
    }

    async fn over<S, T>(
        &self,
        stream: S,
        tls: T,
        notices: &Arc<Mutex<Vec<Notice>>>,
    ) -> Result<(Client, String, Option<String>, Driving), DriverError>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
        T: TlsConnect<S>,
        T::Stream: 'static,
    {
        let (client, connection) = self.config.connect_raw(stream, tls).await.map_err(|error| {
            let error = answer(&error, "");
            // Whatever went wrong, there is no session.
            let kind = match error.kind {
                DriverErrorKind::Statement | DriverErrorKind::Cut => DriverErrorKind::Open,
                kind => kind,
            };
            DriverError { kind, ..error }
        })?;
        let parameter = |name| connection.parameter(name).map(str::to_owned);
        let (version, cockroach) = (parameter("server_version"), parameter("crdb_version"));
        let driving = Box::pin(drive(connection, Arc::clone(notices)));
        Ok((client, version.unwrap_or_default(), cockroach, driving))
    }

    /// Asks the server to cancel what the session of `token` runs.
    pub(super) fn cancel(&self, token: CancelToken) {
        let address = self.clone();
        let thread = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async move {
                let asked = tokio::time::timeout(address.timeout, address.cancel_at(&token));
                asked.await.ok();
            });
        });
        thread.join().ok();
    }

    async fn cancel_at(&self, token: &CancelToken) {
        for place in &self.places {
            match place {
                Place::Tcp(host, port) => {
                    let Ok(stream) = TcpStream::connect((host.as_str(), *port)).await else { continue };
                    match self.tls(host) {
                        Ok(Some(tls)) => token.cancel_query_raw(stream, tls).await.ok(),
                        Ok(None) => token.cancel_query_raw(stream, NoTls).await.ok(),
                        Err(_) => continue,
                    };
                }
                #[cfg(unix)]
                Place::Socket(folder, name) => {
                    let Ok(stream) = UnixStream::connect(folder.join(name)).await else { continue };
                    token.cancel_query_raw(stream, NoTls).await.ok();
                }
            }
            return;
        }
    }
}

fn places(url: &DatabaseUrl) -> Vec<Place> {
    #[cfg(unix)]
    if let Some(folder) = url.socket() {
        return vec![Place::Socket(folder.to_owned(), format!(".s.PGSQL.{}", url.port().unwrap_or(5432)))];
    }
    let hosts: Vec<_> = url.hosts().map(|(host, port)| Place::Tcp(host.to_owned(), port)).collect();
    if hosts.is_empty() {
        vec![Place::Tcp("localhost".to_owned(), url.port().unwrap_or(5432))]
    } else {
        hosts
    }
}

async fn drive<S, T>(mut connection: Connection<S, T>, notices: Arc<Mutex<Vec<Notice>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let message = std::future::poll_fn(|context| match connection.poll_message(context) {
            Poll::Ready(message) => Poll::Ready(message),
            Poll::Pending => Poll::Pending,
        });
        match message.await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                let notice =
                    Notice { level: notice.severity().to_owned(), text: notice.message().to_owned() };
                notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_alive_as_the_address_says() {
        let asked = |parameters: &str| {
            let url = format!("postgresql://a@127.0.0.1/b{parameters}").parse().unwrap();
            let address = Address::new(&url).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                address.alive.apply(&stream);
                let socket = socket2::SockRef::from(&stream);
                let seconds = [socket.tcp_keepalive_time(), socket.tcp_keepalive_interval()];
                let [idle, interval] = seconds.map(|time| time.unwrap().as_secs());
                let timeout = socket.tcp_user_timeout().unwrap().map(|timeout| timeout.as_secs());
                (
                    socket.keepalive().unwrap(),
                    idle,
                    interval,
                    socket.tcp_keepalive_retries().unwrap(),
                    timeout,
                )
            })
        };
        assert_eq!(asked(""), (true, 30, 10, 3, Some(60)));
        let all = "?keepalives_idle=5&keepalives_interval=2&keepalives_count=4";
        assert_eq!(asked(all), (true, 5, 2, 4, Some(13)));
        assert!(!asked("?keepalives=0").0);
    }
}
