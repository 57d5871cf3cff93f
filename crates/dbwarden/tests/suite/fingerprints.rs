//! What is seen of a database in its fingerprint: on each engine a table of changes, one for each sort of object.

use dbwarden::{Fingerprint, Migrator};
use testkit::{Database, Engine, on_every_database};

use crate::{LOG, migrate, settings};

#[path = "fingerprints/cockroach.rs"]
mod of_cockroach;
#[path = "fingerprints/duckdb.rs"]
mod of_duckdb;
#[path = "fingerprints/mysql.rs"]
mod of_mysql;
#[path = "fingerprints/postgres.rs"]
mod of_postgres;
#[path = "fingerprints/sqlite.rs"]
mod of_sqlite;

/// What is made first, what is changed then, and the objects that must be told, all of them.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn cases(engine: Engine) -> &'static [Case] {
    match engine {
        Engine::Sqlite => of_sqlite::CASES,
        Engine::Postgres => of_postgres::CASES,
        Engine::Mariadb => of_mysql::CASES,
        Engine::Duckdb => of_duckdb::CASES,
        Engine::Scripted | Engine::Cockroach => of_cockroach::CASES,
    }
}

fn fingerprint(database: &Database) -> Fingerprint {
    let mut migrator = Migrator::with_settings(settings(database)).build().unwrap();
    migrator.fingerprint().unwrap_or_else(|error| panic!("{error}"))
}

fn told(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    before.differences(after).into_iter().map(|difference| difference.object).collect()
}

/// Without what the kit puts into every database.
fn is_empty(database: &Database, found: &Fingerprint) -> bool {
    let of_the_kit = |object: &str| database.engine() == Engine::Duckdb && object.ends_with("sequence test_keys");
    found.objects().all(|(object, _)| of_the_kit(object))
}

on_every_database! {
    fn an_empty_database_has_nothing_in_it(database) {
        let found = fingerprint(&database);
        assert!(is_empty(&database, &found), "{found:#?}");
    }

    fn our_own_tables_are_not_in_it(database) {
        database.write(&[LOG, ("0002_no_log.sql", "DROP TABLE log;\n")]);
        migrate(&database).unwrap();
        let found = fingerprint(&database);
        assert!(is_empty(&database, &found), "{found:#?}");
    }

    fn each_change_is_told_by_its_name_and_nothing_else(database) {
        let twin = Database::new(database.engine());
        let all = cases(database.engine());
        assert!(all.len() > 10);
        for (before, ..) in all.iter().filter(|(before, ..)| !before.is_empty()) {
            database.execute(before);
            twin.execute(before);
        }
        let mut before = fingerprint(&database);
        let of_twin = fingerprint(&twin);
        assert_eq!(before.differences(&of_twin), []);
        assert_eq!(before, of_twin);
        let mut wrong = Vec::new();
        for (_, change, expected) in all {
            database.execute(change);
            let after = fingerprint(&database);
            let found = told(&before, &after);
            let role = settings(&database).url.user().unwrap_or_default().to_owned();
            let expected: Vec<_> = expected.iter().map(|object| object.replace("{role}", &role)).collect();
            if found != expected {
                wrong.push(format!("{change}\n  told:     {found:?}\n  expected: {expected:?}"));
            }
            before = after;
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        // Statements that refuse a transaction are among them.
        all.iter().for_each(|(_, change, _)| twin.execute(change));
        assert_eq!(before.differences(&fingerprint(&twin)), []);
    }
}
