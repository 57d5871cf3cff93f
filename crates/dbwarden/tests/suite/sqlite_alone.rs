//! What only SQLite has: PRAGMAs, WAL, readers that hold up a commit, files, and connections of the host's own.

use std::time::Duration;

use dbwarden::apply::run::Silent;
use dbwarden::driver::HostConnection;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use testkit::{Database, Engine};

use crate::{LOG, code, deployment, log, migrate, rollback, settings, status, steps};

fn database() -> Database {
    Database::new(Engine::Sqlite)
}

const FAMILIES: (&str, &str) = (
    "0001_families.sql",
    "CREATE TABLE parents (id INTEGER PRIMARY KEY);\n\
     CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE);\n\
     INSERT INTO parents VALUES (1), (2);\nINSERT INTO children VALUES (1, 1), (2, 2);\n",
);

#[test]
fn foreign_keys_that_a_rebuild_breaks_are_found_before_the_commit() {
    let database = database();
    let rebuild = "PRAGMA foreign_keys = OFF;\nBEGIN;\nCREATE TABLE new (id INTEGER PRIMARY KEY);\n\
                   INSERT INTO new SELECT id FROM parents WHERE id = 1;\nDROP TABLE parents;\n\
                   ALTER TABLE new RENAME TO parents;\nCOMMIT;\nPRAGMA foreign_keys = ON;\n";
    database.write(&[FAMILIES, ("0002_rebuild.sql", rebuild)]);
    let error = migrate(&database).unwrap_err();
    assert_eq!(error.code(), "foreign-keys");
    assert!(error.to_string().contains("1 row of children"), "{error}");
    assert_eq!(database.rows("SELECT id FROM parents"), ["1", "2"]);
    assert_eq!(database.rows("SELECT id FROM children"), ["1", "2"], "no cascade");
    database.write(&[("0002_rebuild.sql", &rebuild.replace(" WHERE id = 1", ""))]);
    migrate(&database).unwrap();
    assert_eq!(database.rows("SELECT id FROM children"), ["1", "2"]);
}

#[test]
fn old_violations_are_tolerated_and_new_ones_beside_them_are_not() {
    let database = database();
    database.write(&[
        FAMILIES,
        (
            "0002_flat.sql",
            "CREATE TABLE flat (name TEXT PRIMARY KEY, parent INTEGER REFERENCES parents (id)) WITHOUT ROWID;\n\
             INSERT INTO children VALUES (9, 99);\nINSERT INTO flat VALUES ('old', 99);\n",
        ),
        ("0003_fine.sql", "PRAGMA foreign_keys = OFF;\nINSERT INTO children VALUES (3, 1);\nPRAGMA foreign_keys = ON;\n"),
    ]);
    migrate(&database).unwrap();
    for bad in ["INSERT INTO children VALUES (10, 98)", "INSERT INTO flat VALUES ('new', 99)"] {
        database.write(&[(
            "0004_bad.sql",
            &format!("PRAGMA foreign_keys = OFF;\n{bad};\nPRAGMA foreign_keys = ON;\n"),
        )]);
        assert_eq!(code(migrate(&database)), "foreign-keys", "{bad}");
        assert_eq!(database.versions().len(), 3);
    }
}

#[test]
fn what_a_file_sets_ends_with_it() {
    let database = database();
    database.write(&[
        LOG,
        ("0002_sets.sql", "PRAGMA foreign_keys = ON;\nPRAGMA case_sensitive_like = ON;\nCREATE TEMP TABLE gone (x);\nINSERT INTO log (what) SELECT 'A' LIKE 'a';\n"),
        ("0003_next.sql", "INSERT INTO log (what) SELECT 'A' LIKE 'a';\n-- unless: query SELECT count(*) FROM sqlite_temp_schema\n\
                           INSERT INTO log (what) VALUES ('no temporary table');\n"),
    ]);
    migrate(&database).unwrap();
    assert_eq!(log(&database), ["0", "1", "no temporary table"]);
}

#[test]
fn a_setting_is_made_again_on_resume_and_a_temporary_table_is_refused() {
    let database = database();
    let text = "-- no-transaction\nPRAGMA case_sensitive_like = ON;\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO nowhere VALUES (1);\n\
                INSERT INTO log (what) SELECT 'A' LIKE 'a';\n";
    database.write(&[LOG, ("0002_set.sql", text)]);
    assert_eq!(code(migrate(&database)), "sql");
    database
        .write(&[("0002_set.sql", &text.replace("INTO nowhere VALUES (1)", "INTO log (what) VALUES ('2')"))]);
    migrate(&database).unwrap();
    assert_eq!(log(&database), ["1", "2", "0"]);

    database.write(&[(
        "0003_temp.sql",
        "-- no-transaction\nCREATE TEMP TABLE t (x);\nINSERT INTO nowhere VALUES (1);\n",
    )]);
    assert_eq!(code(migrate(&database)), "sql");
    database.write(&[(
        "0003_temp.sql",
        "-- no-transaction\nCREATE TEMP TABLE t (x);\nINSERT INTO t VALUES (1);\n",
    )]);
    assert_eq!(code(migrate(&database)), "temporary-gone");
}

