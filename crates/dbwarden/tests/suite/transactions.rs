//! What stands or falls together.

use dbwarden::ErrorKind;
use dbwarden::apply::failure::Kept;
use dbwarden::ops::migrate::MigrateOptions;
use testkit::{Database, Engine, on_every_database};

use crate::{LOG, code, ids, log, migrate, migrate_with, rollback, status, steps};

/// Makes the table where that commits by itself and cannot share a transaction with others; returns how many are applied then.
fn first(database: &Database) -> usize {
    if !database.commits_definitions() {
        return 0;
    }
    database.write(&[LOG]);
    migrate(database).unwrap().count()
}

on_every_database! {
    fn a_failing_statement_rolls_its_migration_back_whole(database) {
        // Where definitions commit by themselves, rows alone are rolled back.
        let second = if database.commits_definitions() { "DELETE FROM log" } else { "CREATE TABLE lost (x INTEGER)" };
        database.write(&[
            LOG,
            ("0002_bad.sql", &format!("INSERT INTO log (what) VALUES ('lost');\n{second};\n\n  INSERT INTO log (what) VALUES (nothing);\n")),
            ("0003_never.sql", "INSERT INTO log (what) VALUES ('never');\n"),
        ]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "sql");
        let location = error.location().unwrap();
        assert!(location.file.ends_with("0002_bad.sql"), "{}", location.file);
        // CockroachDB says no place.
        let column = if matches!(database.engine(), Engine::Scripted | Engine::Cockroach) { 3 } else { 34 };
        assert_eq!(location.at, Some((4, column)), "at the name that is not there");
        assert_eq!(location.text.as_deref(), Some("  INSERT INTO log (what) VALUES (nothing);"));
        let ErrorKind::Step { step, not_tried, .. } = error.kind() else { panic!("{error}") };
        assert_eq!((step.statement, step.total, step.kept), (3, 3, Kept::Nothing));
        assert_eq!(ids(not_tried), ["0003"]);
        assert_eq!(steps(error.report().unwrap()), ["0001"]);
        assert!(log(&database).is_empty());
        assert_eq!(database.versions(), ["0001"]);
        assert_eq!(database.journalled(), 0);
        assert_eq!(database.lock_owner(), "");
        assert!(!database.snapshot().contains("lost"));

        database.write(&[("0002_bad.sql", "INSERT INTO log (what) VALUES ('mended');\n")]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002", "0003"]);
        assert_eq!(log(&database), ["mended", "never"]);
        assert_eq!(migrate(&database).unwrap().count(), 0);
    }

    fn a_failing_rollback_leaves_the_migration_applied(database) {
        database.write(&[LOG, ("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log;\nDELETE FROM nowhere;\n")]);
        migrate(&database).unwrap();
        assert_eq!(code(rollback(&database)), "sql");
        assert_eq!(log(&database), ["2"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
    }

    fn one_transaction_takes_all_or_nothing(database) {
        let one = MigrateOptions { single_transaction: true, ..MigrateOptions::default() };
        let first = first(&database);
        database.write(&[LOG, ("0002_a.sql", "INSERT INTO log (id, what) VALUES (2, '2');"), ("0003_bad.sql", "INSERT INTO nowhere VALUES (1);")]);
        let before = database.snapshot();
        let error = migrate_with(&database, &one).unwrap_err();
        assert_eq!(error.code(), "sql");
        assert!(error.report().unwrap().steps.is_empty());
        assert_eq!(database.snapshot(), before);
        assert_eq!(database.versions().len(), first);
        assert_eq!(database.lock_owner(), "");
        database.write(&[("0003_bad.sql", "INSERT INTO log (id, what) VALUES (3, '3');")]);
        assert_eq!(steps(&migrate_with(&database, &one).unwrap()), ["0001", "0002", "0003"][first..]);
        assert_eq!(log(&database), ["2", "3"]);
        let runs = database.rows("SELECT DISTINCT run_id FROM dbwarden_migrations");
        assert_eq!(runs.len(), 1 + first);
    }

    fn one_transaction_refuses_what_has_its_own(database) {
        let one = MigrateOptions { single_transaction: true, ..MigrateOptions::default() };
        let first = first(&database);
        for text in ["BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n", "-- no-transaction\nSELECT 1;\nSELECT 2;\n"] {
            database.write(&[LOG, ("0002_own.sql", text)]);
            assert_eq!(code(migrate_with(&database, &one)), "single-transaction", "{text}");
            assert_eq!(database.versions().len(), first);
        }
        // One block around the whole file is the migration's own transaction, and can be shared.
        database.write(&[("0002_own.sql", "BEGIN;\nINSERT INTO log (what) VALUES ('2');\nCOMMIT;\n")]);
        migrate_with(&database, &one).unwrap();
        assert_eq!(log(&database), ["2"]);
    }

    fn blocks_of_a_file_are_groups(database) {
        let bad = "BEGIN;\nINSERT INTO log (what) VALUES ('a');\nINSERT INTO log (what) VALUES ('b');\nCOMMIT;\n\
                   BEGIN;\nINSERT INTO log (what) VALUES ('c');\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n";
        database.write(&[LOG, ("0002_groups.sql", bad)]);
        let error = migrate(&database).unwrap_err();
        let ErrorKind::Step { step, .. } = error.kind() else { panic!("{error}") };
        assert_eq!((step.statement, step.total, step.kept), (4, 4, Kept::Statements(2)));
        assert_eq!(log(&database), ["a", "b"], "the first group is kept, the second is rolled back");
        assert_eq!(database.versions(), ["0001"]);
        let unfinished = status(&database).unfinished;
        assert_eq!((unfinished[0].done, unfinished[0].total), (2, Some(4)));

        database.write(&[("0002_groups.sql", &bad.replace("INTO nowhere VALUES (1)", "INTO log (what) VALUES ('d')"))]);
        let report = migrate(&database).unwrap();
        assert_eq!(report.steps[0].resumed_from, 2);
        assert_eq!(log(&database), ["a", "b", "c", "d"]);
        assert_eq!(database.journalled(), 0);
        assert!(status(&database).unfinished.is_empty());
    }

    fn a_dry_run_changes_nothing(database) {
        database.write(&[LOG]);
        let before = database.snapshot();
        let dry = MigrateOptions { dry_run: true, ..MigrateOptions::default() };
        let report = migrate_with(&database, &dry).unwrap();
        assert_eq!(report.plan.unwrap().steps.len(), 1);
        assert_eq!(report.steps.len(), 0);
        assert_eq!(database.snapshot(), before);
        assert!(database.rows("SELECT * FROM dbwarden_lock").is_empty(), "not even our tables");
    }
}
