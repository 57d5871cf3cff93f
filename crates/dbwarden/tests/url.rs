//! Addresses: every spelling, every error, and no password anywhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

use dbwarden::database::Database;
use dbwarden::url::{DatabaseUrl, Parts, UrlError};
use proptest::prelude::*;
use secrecy::ExposeSecret;

fn url(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> UrlError {
    DatabaseUrl::parse(text).unwrap_err()
}

fn password(text: &str) -> String {
    url(text).password().map(|it| it.expose_secret().to_owned()).unwrap_or_default()
}

#[test]
fn sqlite_files_are_spelled_in_many_ways() {
    for (text, path) in [
        ("sqlite:///rel.db", "rel.db"),
        ("sqlite:////abs.db", "/abs.db"),
        ("sqlite://rel.db", "rel.db"),
        ("sqlite:rel.db", "rel.db"),
        ("sqlite:/abs.db", "/abs.db"),
        ("sqlite:./a/rel.db", "./a/rel.db"),
        ("sqlite+aiosqlite:///rel.db", "rel.db"),
        ("SQLite3:///rel.db", "rel.db"),
        ("sqlite:///with%20space%3F.db", "with space?.db"),
        ("sqlite:///50%.db", "50%.db"),
        ("sqlite:///a#b@c.db", "a#b@c.db"),
        ("sqlite:///C:/data/shop.db", "C:/data/shop.db"),
        ("sqlite:///file:shop.db?mode=ro&uri=true", "shop.db"),
        ("duckdb:///dev.db", "dev.db"),
    ] {
        let url = url(text);
        assert_eq!(url.path(), Some(Path::new(path)), "{text}");
        assert_eq!(url.target(), path);
        assert_eq!(DatabaseUrl::parse(&url.secret_url()).unwrap(), url, "{text}");
    }
    let read_only = url("sqlite:///shop.db?mode=ro");
    assert_eq!(read_only.parameter("mode"), Some("ro"));
    assert_eq!(read_only.to_string(), "sqlite:///shop.db?mode=ro");
}

#[test]
fn memory_is_spelled_in_many_ways() {
    for text in [
        "sqlite://",
        "sqlite:///",
        "sqlite::memory:",
        "sqlite:///:memory:",
        "sqlite://:memory:",
        "sqlite+aiosqlite:///:memory:",
        "sqlite:///x?mode=memory&cache=shared",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "duckdb:///:memory:",
    ] {
        let url = url(text);
        assert!(url.is_memory() && url.path().is_none(), "{text}");
        assert_eq!(url.target(), ":memory:");
    }
}

#[test]
fn a_relative_file_is_shown_as_written_wherever_it_is() {
    let url = url("sqlite:///shop.db").located_in(Path::new("/srv/app"));
    assert_eq!(url.path(), Some(Path::new("/srv/app/shop.db")));
    assert_eq!(url.target(), "shop.db");
    assert_eq!(url.to_string(), "sqlite:///shop.db");
    assert_eq!(url.secret_url(), "sqlite:////srv/app/shop.db");
}

#[test]
fn servers_have_the_usual_parts() {
    let url = url("postgresql+asyncpg://app:s3cret@db.internal:5433/shop?sslmode=require");
    assert_eq!(url.database(), Database::Postgres);
    assert_eq!((url.host(), url.port()), (Some("db.internal"), Some(5433)));
    assert_eq!((url.user(), url.name()), (Some("app"), Some("shop")));
    assert_eq!(url.password().unwrap().expose_secret(), "s3cret");
    assert_eq!(url.parameter("sslmode"), Some("require"));
    assert_eq!(url.target(), "app@db.internal:5433/shop");
    assert_eq!(url.masked(), "postgresql://app:***@db.internal:5433/shop?sslmode=require");
    assert_eq!(url.secret_url(), "postgresql://app:s3cret@db.internal:5433/shop?sslmode=require");
    assert_eq!(url.with_name("scratch").target(), "app@db.internal:5433/scratch");
}

#[test]
fn engines_have_their_own_ports_and_spellings() {
    for (text, database, port) in [
        ("postgres://h/d", Database::Postgres, 5432),
        ("cockroach://root@h/d", Database::Cockroach, 26257),
        ("cockroachdb+psycopg2://root@h/d", Database::Cockroach, 26257),
        ("mysql+pymysql://h/d", Database::Mysql, 3306),
        ("mariadb+mariadbconnector://h/d", Database::Mariadb, 3306),
    ] {
        let url = url(text);
        assert_eq!((url.database(), url.port()), (database, Some(port)), "{text}");
    }
}

#[test]
fn hosts_may_be_addresses_lists_and_sockets() {
    let six = url("postgresql://u@[::1]:5433/d");
    assert_eq!((six.host(), six.port()), (Some("::1"), Some(5433)));
    assert_eq!(six.target(), "u@[::1]:5433/d");
    assert_eq!(six.to_string(), "postgresql://u@[::1]:5433/d");

    let list = url("postgresql://u@a:1,b/d?target_session_attrs=read-write");
    assert_eq!(list.hosts().collect::<Vec<_>>(), [("a", 1), ("b", 5432)]);

    for text in [
        "postgresql://u@%2Fvar%2Frun%2Fpostgresql:5433/d",
        "postgresql://u@:5433/d?host=/var/run/postgresql",
        "postgresql:///d?host=/var/run/postgresql&port=5433&user=u",
    ] {
        let url = url(text);
        assert_eq!(url.socket(), Some(Path::new("/var/run/postgresql")), "{text}");
        assert_eq!((url.host(), url.port()), (None, Some(5433)), "{text}");
        assert_eq!(url.target(), "u@/var/run/postgresql/d");
        assert_eq!(DatabaseUrl::parse(&url.secret_url()).unwrap(), url);
    }
    let mysql = url("mysql://u@localhost/d?unix_socket=/tmp/mysql.sock");
    assert_eq!(mysql.socket(), Some(Path::new("/tmp/mysql.sock")));
    assert_eq!(mysql.parameters(), &BTreeMap::new());
}

#[test]
fn what_libpq_takes_from_the_query_is_taken() {
    let url = url("postgresql://?host=h&port=5433&user=u&password=p%26w&dbname=d");
    assert_eq!(url.secret_url(), "postgresql://u:p%26w@h:5433/d");
}

#[test]
fn an_unescaped_password_is_read_where_one_reading_makes_sense() {
    for (text, secret) in [
        ("postgresql://u:p@ss@h/d", "p@ss"),
        ("postgresql://u:p#ss@h/d", "p#ss"),
        ("postgresql://u:p/ss@h/d", "p/ss"),
        ("postgresql://u:p?ss@h/d", "p?ss"),
        ("postgresql://u:100%@h/d", "100%"),
        ("postgresql://u:50%ff@h/d", "50%ff"),
        ("postgresql://u:pa$word#1@h/d", "pa$word#1"),
        ("postgresql://u:a:b:c@h/d", "a:b:c"),
        ("postgresql://u:p[1]@h/d", "p[1]"),
        ("postgresql://u:@/#?%@h/d", "@/#?%"),
        ("postgresql://u:123/w@h/d", "123/w"),
        ("postgresql://u:a@b/c@h/d", "a@b/c"),
        ("postgresql://u:p w@h/d", "p w"),
        ("postgresql://u:p%40ss@h/d", "p@ss"),
        ("mysql://user@server:p@ss@h:3306/d", "p@ss"),
    ] {
        assert_eq!(password(text), secret, "{text}");
        let url = url(text);
        assert_eq!((url.host(), url.name()), (Some("h"), Some("d")), "{text}");
    }
    assert_eq!(url("mysql://user@server:p@h/d").user(), Some("user@server"));
}

#[test]
fn an_at_sign_after_the_host_is_not_the_end_of_a_password() {
    for text in
        ["postgresql://u:p@h/d?application_name=ci@runner", "postgresql://h:1/d?application_name=ci@runner"]
    {
        let url = url(text);
        assert_eq!((url.host(), url.name()), (Some("h"), Some("d")), "{text}");
        assert_eq!(url.parameter("application_name"), Some("ci@runner"));
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for text in ["postgresql://u:123/w@h", "postgresql://u:p@a/b@h", "postgresql://u:1/y?z=1@h/d"] {
        assert_eq!(error(text), UrlError::Ambiguous, "{text}");
    }
}

#[test]
fn every_error_is_plain_and_holds_no_secret() {
    let texts = [
        "",
        "hunter2",
        "hunter2:secret",
        "/var/lib/shop.db",
        "postgress://u:hunter2@h/d",
        "oracle://u:hunter2@h/d",
        "postgresql:u:hunter2@h/d",
        "postgresql://u:hunter2@h",
        "mysql://u:hunter2@h/",
        "sqlite:",
        "duckdb:?x=1",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@h:0/d",
        "postgresql://u:hunter2@h:65536/d",
        "postgresql://u:hunter2",
        "postgresql://u:hunter2@h/a/b",
        "postgresql://u:hunter2@h h/d",
        "postgresql://u:hunter2/3@h/d@e",
    ];
    let lines: Vec<String> = texts.iter().map(|text| format!("{text}\n  {}", error(text))).collect();
    for text in &texts {
        let error = error(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn secrets_among_the_parameters_are_masked_too() {
    let url = url("postgresql://u:hunter2@h/d?sslpassword=hunter2&passfile=/p&sslkey=/k");
    assert_eq!(url.masked(), "postgresql://u:***@h/d?passfile=/p&sslkey=/k&sslpassword=***");
    assert!(!format!("{url:?} {url} {}", url.target()).contains("hunter2"));
    let parts = Parts {
        database: Database::Postgres,
        host: None,
        port: None,
        user: None,
        password: Some("hunter2".into()),
        name: Some("d".into()),
        parameters: [("sslpassword".to_owned(), "hunter2".to_owned())].into(),
    };
    assert!(!format!("{parts:?}").contains("hunter2"));
}

#[test]
fn parts_may_lack_all_but_the_database() {
    let parts = |database, name: Option<&str>| Parts {
        database,
        host: None,
        port: None,
        user: None,
        password: None,
        name: name.map(str::to_owned),
        parameters: BTreeMap::new(),
    };
    let url = DatabaseUrl::from_parts(parts(Database::Postgres, Some("d"))).unwrap();
    assert_eq!((url.secret_url().as_str(), url.target().as_str()), ("postgresql:///d", "localhost:5432/d"));
    assert_eq!(DatabaseUrl::parse("postgresql:///d").unwrap(), url);
    let bracketed = Parts { host: Some("[::1]".into()), ..parts(Database::Mysql, Some("d")) };
    assert_eq!(DatabaseUrl::from_parts(bracketed).unwrap().target(), "[::1]:3306/d");
    let memory = DatabaseUrl::from_parts(parts(Database::Sqlite, Some(":memory:"))).unwrap();
    assert!(memory.is_memory());
    let error = DatabaseUrl::from_parts(parts(Database::Mysql, None)).unwrap_err();
    insta::assert_snapshot!(error, @"the MySQL URL names no database: write mysql://host/database");
}

proptest! {
    #[test]
    fn any_password_survives_and_is_never_shown(
        secret in "ZQ\\PC{0,12}[@#%/?:&=+$\\\\\"' \u{e9}]{0,6}QZ",
        user in "\\PC{0,8}",
        name in "\\PC{1,8}",
        port in proptest::option::of(1_u16..),
    ) {
        let parts = Parts {
            database: Database::Postgres,
            host: Some("db.internal".into()),
            port,
            user: Some(user.clone()),
            password: Some(secret.clone().into()),
            name: Some(name.clone()),
            parameters: BTreeMap::new(),
        };
        let url = DatabaseUrl::from_parts(parts).unwrap();
        let again = DatabaseUrl::parse(&url.secret_url()).unwrap();
        prop_assert_eq!(again.password().unwrap().expose_secret(), secret.as_str());
        prop_assert_eq!(again.user().unwrap_or_default(), user.as_str());
        prop_assert_eq!(again.name(), Some(name.as_str()));
        prop_assert_eq!(again.port(), Some(port.unwrap_or(5432)));
        prop_assert_eq!(&again, &url);
        let shown = format!("{url} {url:?} {} {again:?}", url.target());
        prop_assert!(!shown.contains(&secret));
    }

    #[test]
    fn no_text_makes_it_fall_over_or_tell(secret in "ZQ\\PC{0,20}QZ", tail in "\\PC{0,20}") {
        // Pasted raw. Where it is understood at all, the password is the password.
        match DatabaseUrl::parse(&format!("postgresql://u:{secret}@h/d")) {
            Ok(url) => prop_assert!(url.host() == Some("h") && url.password().is_some()),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains(&secret));
            }
        }
        if let Err(error) = DatabaseUrl::parse(&format!("postgresql://u:{secret}{tail}")) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&secret));
        }
    }
}
