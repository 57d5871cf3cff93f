//! What other tools recorded is taken over: the tables are made as those tools make them.

use dbwarden::Error;
use dbwarden::adopt::Proof;
use dbwarden::apply::run::Silent;
use dbwarden::ops::adopt::{AdoptOptions, Adoption, Outcome, adopt as run};
use dbwarden::ops::migrate::MigrateOptions;
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp};
use sha2::{Digest, Sha256};
use testkit::{Database, Engine, on_every_database};

use crate::{
    code, deployment, discreet, ids, log, migrate, migrate_with, rollback, rollback_to, status, steps,
};

const LOG: &str = "CREATE TABLE log (id {key}, what TEXT NOT NULL);";
const SECOND: &str = "INSERT INTO log (what) VALUES ('2');";

/// A file as both older versions of DBWarden have it.
fn file(up: &str, down: &str) -> String {
    format!("-- upgrade\n\n{up}\n\n-- rollback\n\n{down}\n")
}

/// Three files of DBWarden, classic; the first two are applied.
fn strata_files(database: &Database) {
    database.write(&[
        ("V20240215_143000__log.sql", &file(LOG, "DROP TABLE log;")),
        ("V20240215_143001__second.sql", &file(SECOND, "INSERT INTO log (what) VALUES ('undone');")),
        ("V20240215_143002__third.sql", &file("INSERT INTO log (what) VALUES ('3');", "DELETE FROM log;")),
    ]);
    database.execute(&LOG.replace("{key}", database.key()));
    database.execute(SECOND);
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn strata(database: &Database) {
    strata_files(database);
    database.execute(
        "CREATE TABLE strata_migrations (version VARCHAR(50) PRIMARY KEY, applied_at TIMESTAMP, checksum VARCHAR(64))",
    );
    database.execute(
        "CREATE TABLE strata_lock (id INTEGER PRIMARY KEY, locked BOOLEAN DEFAULT FALSE, acquired_at TIMESTAMP NULL, \
         release_at TIMESTAMP NULL)",
    );
    database.execute("INSERT INTO strata_lock VALUES (1, FALSE, NULL, NULL)");
    let (first, second) = (sum(&LOG.replace("{key}", database.key())), sum(SECOND));
    database.execute(&format!(
        "INSERT INTO strata_migrations VALUES ('20240215_143000', '2024-02-15 14:30:00', '{first}'), \
         ('20240215_143001', '2024-02-15 14:30:07', '{second}')"
    ));
}

/// The tables that the Python program had first, which have the names of ours.
fn python_tables(database: &Database) {
    let key = match database.engine() {
        Engine::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
        _ => database.key(),
    };
    database.execute(&format!(
        "CREATE TABLE dbwarden_migrations (id {key}, version VARCHAR(255) UNIQUE, description VARCHAR(500), \
         filename VARCHAR(500) UNIQUE, migration_type VARCHAR(50), applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, \
         checksum VARCHAR(128))"
    ));
    database.execute(
        "CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY CHECK (id = 1), locked BOOLEAN DEFAULT FALSE, \
         acquired_at TIMESTAMP NULL)",
    );
}

fn python(database: &Database) {
    database.write(&[
        ("primary__0001_log.sql", &file(LOG, "DROP TABLE log;")),
        ("primary__0002_second.sql", &file(SECOND, "INSERT INTO log (what) VALUES ('undone');")),
        ("primary__0003_third.sql", &file("INSERT INTO log (what) VALUES ('3');", "DELETE FROM log;")),
        ("primary__RA__always.sql", &file("INSERT INTO log (what) VALUES ('always');", "SELECT 1;")),
        ("primary__ROC__changed.sql", &file("INSERT INTO log (what) VALUES ('changed');", "SELECT 1;")),
    ]);
    database.execute(&LOG.replace("{key}", database.key()));
    database.execute(SECOND);
    python_tables(database);
    database.execute("INSERT INTO dbwarden_lock VALUES (1, FALSE, NULL)");
    let (first, second) = (sum(&LOG.replace("{key}", database.key())), sum(SECOND));
    let changed = sum("INSERT INTO log (what) VALUES ('changed');");
    for (version, filename, kind, at, sum) in [
        ("'0001'", "primary__0001_log.sql", "versioned", "10:00:00", first.as_str()),
        ("'0002'", "primary__0002_second.sql", "versioned", "10:00:00", second.as_str()),
        ("NULL", "primary__RA__always.sql", "runs_always", "10:00:01", "of another time"),
        ("NULL", "primary__ROC__changed.sql", "runs_on_change", "10:00:02", changed.as_str()),
    ] {
        database.execute(&format!(
            "INSERT INTO dbwarden_migrations (version, description, filename, migration_type, applied_at, checksum) \
             VALUES ({version}, 'text', '{filename}', '{kind}', '2025-03-01 {at}', '{sum}')"
        ));
    }
}

fn manticore(database: &Database) {
    database.write(&[
        ("V1__log.sql", &LOG.replace("{key}", database.key())),
        ("V2__second.sql", &format!("{SECOND}\n\n-- DOWN\nINSERT INTO log (what) VALUES ('undone');")),
        ("V3__third.sql", "INSERT INTO log (what) VALUES ('3');"),
    ]);
    database.execute(&LOG.replace("{key}", database.key()));
    database.execute(SECOND);
    let zone = match database.engine() {
        Engine::Mariadb => "TIMESTAMP",
        _ => "TIMESTAMP WITH TIME ZONE",
    };
    database.execute(&format!(
        "CREATE TABLE _migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL, \
         applied_at {zone} NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    ));
    database.execute("INSERT INTO _migrations (version, description) VALUES (1, 'log'), (2, 'second')");
}

/// A graph: a, then b and c beside each other, then d, which joins them.
fn alembic(database: &Database, heads: &[&str]) {
    database.write(&[
        ("first.sql", &format!("-- revision: a1b2c3d4e5f6\n-- down_revision: none\n{LOG}\n-- rollback\nDROP TABLE log;\n")),
        ("left.sql", "-- revision: b1b2c3d4e5f6\n-- down_revision: a1b2c3d4e5f6\nINSERT INTO log (what) VALUES ('b');\n"),
        ("right.sql", "-- revision: c1b2c3d4e5f6\n-- down_revision: a1b2c3d4e5f6\nINSERT INTO log (what) VALUES ('c');\n"),
        (
            "both.sql",
            "-- revision: d1b2c3d4e5f6\n-- down_revision: [\"b1b2c3d4e5f6\", \"c1b2c3d4e5f6\"]\nINSERT INTO log (what) VALUES ('d');\n",
        ),
    ]);
    database.execute(&LOG.replace("{key}", database.key()));
    database.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    );
    for head in heads {
        database.execute(&format!("INSERT INTO alembic_version VALUES ('{head}')"));
    }
}

fn adopt(database: &Database) -> Result<Adoption, Error> {
    adopt_with(database, &AdoptOptions::default())
}

fn adopt_with(database: &Database, options: &AdoptOptions) -> Result<Adoption, Error> {
    discreet(run(&mut deployment(database), options, &mut Silent))
}

fn from(tool: &str) -> AdoptOptions {
    AdoptOptions { from: Some(tool.to_owned()), ..AdoptOptions::default() }
}

fn versions(adoption: &Adoption) -> Vec<&str> {
    adoption.rows.iter().map(|row| row.version.as_str()).collect()
}

/// The rows of a table that a shell can show: times differ in their form from engine to engine.
fn rows(database: &Database, table: &str, columns: &str) -> Vec<String> {
    let mut rows = database.rows(&format!("SELECT {columns} FROM {table}"));
    rows.sort();
    rows
}

on_every_database! {
    fn strata_is_taken_over(database) {
        strata(&database);
        let columns = "version, CAST(applied_at AS CHAR(19)), checksum";
        let before = (rows(&database, "strata_migrations", columns), database.snapshot());
        assert_eq!(code(migrate(&database)), "foreign-records");
        assert_eq!(status(&database).foreign[0].from, Some("strata"));

        let planned = adopt_with(&database, &AdoptOptions { dry_run: true, ..AdoptOptions::default() }).unwrap();
        assert_eq!((planned.outcome, planned.tool), (Outcome::Planned, "strata"));
        assert_eq!(ids(&planned.pending), ["20240215_143002"]);
        assert_eq!(database.snapshot(), before.1, "a dry run changes nothing");
        assert!(database.rows("SELECT 1 FROM dbwarden_migrations").is_empty());
        assert!(database.rows("SELECT 1 FROM dbwarden_lock").is_empty());

        let done = adopt(&database).unwrap();
        assert_eq!(done.outcome, Outcome::Recorded);
        assert_eq!(versions(&done), ["20240215_143000", "20240215_143001"]);
        assert!(done.rows.iter().all(|row| row.proof == Proof::Proved), "{:?}", done.rows);
        assert_eq!((ids(&done.current), ids(&done.pending)), (vec!["20240215_143001"], vec!["20240215_143002"]));
        assert!(done.set_aside.is_empty());
        assert_eq!(database.versions(), ["20240215_143000", "20240215_143001"]);
        assert_eq!(
            database.rows("SELECT applied_at FROM dbwarden_migrations ORDER BY sequence"),
            ["2024-02-15 14:30:00.000", "2024-02-15 14:30:07.000"]
        );
        let note = database.one("SELECT note FROM dbwarden_migrations WHERE version = '20240215_143000'");
        assert!(note.starts_with("adopted from strata_migrations of the classic DBWarden, by "), "{note}");
        assert!(note.contains("; its checksum there is that of the file"), "{note}");
        assert_eq!(rows(&database, "strata_migrations", columns), before.0, "the old table is as it was");
        assert_eq!(database.lock_owner(), "");

        assert!(status(&database).foreign.is_empty());
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
        assert_eq!(steps(&migrate(&database).unwrap()), ["20240215_143002"]);
        assert_eq!(log(&database), ["2", "3"]);
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already, "more was applied since, which is no matter");
        database.write(&[("V20240215_143000__log.sql", &file("SELECT 1;", "SELECT 1;"))]);
        database.remove("V20240215_143001__second.sql");
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already, "nor what became of the files");
        assert_eq!(database.versions().len(), 3);
    }

    fn what_was_taken_over_can_be_undone_and_done_again(database) {
        strata(&database);
        adopt(&database).unwrap();
        database.remove("V20240215_143001__second.sql");
        assert_eq!(steps(&rollback(&database).unwrap()), ["20240215_143001"], "the stored script is taken");
        assert_eq!(log(&database), ["2", "undone"]);
        database.write(&[("V20240215_143001__second.sql", &file(SECOND, "SELECT 1;"))]);
        let again = adopt(&database).unwrap();
        assert_eq!((again.outcome, ids(&again.undone)), (Outcome::Already, vec!["20240215_143001"]));
        assert_eq!(database.versions(), ["20240215_143000"], "what was undone is not recorded again");
        rollback_to(&database, "base").unwrap();
        assert!(database.versions().is_empty());
        let again = adopt(&database).unwrap();
        assert_eq!((again.outcome, ids(&again.undone)), (Outcome::Already, vec!["20240215_143000", "20240215_143001"]));
        assert_eq!(ids(&again.pending), ["20240215_143000", "20240215_143001", "20240215_143002"]);
        // Nor does a file stand in the way that changed, or is gone, since.
        database.write(&[("V20240215_143000__log.sql", &file(&format!("{LOG} -- anew"), "DROP TABLE log;"))]);
        database.remove("V20240215_143001__second.sql");
        assert_eq!(ids(&adopt(&database).unwrap().undone), ["20240215_143000"]);
        assert!(database.versions().is_empty());
        database.write(&[("V20240215_143001__second.sql", &file(SECOND, "SELECT 1;"))]);
        // The old records are dealt with, and do not stand in the way of a new beginning.
        assert_eq!(migrate(&database).unwrap().count(), 3);
        assert_eq!(log(&database), ["2", "3"]);
    }

    fn a_deployment_that_adopts_goes_on_behind_a_failure(database) {
        strata(&database);
        adopt(&database).unwrap();
        database.write(&[(
            "V20240215_143002__third.sql",
            &file("-- no-transaction\nINSERT INTO log (what) VALUES ('3');\nINSERT INTO nowhere VALUES (1);", "DELETE FROM log;"),
        )]);
        migrate(&database).unwrap_err();
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
    }

    fn what_the_old_tool_did_after_it_was_taken_over_is_not_undone(database) {
        strata(&database);
        adopt(&database).unwrap();
        rollback(&database).unwrap();
        database.execute("INSERT INTO strata_migrations VALUES ('20240215_143002', '2024-02-16 10:00:00', NULL)");
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "recorded");
        assert!(error.to_string().contains("20240215_143001 and 20240215_143002"), "{error}");
    }

    fn records_that_a_run_began_are_not_taken_over(database) {
        strata(&database);
        let baseline = MigrateOptions { record_only: true, ..MigrateOptions::default() };
        migrate_with(&database, &baseline).unwrap();
        rollback(&database).unwrap();
        rollback(&database).unwrap();
        assert_eq!(code(adopt(&database)), "recorded", "nobody said that 20240215_143001 was undone");
        rollback_to(&database, "base").unwrap();
        let error = adopt(&database).unwrap_err();
        assert!(error.to_string().contains("were begun beside the old ones"), "{error}");
    }

    fn the_tables_of_the_python_program_are_set_aside(database) {
        python(&database);
        let columns = "id, version, description, filename, migration_type, CAST(applied_at AS CHAR(19)), checksum";
        let before = (rows(&database, "dbwarden_migrations", columns), rows(&database, "dbwarden_lock", "id, locked"));
        assert_eq!(before.0.len(), 4);
        assert_eq!(code(migrate(&database)), "not-our-table");
        let baseline = MigrateOptions { record_only: true, ..MigrateOptions::default() };
        assert_eq!(code(migrate_with(&database, &baseline)), "not-our-table");
        assert_eq!(code(rollback(&database)), "not-our-table");

        let planned = adopt_with(&database, &AdoptOptions { dry_run: true, ..AdoptOptions::default() }).unwrap();
        let moved: Vec<_> =
            planned.set_aside.iter().map(|moved| (moved.table.as_str(), moved.aside.as_str(), moved.rows)).collect();
        let mut expected = vec![
            ("dbwarden_lock", "dbwarden_lock_python", 1),
            ("dbwarden_migrations", "dbwarden_migrations_python", 4),
        ];
        let mut sorted = moved.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        assert_eq!(rows(&database, "dbwarden_migrations", columns), before.0, "a dry run changes nothing");

        let done = adopt(&database).unwrap();
        assert_eq!((done.outcome, done.tool), (Outcome::Recorded, "dbwarden-python"));
        assert_eq!(versions(&done), ["0001", "0002", "RA__always", "ROC__changed"]);
        assert_eq!(database.versions(), ["0001", "0002", "RA__always", "ROC__changed"]);
        assert_eq!(rows(&database, "dbwarden_migrations_python", columns), before.0);
        assert_eq!(rows(&database, "dbwarden_lock_python", "id, locked"), before.1);
        let proofs: Vec<_> = done.rows.iter().map(|row| row.proof).collect();
        assert_eq!(proofs, [Proof::Proved, Proof::Proved, Proof::RunsAlways, Proof::Proved]);

        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
        assert!(status(&database).foreign.is_empty());
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003", "RA__always"], "what runs on change has not changed");
        assert_eq!(steps(&rollback(&database).unwrap())[..1], ["ROC__changed"]);
        assert_eq!(database.versions(), ["0001", "0002", "RA__always"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn its_later_tables_are_read_too(database) {
        python(&database);
        // From 0.8 on the records have another name; from 0.19 on the lock is another.
        database.execute("CREATE TABLE _dbwarden_migrations (version VARCHAR(255), description VARCHAR(500), filename VARCHAR(500) UNIQUE, \
                          migration_type VARCHAR(50), applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, checksum VARCHAR(128))");
        database.execute("INSERT INTO _dbwarden_migrations SELECT version, description, filename, migration_type, applied_at, checksum \
                          FROM dbwarden_migrations");
        database.execute("DROP TABLE dbwarden_migrations");
        database.execute("DROP TABLE dbwarden_lock");
        database.execute("CREATE TABLE dbwarden_lock (namespace VARCHAR(255) NOT NULL PRIMARY KEY, execution_id VARCHAR(255) NOT NULL, \
                          fencing_token BIGINT NOT NULL DEFAULT 0, state VARCHAR(50) NOT NULL DEFAULT 'AVAILABLE', acquired_at VARCHAR(40) NOT NULL)");
        database.execute("INSERT INTO dbwarden_lock VALUES ('default', 'x', 1, 'RUNNING', '2026-01-01 10:00:00')");
        assert_eq!(status(&database).foreign.len(), 1);
        assert_eq!(code(adopt(&database)), "old-lock");
        assert_eq!(database.rows("SELECT state FROM dbwarden_lock"), ["RUNNING"], "nothing was changed");
        database.execute("UPDATE dbwarden_lock SET state = 'COMPLETE'");
        let done = adopt(&database).unwrap();
        assert_eq!(versions(&done), ["0001", "0002", "RA__always", "ROC__changed"]);
        assert_eq!(done.set_aside.iter().map(|moved| moved.aside.as_str()).collect::<Vec<_>>(), ["dbwarden_lock_python"]);
        assert_eq!(database.rows("SELECT state FROM dbwarden_lock_python"), ["COMPLETE"]);
        assert_eq!(rows(&database, "_dbwarden_migrations", "version").len(), 4, "that one stays");
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003", "RA__always"]);
    }

    fn of_two_tables_of_one_program_the_later_counts(database) {
        python(&database);
        database.execute("CREATE TABLE _dbwarden_migrations (version VARCHAR(255), description VARCHAR(500), filename VARCHAR(500) UNIQUE, \
                          migration_type VARCHAR(50), applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, checksum VARCHAR(128))");
        let later = "INSERT INTO _dbwarden_migrations SELECT version, description, filename, migration_type, applied_at, checksum \
                     FROM dbwarden_migrations WHERE version";
        // 0002 was undone since the later version came, or was never told to it.
        database.execute(&format!("{later} = '0001'"));
        let before = database.snapshot();
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "two-histories");
        assert_eq!(error.to_string(), "dbwarden_migrations and _dbwarden_migrations disagree: 0002 is in the former alone");
        assert_eq!(database.snapshot(), before);
        database.execute("DELETE FROM dbwarden_migrations WHERE version = '0002'");
        database.execute("UPDATE dbwarden_migrations SET checksum = 'of an older file'");
        let done = adopt(&database).unwrap();
        assert_eq!((versions(&done), done.tables.len()), (vec!["0001"], 2));
        assert_eq!(ids(&done.pending), ["0002", "0003", "ROC__changed"], "the later one says nothing of these");
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
    }

    fn an_empty_later_table_takes_nothing_away(database) {
        python(&database);
        database.execute("CREATE TABLE _dbwarden_migrations (version VARCHAR(255), filename VARCHAR(500), migration_type VARCHAR(50), checksum VARCHAR(128))");
        assert_eq!(versions(&adopt(&database).unwrap()), ["0001", "0002", "RA__always", "ROC__changed"]);
    }

    fn under_names_of_our_own_nothing_is_set_aside(database) {
        python(&database);
        let settle = |deployment: &mut dbwarden::ops::Deployment<'_>| {
            deployment.settings.tables.migrations = "shop_migrations".to_owned();
            deployment.settings.tables.lock = "shop_lock".to_owned();
            deployment.settings.tables.journal = "shop_journal".to_owned();
        };
        let mut ours = deployment(&database);
        settle(&mut ours);
        let options = MigrateOptions::default();
        let refused = dbwarden::ops::migrate::migrate(&mut ours, &options, &mut Silent);
        assert_eq!(code(refused), "foreign-records");
        let done = run(&mut ours, &AdoptOptions::default(), &mut Silent).unwrap();
        assert_eq!((done.rows.len(), done.set_aside.len()), (4, 0));
        assert_eq!(database.rows("SELECT version FROM shop_migrations").len(), 4);
        assert_eq!(database.rows("SELECT filename FROM dbwarden_migrations").len(), 4);
        let ran = dbwarden::ops::migrate::migrate(&mut ours, &options, &mut Silent).unwrap();
        assert_eq!(steps(&ran), ["0003", "RA__always"]);
    }

    fn what_changed_since_it_ran_is_due(database) {
        python(&database);
        database.write(&[("primary__ROC__changed.sql", &file("INSERT INTO log (what) VALUES ('anew');", "SELECT 1;"))]);
        let done = adopt(&database).unwrap();
        assert_eq!(versions(&done), ["0001", "0002", "RA__always"]);
        assert_eq!(done.left.iter().map(|left| left.version.as_str()).collect::<Vec<_>>(), ["ROC__changed"]);
        assert_eq!(ids(&done.pending), ["0003", "ROC__changed"]);
        migrate(&database).unwrap();
        assert!(log(&database).contains(&"anew".to_owned()));
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
    }

    fn manticores_rows_are_numbers(database) {
        manticore(&database);
        assert_eq!(code(migrate(&database)), "foreign-records");
        let done = adopt(&database).unwrap();
        assert_eq!((done.tool, versions(&done)), ("manticore", vec!["1", "2"]));
        assert!(done.rows.iter().all(|row| row.proof == Proof::NoSum && row.applied_at.is_some()), "{:?}", done.rows);
        assert_eq!(steps(&migrate(&database).unwrap()), ["3"]);
        assert_eq!(database.versions(), ["1", "2", "3"]);
    }

    fn an_alembic_head_stands_for_all_below_it(database) {
        alembic(&database, &["d1b2c3d4e5f6"]);
        assert_eq!(code(migrate(&database)), "foreign-records");
        let done = adopt(&database).unwrap();
        assert_eq!((done.tool, done.rows.len(), done.at_head), ("alembic", 4, true));
        assert_eq!(database.versions()[0], "a1b2c3d4e5f6");
        assert_eq!(database.versions()[3], "d1b2c3d4e5f6");
        let notes = database.rows("SELECT note FROM dbwarden_migrations");
        assert!(notes.iter().all(|note| note.ends_with("; when it was applied is not known")), "{notes:?}");
        assert_eq!(migrate(&database).unwrap().count(), 0);
        assert_eq!(database.rows("SELECT version_num FROM alembic_version"), ["d1b2c3d4e5f6"]);
    }

    fn of_several_alembic_heads_each_stands_for_itself(database) {
        alembic(&database, &["c1b2c3d4e5f6"]);
        let done = adopt(&database).unwrap();
        assert_eq!(versions(&done), ["a1b2c3d4e5f6", "c1b2c3d4e5f6"]);
        assert_eq!(ids(&done.pending), ["b1b2c3d4e5f6", "d1b2c3d4e5f6"]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["b1b2c3d4e5f6", "d1b2c3d4e5f6"]);
        assert_eq!(log(&database), ["b", "d"]);
    }

    fn a_database_at_alembics_base_has_nothing_applied(database) {
        alembic(&database, &[]);
        database.execute("DROP TABLE log");
        assert_eq!(code(migrate(&database)), "foreign-records");
        let done = adopt(&database).unwrap();
        assert_eq!((done.outcome, done.rows.len(), done.pending.len()), (Outcome::Recorded, 0, 4));
        assert_eq!(migrate(&database).unwrap().count(), 4);
    }

    fn a_lock_that_is_held_is_respected(database) {
        strata(&database);
        database.execute("UPDATE strata_lock SET locked = TRUE, acquired_at = '2026-01-02 03:04:05'");
        let before = database.snapshot();
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "old-lock");
        assert!(error.to_string().contains("strata_lock says so, since 2026-01-02 03:04:05"), "{error}");
        assert_eq!(code(adopt_with(&database, &AdoptOptions { dry_run: true, ..AdoptOptions::default() })), "old-lock");
        assert_eq!(database.snapshot(), before);
        assert!(database.versions().is_empty());
        database.execute("UPDATE strata_lock SET locked = FALSE");
        adopt(&database).unwrap();
        // It is no lock of ours any more.
        database.execute("UPDATE strata_lock SET locked = TRUE");
        assert_eq!(adopt(&database).unwrap().outcome, Outcome::Already);
    }

    fn a_python_lock_that_is_held_is_respected(database) {
        python(&database);
        database.execute("UPDATE dbwarden_lock SET locked = TRUE");
        assert_eq!(code(adopt(&database)), "old-lock");
        assert_eq!(database.rows("SELECT filename FROM dbwarden_migrations").len(), 4, "it is not set aside");
        assert!(database.rows("SELECT filename FROM dbwarden_migrations_python").is_empty());
    }

    fn a_row_without_a_file_is_named(database) {
        strata(&database);
        database.remove("V20240215_143001__second.sql");
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "no-file");
        assert!(error.to_string().contains("20240215_143001"), "{error}");
        assert!(database.versions().is_empty());
        assert_eq!(code(migrate(&database)), "foreign-records");
    }

    fn an_edited_file_is_named(database) {
        strata(&database);
        database.write(&[("V20240215_143001__second.sql", &file("INSERT INTO log (what) VALUES ('edited');", "SELECT 1;"))]);
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "old-checksum");
        assert!(error.to_string().contains("20240215_143001"), "{error}");
        assert!(database.versions().is_empty());
        let options = AdoptOptions { without_proof: true, ..AdoptOptions::default() };
        let done = adopt_with(&database, &options).unwrap();
        assert_eq!(done.rows[1].proof, Proof::Differs);
        let note = database.one("SELECT note FROM dbwarden_migrations WHERE version = '20240215_143001'");
        assert!(note.contains(&sum(SECOND)) && note.ends_with("is not that of the file"), "{note}");
        assert_eq!(steps(&migrate(&database).unwrap()), ["20240215_143002"]);
    }

    fn of_several_tools_one_is_named(database) {
        strata(&database);
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)");
        assert_eq!(code(adopt(&database)), "several-tools");
        assert_eq!(code(adopt_with(&database, &from("flyway"))), "unknown-tool");
        assert_eq!(code(adopt_with(&database, &from("manticore"))), "nothing-to-adopt");
        let done = adopt_with(&database, &from("strata")).unwrap();
        assert_eq!(done.rows.len(), 2);
        assert_eq!(steps(&migrate(&database).unwrap()), ["20240215_143002"]);
    }

    fn without_records_there_is_nothing_to_take_over(database) {
        strata_files(&database);
        assert_eq!(code(adopt(&database)), "nothing-to-adopt");
        database.execute("CREATE TABLE flyway_schema_history (installed_rank INTEGER, version VARCHAR(50))");
        let error = adopt(&database).unwrap_err();
        assert!(error.to_string().contains("flyway_schema_history"), "{error}");
        assert!(database.rows("SELECT 1 FROM dbwarden_lock").is_empty(), "nothing was made");
    }

    fn records_of_our_own_that_say_something_else_stand(database) {
        strata(&database);
        let mut deployment = deployment(&database);
        let only = StampOptions { stamp: Stamp::Add("20240215_143000".to_owned()), dry_run: false, agreed: false };
        stamp(&mut deployment, &only, &mut Silent).unwrap();
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "recorded");
        assert!(error.to_string().contains("20240215_143001 is applied by the old ones"), "{error}");
        assert_eq!(database.versions(), ["20240215_143000"]);
    }

    fn a_protected_database_asks_before_it_takes_over(database) {
        python(&database);
        let mut protected = deployment(&database);
        protected.settings.protected = true;
        let mut options = AdoptOptions::default();
        assert_eq!(code(run(&mut protected, &options, &mut Silent)), "protected");
        assert_eq!(database.rows("SELECT filename FROM dbwarden_migrations").len(), 4);
        options.agreed = true;
        run(&mut protected, &options, &mut Silent).unwrap();
        assert_eq!(database.versions().len(), 4);
    }

    fn what_a_kill_left_is_gone_on_with(database) {
        python(&database);
        // Behind the renaming, ours were not made yet.
        database.execute("ALTER TABLE dbwarden_migrations RENAME TO dbwarden_migrations_python");
        assert_eq!(code(migrate(&database)), "not-our-table", "the lock is that one's still");
        database.execute("ALTER TABLE dbwarden_lock RENAME TO dbwarden_lock_python");
        assert_eq!(code(migrate(&database)), "foreign-records");
        assert_eq!(status(&database).foreign[0].table, "dbwarden_migrations_python");
        // Ours are there, and nothing is in them.
        python_tables(&database);
        let error = adopt(&database).unwrap_err();
        assert_eq!(error.code(), "aside-taken");
        database.execute("DROP TABLE dbwarden_migrations");
        database.execute("DROP TABLE dbwarden_lock");
        let baseline = MigrateOptions { record_only: true, ..MigrateOptions::default() };
        migrate_with(&database, &baseline).unwrap();
        database.execute("DELETE FROM dbwarden_migrations");
        database.execute("DELETE FROM dbwarden_lock WHERE name = 'adopted'");
        assert_eq!(code(migrate(&database)), "foreign-records", "empty records beside old ones are what a kill left");
        assert_eq!(status(&database).foreign.len(), 1);
        let done = adopt(&database).unwrap();
        assert_eq!((done.outcome, done.rows.len()), (Outcome::Recorded, 4));
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003", "RA__always"]);
    }

    fn two_at_once_take_it_over_once(database) {
        python(&database);
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| adopt(&database).unwrap().outcome)).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Recorded).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Already).count(), 3, "{outcomes:?}");
        assert_eq!(database.versions().len(), 4);
        assert_eq!(database.rows("SELECT filename FROM dbwarden_migrations_python").len(), 4);
        assert_eq!(database.lock_owner(), "");
    }
}