#[test]
fn wal_mode_is_used_as_it_is_found() {
    let database = database();
    database.execute("PRAGMA journal_mode = WAL");
    database.write(&[
        LOG,
        ("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log;\n"),
    ]);
    // A reader in WAL mode stands in nobody's way.
    let reader = database.connect();
    reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").unwrap();
    migrate(&database).unwrap();
    assert_eq!(log(&database), ["2"]);
    rollback(&database).unwrap();
    reader.execute_batch("ROLLBACK").unwrap();
    assert_eq!(database.one("PRAGMA journal_mode"), "wal");
}

#[test]
fn a_reader_that_holds_up_the_commit_is_waited_for() {
    let database = database();
    database.write(&[LOG, ("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
    database.execute("CREATE TABLE theirs (x)");
    let reader = database.connect();
    reader.execute_batch("BEGIN; SELECT count(*) FROM theirs").unwrap();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(600));
        reader.execute_batch("ROLLBACK").unwrap();
    });
    migrate(&database).unwrap();
    thread.join().unwrap();
    assert_eq!(log(&database), ["2"]);
}

#[test]
fn a_reader_that_does_not_end_fails_the_commit_and_nothing_is_left() {
    let database = database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    database.write(&[("0002_a.sql", "-- lock_timeout: 200ms\nINSERT INTO log (what) VALUES ('2');\n")]);
    let mut deployment = deployment(&database);
    let reader = database.connect();
    let mut observer = |event: &dbwarden::apply::run::Event<'_>| {
        if matches!(event, dbwarden::apply::run::Event::StatementStarted { .. }) {
            reader.execute_batch("BEGIN; SELECT count(*) FROM log").unwrap();
        }
    };
    deployment.settings.safety.lock_timeout = Duration::from_millis(200);
    let outcome = run(&mut deployment, &MigrateOptions::default(), &mut observer);
    assert_eq!(code(outcome), "busy");
    reader.execute_batch("ROLLBACK").unwrap();
    assert!(log(&database).is_empty());
    migrate(&database).unwrap();
    assert_eq!(log(&database), ["2"]);
    assert_eq!(database.lock_owner(), "");
}

