//! What the history holds, and what becomes of it when people touch it.

use testkit::{Database, on_every_database};

use crate::{LOG, code, ids, log, migrate, rollback, rollback_to, status, steps};

const SECOND: (&str, &str) = (
    "0002_second.sql",
    "INSERT INTO log (what) VALUES ('2');\n-- rollback\nINSERT INTO log (what) VALUES ('undone');\n",
);

fn applied(database: &Database) {
    database.write(&[LOG, SECOND]);
    migrate(database).unwrap();
}

on_every_database! {
    fn a_row_says_what_who_when_and_how_to_undo_it(database) {
        applied(&database);
        let row = database.one(
            "SELECT version, description, kind, substr(checksum, 1, 3), statements, down_script FROM dbwarden_migrations \
             WHERE version = '0002'",
        );
        assert_eq!(row.trim_end(), "0002|second|versioned|v1:|1|INSERT INTO log (what) VALUES ('undone');");
        let sums = database.rows("SELECT length(checksum), length(file_hash) FROM dbwarden_migrations");
        assert_eq!(sums, ["67|64", "67|64"]);
        let who = database.one("SELECT DISTINCT applied_by FROM dbwarden_migrations");
        assert!(who.contains('@'), "{who}");
        assert_eq!(database.one("SELECT DISTINCT tool_version FROM dbwarden_migrations"), env!("CARGO_PKG_VERSION"));
        let at = database.one("SELECT min(applied_at) FROM dbwarden_migrations");
        assert!(at.len() == 23 && at.as_bytes()[10] == b' ', "{at}");
        assert_eq!(database.one("SELECT count(*) FROM dbwarden_migrations WHERE duration_ms >= 0"), "2");
        assert_eq!(database.rows("SELECT DISTINCT run_id FROM dbwarden_migrations").len(), 1, "one run");
        assert_eq!(database.versions(), ["0001", "0002"], "in the order in which they ran");
    }

    fn the_queries_of_the_seeds_work(database) {
        applied(&database);
        let rows = database.rows("SELECT version, checksum, applied_at FROM dbwarden_migrations ORDER BY applied_at DESC, version DESC LIMIT 1");
        assert!(rows[0].starts_with("0002|v1:"), "{rows:?}");
    }

    fn a_row_deleted_by_hand_makes_its_migration_pending_again(database) {
        applied(&database);
        database.execute("DELETE FROM dbwarden_migrations WHERE version = '0002'");
        assert_eq!(status(&database).pending_count, 1);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002"]);
        assert_eq!(log(&database), ["2", "2"], "it ran again, as was asked");
    }

    fn a_row_that_makes_no_sense_is_named_and_counts_as_applied(database) {
        applied(&database);
        database.execute("UPDATE dbwarden_migrations SET kind = 'strange' WHERE version = '0002'");
        // DuckDB's rows do not number themselves: who writes one does it.
        let (column, number) = if database.engine() == testkit::Engine::Duckdb { ("sequence, ", "1000, ") } else { ("", "") };
        database.execute(&format!(
            "INSERT INTO dbwarden_migrations ({column}version, description, kind, checksum, applied_at, duration_ms, \
             applied_by, tool_version, run_id, statements) VALUES ({number}'', '', 'versioned', '', '', 0, '', '', '', 0)"
        ));
        let status = status(&database);
        assert_eq!(status.oddities.len(), 2, "{:?}", status.oddities);
        assert!(status.oddities.iter().any(|oddity| oddity.contains("0002") && oddity.contains("strange")));
        assert_eq!((status.applied.len(), status.pending_count), (2, 0));
        database.write(&[("0003_third.sql", "INSERT INTO log (what) VALUES ('3');")]);
        let report = migrate(&database).unwrap();
        assert_eq!(steps(&report), ["0003"]);
        assert!(report.notes.iter().any(|note| note.contains("0002")), "{:?}", report.notes);
    }

    fn a_rollback_without_the_file_takes_the_stored_script(database) {
        applied(&database);
        database.remove("0002_second.sql");
        assert_eq!(ids(&status(&database).ahead), ["0002"]);
        assert_eq!(steps(&rollback(&database).unwrap()), ["0002"]);
        assert_eq!(log(&database), ["2", "undone"]);
        assert_eq!(database.versions(), ["0001"]);
    }

    fn the_file_goes_before_the_stored_script(database) {
        applied(&database);
        database.write(&[("0002_second.sql", &SECOND.1.replace("undone", "undone by the file"))]);
        rollback(&database).unwrap();
        assert_eq!(log(&database), ["2", "undone by the file"]);
    }

    fn without_a_down_script_nothing_is_undone(database) {
        database.write(&[LOG, SECOND, ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');")]);
        migrate(&database).unwrap();
        // It is looked at before anything is touched: 0002 has one, and stays.
        assert_eq!(code(rollback_to(&database, "0001")), "irreversible");
        assert_eq!(log(&database), ["2", "3"]);
        database.remove("0003_third.sql");
        assert_eq!(code(rollback(&database)), "irreversible");
        assert_eq!(database.versions().len(), 3);
    }

    fn a_down_script_that_is_too_long_needs_its_file(database) {
        let long = format!("INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log; /* {} */\n", "x".repeat(1 << 20));
        database.write(&[LOG, ("0002_long.sql", &long)]);
        migrate(&database).unwrap();
        assert_eq!(database.one("SELECT coalesce(down_script, 'none') FROM dbwarden_migrations WHERE version = '0002'"), "none");
        rollback(&database).unwrap();
        assert!(log(&database).is_empty());
        migrate(&database).unwrap();
        database.remove("0002_long.sql");
        assert_eq!(code(rollback(&database)), "irreversible");
    }

    fn down_and_up_again_comes_to_the_same(database) {
        database.write(&[LOG, ("0002_t.sql", "CREATE TABLE t (x INTEGER);\nCREATE INDEX t_x ON t (x);\n-- rollback\nDROP TABLE t;\n")]);
        let empty = database.snapshot();
        migrate(&database).unwrap();
        let (there, history) = (database.snapshot(), database.history());
        rollback_to(&database, "base").unwrap();
        assert_eq!(database.snapshot(), empty);
        assert!(database.versions().is_empty());
        migrate(&database).unwrap();
        assert_eq!((database.snapshot(), database.history()), (there, history));
    }

    fn another_tools_tables_are_recognised_before_anything_is_written(database) {
        database.write(&[LOG]);
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)");
        let before = database.snapshot();
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "foreign-records");
        assert!(error.to_string().contains("Alembic"), "{error}");
        assert_eq!(database.snapshot(), before);
        assert_eq!(status(&database).foreign[0].tool, "Alembic");
    }

    fn another_tools_table_of_our_name_is_not_taken_for_ours(database) {
        database.write(&[LOG]);
        database.execute("CREATE TABLE dbwarden_migrations (id INTEGER PRIMARY KEY, version TEXT, description TEXT, \
                          filename TEXT, migration_type TEXT, applied_at TEXT, checksum TEXT)");
        assert_eq!(code(migrate(&database)), "not-our-table");
        assert!(database.rows("SELECT * FROM dbwarden_lock").is_empty());
    }

    fn the_python_lock_of_our_name_is_not_taken_for_ours(database) {
        database.write(&[LOG]);
        database.execute("CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY, locked INTEGER, acquired_at TEXT)");
        assert_eq!(code(migrate(&database)), "not-our-table");
    }

    fn tables_may_have_other_names(database) {
        database.write(&[LOG]);
        let mut deployment = crate::deployment(&database);
        deployment.settings.tables.migrations = "schema_log".to_owned();
        deployment.settings.tables.lock = "schema_log_lock".to_owned();
        deployment.settings.tables.journal = "schema_log_journal".to_owned();
        let options = dbwarden::ops::migrate::MigrateOptions::default();
        dbwarden::ops::migrate::migrate(&mut deployment, &options, &mut dbwarden::apply::run::Silent).unwrap();
        assert_eq!(database.rows("SELECT version FROM schema_log"), ["0001"]);
        assert!(database.versions().is_empty());
    }
}