/// Its sum is not made again, so nothing is proved.
#[test]
fn a_file_that_is_too_long_to_be_proved_is_named() {
    let database = Database::new(Engine::Sqlite);
    strata(&database);
    let long = format!("{SECOND}\n-- {}", "long ".repeat(17 << 18));
    database.write(&[("V20240215_143001__second.sql", &file(&long, "SELECT 1;"))]);
    let error = adopt(&database).unwrap_err();
    assert_eq!(error.code(), "old-checksum");
    assert_eq!(
        error.to_string(),
        "whether the sum that the classic DBWarden recorded of 20240215_143001 is that of its file is not known: it is over 16 MiB"
    );
    assert!(database.versions().is_empty());
    let options = AdoptOptions { without_proof: true, ..AdoptOptions::default() };
    let done = adopt_with(&database, &options).unwrap();
    assert_eq!(done.rows[1].proof, Proof::TooLong);
    let note = database.one("SELECT note FROM dbwarden_migrations WHERE version = '20240215_143001'");
    assert!(
        note.contains(&sum(SECOND)) && note.ends_with("was not compared with the file, which is over 16 MiB"),
        "{note}"
    );
}

#[test]
fn a_program_takes_over_before_it_migrates() {
    let database = Database::new(Engine::Sqlite);
    strata(&database);
    let start = || {
        let builder = dbwarden::Migrator::builder(&database.url()).directory(database.migrations());
        let mut migrator = builder.build()?;
        migrator.adopt(&AdoptOptions::default())?;
        migrator.migrate()
    };
    assert_eq!(steps(&start().unwrap()), ["20240215_143002"]);
    assert_eq!(start().unwrap().count(), 0);
}
