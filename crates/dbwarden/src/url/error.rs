//! What can be wrong with an address. No text of the address itself is shown, since any of it may be a password.

use crate::database::Database;

/// What is wrong with an address. Its text shows no part of the address but the scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no text.
    #[error("the URL is empty")]
    Empty,
    /// No scheme stands at the start.
    #[error("not a URL: it begins with no scheme such as `sqlite:` or `postgresql:`")]
    NotAUrl,
    /// The scheme is no engine's.
    #[error("unknown scheme \"{scheme}\"{}", nearest_text(*.nearest))]
    UnknownScheme {
        /// The scheme as written, without a `+driver`.
        scheme: String,
        /// The nearest known one.
        nearest: Option<&'static str>,
    },
    /// A server's URL has no `//`.
    #[error("a {database} URL is written {}://user:password@host:port/database", .database.name())]
    NoAuthority {
        /// The engine.
        database: Database,
    },
    /// The database is not named.
    #[error("{}", missing_text(*.database))]
    MissingDatabase {
        /// The engine.
        database: Database,
    },
    /// The port is no port.
    #[error(
        "the port is not a number from 1 to 65535 (if it is a password, an @ and the host must follow it)"
    )]
    BadPort,
    /// The text after the scheme cannot be read.
    #[error(
        "user, host and database cannot be told apart: write @ : / ? # % in a name or password as %40 %3A %2F %3F %23 %25"
    )]
    Unreadable,
    /// The text after the scheme can be read in more than one way.
    #[error("more than one @ could end the password: write @ in a name or password as %40, and / as %2F")]
    Ambiguous,
}

fn nearest_text(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean \"{nearest}\"?"),
        None => ": known are sqlite, postgresql, cockroachdb, mysql, mariadb and duckdb".to_owned(),
    }
}

fn missing_text(database: Database) -> String {
    let name = database.name();
    if database.is_embedded() {
        format!(
            "the {database} URL names no file: write {name}:///file.db, or {name}:///:memory: for one in memory"
        )
    } else {
        format!("the {database} URL names no database: write {name}://host/database")
    }
}
