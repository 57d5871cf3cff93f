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
    let of_the_kit =
        |object: &str| database.engine() == Engine::Duckdb && object.ends_with("sequence test_keys");
    found.objects().all(|(object, _)| of_the_kit(object))
}

/// Makes every change of the table in `database`, and returns each with what was told and what must be; sees that `twin`, to which the same
/// is done, is the same before and after.
fn changes<'a>(database: &Database, twin: &Database) -> Vec<(&'a str, Vec<String>, Vec<String>)> {
    let role = settings(database).url.user().unwrap_or_default().to_owned();
    let all = cases(database.engine());
    assert!(all.len() > 10);
    for (first, ..) in all.iter().filter(|(first, ..)| !first.is_empty()) {
        database.execute(first);
        twin.execute(first);
    }
    let mut before = fingerprint(database);
    assert_eq!(before.differences(&fingerprint(twin)), []);
    assert_eq!(before, fingerprint(twin));
    let mut found = Vec::new();
    for (_, change, expected) in all {
        database.execute(change);
        let after = fingerprint(database);
        let expected = expected.iter().map(|object| object.replace("{role}", &role)).collect();
        found.push((*change, told(&before, &after), expected));
        before = after;
    }
    all.iter().for_each(|(_, change, _)| twin.execute(change));
    assert_eq!(before.differences(&fingerprint(twin)), []);
    found
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
        let found = changes(&database, &Database::new(database.engine()));
        let wrong: Vec<_> = found.iter().filter(|(_, told, expected)| told != expected).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

mod in_other_words {
    use testkit::{on_postgres, on_sqlite};

    use super::*;

    on_postgres! {
        fn what_a_session_is_set_to_changes_nothing(database) {
            for (first, ..) in of_postgres::CASES.iter().filter(|(first, ..)| !first.is_empty()) {
                database.execute(first);
            }
            let plain = fingerprint(&database);
            let mut settings = settings(&database);
            settings.schema = Some("Other one".to_owned());
            settings.tables.session_schema = settings.schema.clone();
            settings.session = [
                "SET DateStyle = 'German'", "SET TimeZone = 'Asia/Tokyo'", "SET IntervalStyle = 'iso_8601'", "SET extra_float_digits = -5",
                "SET bytea_output = 'escape'", "SET quote_all_identifiers = on", "SET row_security = off",
            ].map(str::to_owned).to_vec();
            let set = Migrator::with_settings(settings).build().unwrap().fingerprint().unwrap();
            assert_eq!(plain.differences(&set), []);
        }

        fn rows_that_a_policy_hides_are_an_error(database) {
            let server = database.owned().server();
            let role = server.role("reader");
            database.execute(&format!(
                "CREATE TABLE hidden (id integer); INSERT INTO hidden VALUES (1); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; \
                 GRANT SELECT ON hidden TO {}", role.name()
            ));
            let mut migrator = Migrator::builder(&database.owned().url_as(&role)).build().unwrap();
            let error = migrator.fingerprint().unwrap_err();
            insta::assert_snapshot!(format!("{}: {error}", error.code()), @r#"rights: the fingerprint cannot be read: query would be affected by row-level security policy for table "hidden" (42501)"#);
        }
    }

    on_sqlite! {
        fn a_file_that_is_not_there_is_empty_and_is_not_made(database) {
            let path = database.folder().join("nothing.db");
            let url = format!("sqlite:///{}", path.display());
            assert!(Migrator::builder(&url).build().unwrap().fingerprint().unwrap().is_empty());
            assert!(!path.exists());
        }

        fn a_reader_does_not_keep_a_writer_waiting(database) {
            database.execute("CREATE TABLE t (a)");
            let writer = database.connect();
            writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
            assert_eq!(fingerprint(&database).get("rows of t"), Some("0"));
            writer.execute_batch("COMMIT").unwrap();
            assert_eq!(fingerprint(&database).get("rows of t"), Some("1"));
        }
    }
}

mod longer_lane {
    use super::*;

    #[test]
    #[ignore = "the longer lane: cargo xtask test --all-servers"]
    fn postgres_18_tells_each_change_too() {
        let server = testkit::server::postgres_18().with_setting("sslmode=disable");
        let on = || Database::on(Engine::Postgres, &server);
        let found = changes(&on(), &on());
        // It has a constraint for each NOT NULL.
        let more = |object: &String| object.starts_with("constraint ") && object.ends_with("_not_null");
        let wrong = found.iter().filter(|(_, told, expected)| {
            told.iter().filter(|object| !more(object)).collect::<Vec<_>>()
                != expected.iter().collect::<Vec<_>>()
        });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