#[test]
fn a_planted_trigger_is_refused() {
    let database = database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    database.write(&[("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
    for table in ["dbwarden_migrations", "dbwarden_lock", "dbwarden_journal"] {
        let event = if table == "dbwarden_lock" { "UPDATE" } else { "INSERT" };
        database.execute(&format!("CREATE TRIGGER planted AFTER {event} ON {table} BEGIN INSERT INTO log (what) VALUES ('planted'); END"));
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "planted-trigger", "{table}");
        assert!(error.to_string().contains(table), "{error}");
        assert!(log(&database).is_empty());
        database.execute("DROP TRIGGER planted");
    }
    migrate(&database).unwrap();
}

#[test]
fn a_trigger_planted_by_a_migration_is_refused_by_the_next_run() {
    let database = database();
    database.write(&[
        LOG,
        ("0002_plant.sql", "CREATE TRIGGER planted AFTER INSERT ON dbwarden_journal BEGIN SELECT 1; END;\n"),
    ]);
    migrate(&database).unwrap();
    database.write(&[("0003_a.sql", "INSERT INTO log (what) VALUES ('3');\n")]);
    assert_eq!(code(migrate(&database)), "planted-trigger");
}

#[test]
fn a_host_lends_its_connection_and_gets_it_back_as_it_was() {
    let database = database();
    database.write(&[LOG, ("0002_a.sql", "PRAGMA foreign_keys = OFF;\nINSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log;\n")]);
    let mut host = HostConnection::open(database.file()).unwrap();
    host.pragma_update(None, "foreign_keys", true).unwrap();
    let options = MigrateOptions::default();
    let report = run(&mut Deployment::on(settings(&database), &mut host), &options, &mut Silent).unwrap();
    assert_eq!(steps(&report), ["0001", "0002"]);
    let keys: bool = host.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap();
    assert!(keys && host.is_autocommit());
    assert_eq!(database.lock_owner(), "");
    host.execute_batch("INSERT INTO log (what) VALUES ('host')").unwrap();
    // A failing one leaves no transaction open.
    database.write(&[(
        "0003_bad.sql",
        "INSERT INTO log (what) VALUES ('lost');\nINSERT INTO nowhere VALUES (1);\n",
    )]);
    assert_eq!(code(run(&mut Deployment::on(settings(&database), &mut host), &options, &mut Silent)), "sql");
    assert!(host.is_autocommit());
    assert_eq!(log(&database), ["2", "host"]);
    // An open transaction is the host's own affair.
    host.execute_batch("BEGIN").unwrap();
    assert_eq!(code(run(&mut Deployment::on(settings(&database), &mut host), &options, &mut Silent)), "open");
    host.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_database_in_memory_is_the_hosts_own() {
    let files = database();
    files.write(&[LOG, ("0002_each.sql", "-- no-transaction\nINSERT INTO log (what) VALUES ('2');\nVACUUM;\n-- rollback\nDELETE FROM log;\n")]);
    let mut host = HostConnection::open_in_memory().unwrap();
    let options = MigrateOptions::default();
    let report = run(&mut Deployment::on(settings(&files), &mut host), &options, &mut Silent).unwrap();
    assert_eq!(report.count(), 2);
    assert_eq!(
        run(&mut Deployment::on(settings(&files), &mut host), &options, &mut Silent).unwrap().count(),
        0
    );
    let rows: i64 = host.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    let options = dbwarden::ops::rollback::RollbackOptions::default();
    dbwarden::ops::rollback::rollback(
        &mut Deployment::on(settings(&files), &mut host),
        &options,
        &mut Silent,
    )
    .unwrap();
    let rows: i64 = host.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
    assert!(!files.file().exists(), "the address was not used");
}

#[test]
fn a_host_that_dies_with_the_lock_is_not_waited_for() {
    // The row of a holder that is gone is in the file, and the connection is lent by another process now.
    let database = database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    let owner = r#"{"user":"ana","host":"here","pid":1,"started":"0","boot":"","namespace":""}"#;
    database.execute(&format!(
        "UPDATE dbwarden_lock SET owner = '{owner}', since = 'then' WHERE name = 'holder'"
    ));
    database.write(&[("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
    let mut host = HostConnection::open(database.file()).unwrap();
    let mut deployment = Deployment::on(settings(&database), &mut host);
    deployment.lock.lease = Duration::from_millis(300);
    run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
    assert_eq!(log(&database), ["2"]);
}

#[test]
fn places_that_are_no_database_are_named_and_left_alone() {
    let database = database();
    database.write(&[LOG]);
    let at = |url: String| {
        let mut settings = settings(&database);
        settings.url = url.parse().unwrap();
        Deployment::new(settings)
    };
    let options = MigrateOptions::default();
    let missing = database.folder().join("nowhere/test.db");
    assert_eq!(code(run(&mut at(format!("sqlite:///{}", missing.display())), &options, &mut Silent)), "open");
    assert!(!missing.parent().unwrap().exists());

    let text = database.folder().join("notes.txt");
    let content = "these are notes, and no database at all ".repeat(100);
    std::fs::write(&text, &content).unwrap();
    assert_eq!(
        code(run(&mut at(format!("sqlite:///{}", text.display())), &options, &mut Silent)),
        "not-a-database"
    );
    assert_eq!(std::fs::read_to_string(&text).unwrap(), content);

    let folder = at(format!("sqlite:///{}", database.folder().display()));
    let mut folder = folder;
    assert_eq!(code(run(&mut folder, &options, &mut Silent)), "open");
}

#[test]
fn a_disk_without_room_leaves_what_was_there() {
    let database = database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    let fill = "INSERT INTO log (what) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT 'fills' FROM n;\n";
    for header in ["", "-- no-transaction\n"] {
        let text = format!("{header}INSERT INTO log (what) VALUES ('2');\n{fill}");
        database.write(&[("0002_fill.sql", &text)]);
        let mut deployment = deployment(&database);
        deployment.settings.session.push("PRAGMA max_page_count = 60".to_owned());
        assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "disk", "{header}");
        assert_eq!(log(&database).len(), usize::from(!header.is_empty()));
        assert_eq!(database.versions(), ["0001"]);
        assert_eq!(database.lock_owner(), "");
    }
    // With room again it goes on.
    migrate(&database).unwrap();
    assert_eq!(log(&database).len(), 20_001);
}

#[test]
fn looking_makes_no_file() {
    let database = database();
    database.write(&[LOG]);
    assert_eq!(status(&database).pending_count, 1);
    assert!(!database.file().exists());
    let dry = MigrateOptions { dry_run: true, ..MigrateOptions::default() };
    crate::migrate_with(&database, &dry).unwrap();
    assert!(!database.file().exists());
    assert!(rollback(&database).is_err());
    assert!(!database.file().exists());
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let database = database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    database.write(&[("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
    // query_only stands for the rights of the file, which mean nothing to a test that root runs.
    std::fs::set_permissions(database.file(), std::fs::Permissions::from_mode(0o444)).unwrap();
    let writable = std::fs::OpenOptions::new().write(true).open(database.file()).is_ok();
    let mut deployment = deployment(&database);
    if writable {
        deployment.settings.session.push("PRAGMA query_only = ON".to_owned());
    }
    assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "read-only");
    assert_eq!(status(&database).pending_count, 1, "and can be looked at");
    assert_eq!(database.versions(), ["0001"]);
}
