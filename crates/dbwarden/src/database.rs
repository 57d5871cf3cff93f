//! The engines. A plain name: what an engine can do stands in its dialect.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sql::Syntax;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// CockroachDB.
    Cockroach,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// DuckDB.
    Duckdb,
}

impl Database {
    /// Every engine, in the order of the documentation.
    pub const ALL: [Database; 6] = [
        Database::Sqlite,
        Database::Postgres,
        Database::Cockroach,
        Database::Mysql,
        Database::Mariadb,
        Database::Duckdb,
    ];

    /// Every spelling of an engine as a URL scheme or as `engine` in the settings; the first of an engine is its own.
    pub const SPELLINGS: [(&'static str, Database); 11] = [
        ("sqlite", Database::Sqlite),
        ("sqlite3", Database::Sqlite),
        ("postgresql", Database::Postgres),
        ("postgres", Database::Postgres),
        ("cockroachdb", Database::Cockroach),
        ("cockroach", Database::Cockroach),
        ("crdb", Database::Cockroach),
        ("mysql", Database::Mysql),
        ("mysql2", Database::Mysql),
        ("mariadb", Database::Mariadb),
        ("duckdb", Database::Duckdb),
    ];

    /// Returns the engine that `text` spells, in any case, or `None`.
    pub fn from_spelling(text: &str) -> Option<Self> {
        Self::SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(text)).map(|(_, it)| *it)
    }

    /// Returns the name in lower case, as it stands in settings and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgresql",
            Database::Cockroach => "cockroachdb",
            Database::Mysql => "mysql",
            Database::Mariadb => "mariadb",
            Database::Duckdb => "duckdb",
        }
    }

    /// Returns the lexical rules that the engine follows.
    pub fn syntax(self) -> Syntax {
        match self {
            Database::Sqlite => Syntax::Sqlite,
            Database::Postgres | Database::Cockroach => Syntax::Postgres,
            Database::Mysql | Database::Mariadb => Syntax::Mysql,
            Database::Duckdb => Syntax::Duckdb,
        }
    }

    /// Whether the database is a file (or memory) of this process rather than a server.
    pub fn is_embedded(self) -> bool {
        matches!(self, Database::Sqlite | Database::Duckdb)
    }

    /// Whether what others call a schema is a database there.
    pub fn schemas_are_databases(self) -> bool {
        matches!(self, Database::Mysql | Database::Mariadb)
    }

    /// Whether a session has schemas in which names without one are looked for and made.
    pub fn has_search_path(self) -> bool {
        matches!(self, Database::Postgres | Database::Cockroach)
    }

    /// Returns whether the server at an address of this engine may turn out to be one of `other`: they speak one protocol.
    pub fn may_be(self, other: Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (Database::Postgres, Database::Cockroach)
                    | (Database::Mysql, Database::Mariadb)
                    | (Database::Mariadb, Database::Mysql)
            )
    }

    /// Returns what the engine's own client takes where nothing is said; all of it empty where there is no server.
    pub fn client_defaults(self) -> ClientDefaults {
        let none = ClientDefaults {
            port: None,
            host: None,
            user: None,
            name: None,
            named_after_user: false,
            passfile: None,
        };
        match self {
            Database::Sqlite | Database::Duckdb => none,
            // https://www.postgresql.org/docs/current/libpq-connect.html: the database has the user's name.
            Database::Postgres => {
                ClientDefaults { port: Some(5432), named_after_user: true, passfile: Some(".pgpass"), ..none }
            }
            Database::Cockroach => ClientDefaults {
                port: Some(26257),
                host: Some("localhost"),
                user: Some("root"),
                name: Some("defaultdb"),
                passfile: Some(".pgpass"),
                ..none
            },
            Database::Mysql | Database::Mariadb => ClientDefaults { port: Some(3306), ..none },
        }
    }
}

/// What an engine's own client takes where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientDefaults {
    /// The port.
    pub port: Option<u16>,
    /// The host; without one the client looks for a local socket, then on this machine.
    pub host: Option<&'static str>,
    /// The user; without one it is the system's.
    pub user: Option<&'static str>,
    /// The name of the database.
    pub name: Option<&'static str>,
    /// Whether the database has the user's name.
    pub named_after_user: bool,
    /// The file of passwords in the user's home (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).
    pub passfile: Option<&'static str>,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Database::Sqlite => "SQLite",
            Database::Postgres => "PostgreSQL",
            Database::Cockroach => "CockroachDB",
            Database::Mysql => "MySQL",
            Database::Mariadb => "MariaDB",
            Database::Duckdb => "DuckDB",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_spelled_by_its_own_name_first() {
        for database in Database::ALL {
            let (first, _) = Database::SPELLINGS.iter().find(|(_, it)| *it == database).unwrap();
            assert_eq!(*first, database.name());
        }
        assert_eq!(Database::from_spelling("PostgreSQL"), Some(Database::Postgres));
        assert_eq!(Database::from_spelling("oracle"), None);
    }
}
