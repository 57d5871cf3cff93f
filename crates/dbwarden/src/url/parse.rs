//! From text to an address.
//!
//! A password with `@ # % / ?` in it is read as it stands wherever only one reading of the text makes sense, since that is
//! how people paste them; where two readings make sense the answer is an error, never a guess, because the wrong one would
//! send a password to the wrong host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{DatabaseUrl, Host, Place, Server, UrlError};
use crate::database::Database;
use crate::nearest::nearest;
use crate::sql::Syntax;

pub(super) fn parse(text: &str) -> Result<DatabaseUrl, UrlError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    let (scheme, rest) = text.split_once(':').ok_or(UrlError::NotAUrl)?;
    let shaped = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
    if !shaped {
        return Err(UrlError::NotAUrl);
    }
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    let Some(database) = Database::from_spelling(scheme) else {
        // Without `//` the text before the colon may be anything, a user's name for one.
        if !rest.starts_with("//") {
            return Err(UrlError::NotAUrl);
        }
        let known = Database::SPELLINGS.iter().map(|(spelling, _)| *spelling);
        return Err(UrlError::UnknownScheme { scheme: scheme.to_owned(), nearest: nearest(scheme, known) });
    };
    if database.is_embedded() { embedded(database, rest) } else { server(database, rest) }
}

/// `sqlite:///rel.db`, `sqlite:////abs.db`, `sqlite://rel.db`, `sqlite:rel.db`, `sqlite:/abs.db`, and memory as `sqlite://`,
/// `sqlite:///`, `sqlite::memory:`, `sqlite:///:memory:`, `?mode=memory`.
fn embedded(database: Database, rest: &str) -> Result<DatabaseUrl, UrlError> {
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut parameters = parameters(query);
    let path = match path.strip_prefix("//") {
        // SQLAlchemy: no file is the database in memory, and the slash after the empty host is no part of the path.
        Some("" | "/") => ":memory:",
        Some(after) => after.strip_prefix('/').unwrap_or(after),
        None => path,
    };
    // SQLAlchemy's `sqlite:///file:name?mode=ro&uri=true` holds SQLite's own kind of URL.
    let path = match path.strip_prefix("file:") {
        Some(inner) => {
            parameters.remove("uri");
            inner.strip_prefix("//").unwrap_or(inner)
        }
        None => path,
    };
    let mut url = match decoded(path).as_str() {
        "" => return Err(UrlError::MissingDatabase { database }),
        ":memory:" => DatabaseUrl::memory(database),
        _ if parameters.get("mode").is_some_and(|mode| mode == "memory") => DatabaseUrl::memory(database),
        path => DatabaseUrl::file(database, path),
    };
    url.parameters = parameters;
    Ok(url)
}

/// One way to read what stands after `//`.
struct Reading<'a> {
    user: Option<&'a str>,
    hosts: &'a str,
    name: Option<&'a str>,
    query: Option<&'a str>,
}

fn server(database: Database, rest: &str) -> Result<DatabaseUrl, UrlError> {
    let rest = rest.strip_prefix("//").ok_or(UrlError::NoAuthority { database })?;
    let Reading { user: userinfo, hosts, name, query } = read(rest)?;
    let (user, password) = match userinfo.map(|it| it.split_once(':').ok_or(it)) {
        None => (None, None),
        Some(Ok((user, password))) => (Some(decoded(user)), Some(decoded(password))),
        Some(Err(user)) => (Some(decoded(user)), None),
    };
    let mut parameters = parameters(query);
    let postgres = database.syntax() == Syntax::Postgres;

    // libpq takes these from the query too, where they win over what stands before it.
    let mut take = |keys: &[&str]| {
        let mut found = None;
        for key in keys {
            found = parameters.remove(*key).filter(|it| !it.is_empty()).or(found);
        }
        found
    };
    let user = take(&["user"]).or(user).filter(|it| !it.is_empty());
    let password = take(&["password"]).or(password).map(SecretString::from);
    let name = if postgres { take(&["dbname"]) } else { None }.or(name.map(decoded));
    let socket = if postgres { None } else { take(&["socket", "unix_socket"]) };
    let (host_list, port_list) = if postgres { (take(&["host"]), take(&["port"])) } else { (None, None) };

    let mut hosts = host_names(hosts)?;
    if let Some(list) = host_list {
        let ports: Vec<_> = hosts.iter().map(|it| it.port).collect();
        let at = |at: usize| ports.get(at).or(ports.last()).copied().flatten();
        hosts =
            list.split(',').enumerate().map(|(n, it)| Host { name: it.to_owned(), port: at(n) }).collect();
    }
    if let Some(list) = port_list {
        let ports = list.split(',').map(port).collect::<Result<Vec<_>, _>>()?;
        for (at, host) in hosts.iter_mut().enumerate() {
            host.port = ports.get(at).or(ports.last()).copied().flatten();
        }
    }
    let mut socket = socket.map(PathBuf::from);
    if let Some(first) = hosts.first_mut()
        && first.name.starts_with('/')
    {
        socket = Some(PathBuf::from(std::mem::take(&mut first.name)));
    }

    let name = name.filter(|it| !it.is_empty()).ok_or(UrlError::MissingDatabase { database })?;
    let server = Server { hosts, socket, user, password: None, name };
    let mut url = DatabaseUrl { database, place: Place::Server(server), parameters };
    url.set_password(password);
    Ok(url)
}

/// Finds the one reading of the text after `//`.
fn read(rest: &str) -> Result<Reading<'_>, UrlError> {
    let ends = rest.match_indices('@').map(|(at, _)| at);
    let mut readings: Vec<Reading<'_>> = std::iter::once(reading(None, rest))
        .chain(ends.map(|at| reading(Some(&rest[..at]), &rest[at + 1..])))
        .flatten()
        .collect();
    if readings.is_empty() {
        return Err(why_unreadable(rest));
    }
    let others = readings.split_off(1);
    let Some(first) = readings.pop() else { return Err(UrlError::Unreadable) };
    if others.is_empty() {
        return Ok(first);
    }
    // The first reading is the one of RFC 3986. It stands when it names a plain database: then a later @ is in the query,
    // and the other reading would need a password that happens to look like a whole URL. Without a user before the first
    // @, `name:123/…` may still be a user and a password.
    let named = |it: &Reading<'_>| it.name.is_some_and(|name| !name.is_empty());
    let plain = named(&first) && !first.name.unwrap_or_default().contains('@');
    if plain && (first.user.is_some() || !others.iter().any(named)) {
        return Ok(first);
    }
    Err(UrlError::Ambiguous)
}

/// Reads `rest` as `hosts[/name][?query]`, or returns `None` where it does not look like that.
fn reading<'a>(user: Option<&'a str>, rest: &'a str) -> Option<Reading<'a>> {
    let (front, query) = match rest.split_once('?') {
        Some((front, query)) => (front, Some(query)),
        None => (rest, None),
    };
    let (hosts, name) = match front.split_once('/') {
        Some((hosts, name)) => (hosts, Some(name)),
        None => (front, None),
    };
    let host_shaped = hosts.split(',').all(|host| {
        let (name, port) = host_and_port(host);
        let name_shaped = match name.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some(address) => {
                address.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '%' | '-'))
            }
            None => name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '%')),
        };
        name_shaped && port.is_none_or(|it| it.chars().all(|c| c.is_ascii_digit()))
    });
    let name_shaped = name.is_none_or(|it| !it.contains(['/', '#', '\n', ' ']));
    let key_shaped =
        |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let query_shaped = query.is_none_or(|it| {
        it.split('&').all(|pair| pair.split_once('=').map_or(key_shaped(pair), |(key, _)| key_shaped(key)))
    });
    (host_shaped && name_shaped && query_shaped).then_some(Reading { user, hosts, name, query })
}

/// Names what most likely stands in the way when there is no reading at all.
fn why_unreadable(rest: &str) -> UrlError {
    let after = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let host = after.split(['/', '?']).next().unwrap_or(after);
    match host_and_port(host).1 {
        Some(port) if !port.chars().all(|c| c.is_ascii_digit()) => UrlError::BadPort,
        _ => UrlError::Unreadable,
    }
}

fn host_and_port(host: &str) -> (&str, Option<&str>) {
    let from = host.rfind(']').unwrap_or(0);
    match host[from..].find(':') {
        Some(at) => (&host[..from + at], Some(&host[from + at + 1..])),
        None => (host, None),
    }
}

fn host_names(hosts: &str) -> Result<Vec<Host>, UrlError> {
    hosts
        .split(',')
        .map(|host| {
            let (name, text) = host_and_port(host);
            let name = name.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(name);
            Ok(Host { name: decoded(name), port: text.map_or(Ok(None), port)? })
        })
        .collect()
}

fn port(text: &str) -> Result<Option<u16>, UrlError> {
    match text {
        "" => Ok(None),
        text => text.parse().ok().filter(|it| *it != 0).map(Some).ok_or(UrlError::BadPort),
    }
}

fn parameters(query: Option<&str>) -> BTreeMap<String, String> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// Percent-decodes. What does not decode to UTF-8 was never encoded, and stays as it is; so does a `%` before anything but
/// two hexadecimal digits. `+` is no space, as in libpq.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Into::into)
}
