//! What a review found broken, each as a test that fails without its mend.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dbwarden::apply::run::{Event, Points, Silent};
use dbwarden::driver::HostConnection;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::ready::Readiness;
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp as run_stamp};
use dbwarden::{Error, Migrator};
use testkit::{Database, on_every_database, on_sqlite};

use crate::{LOG, code, deployment, ids, log, migrate, migrate_with, rollback, rollback_to, settings, steps};

/// Writes `text` into a file of the migrations as a run passes `point` first.
fn edit_at(database: &Database, point: &'static str, name: &str, text: &str) -> Points {
    let (path, text, done) = (database.migrations().join(name), text.to_owned(), AtomicBool::new(false));
    Arc::new(move |passed| {
        if passed == point && !done.swap(true, Ordering::SeqCst) {
            std::fs::write(&path, &text).unwrap();
        }
    })
}

/// Migrates while a file is edited at `point`.
fn migrate_edited(database: &Database, point: &'static str, name: &str, text: &str) -> Result<(), Error> {
    let mut deployment = deployment(database);
    deployment.points = Some(edit_at(database, point, name, text));
    run(&mut deployment, &MigrateOptions::default(), &mut Silent).map(drop)
}

/// The checksum that a run records for 0002 where it is `text` from the first.
fn checksum_of(database: &Database, text: &str) -> String {
    let other = Database::new(database.engine());
    other.write(&[LOG, ("0002_each.sql", text)]);
    migrate(&other).unwrap();
    checksum(&other)
}

fn checksum(database: &Database) -> String {
    database.one("SELECT checksum FROM dbwarden_migrations WHERE version = '0002'")
}

fn stamp(database: &Database, stamp: Stamp) {
    let options = StampOptions { stamp, dry_run: false, agreed: false };
    run_stamp(&mut deployment(database), &options, &mut Silent).unwrap();
}

/// `text`, too large to be kept in memory between its plan and its run.
fn large(text: &str) -> String {
    format!("{text}{}", "-- to fill the file\n".repeat(4000))
}

const OLD: &str =
    "-- no-transaction\nINSERT INTO log (what) VALUES ('old');\nINSERT INTO log (what) VALUES ('old 2');\n";
const NEW: &str =
    "-- no-transaction\nINSERT INTO log (what) VALUES ('new');\nINSERT INTO log (what) VALUES ('new 2');\n";

const DOWN: &str = "INSERT INTO log (what) VALUES ('up');\n-- rollback\nDELETE FROM log WHERE what = 'up';\n";
const NEW_DOWN: &str = "INSERT INTO log (what) VALUES ('up');\n-- rollback\n\
                        DELETE FROM log WHERE what = 'up' AND id > 0;\nINSERT INTO log (what) VALUES ('down');\n";

on_sqlite! {
    fn what_is_edited_during_a_wait_for_the_lock_of_another_runs_as_it_is_then(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_each.sql", OLD)]);
        let other = database.connect();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let path = database.migrations().join("0002_each.sql");
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(700));
            std::fs::write(path, NEW).unwrap();
            other.execute_batch("ROLLBACK").unwrap();
        });
        migrate(&database).unwrap();
        thread.join().unwrap();
        assert_eq!(log(&database), ["new", "new 2"]);
        assert_eq!(checksum(&database), checksum_of(&database, NEW));
    }
}

on_every_database! {
    fn what_is_edited_during_the_wait_runs_and_is_recorded_as_it_is_then(database) {
        database.write(&[LOG, ("0002_each.sql", OLD)]);
        migrate_edited(&database, "lock-taken", "0002_each.sql", NEW).unwrap();
        assert_eq!(log(&database), ["new", "new 2"]);
        assert_eq!(checksum(&database), checksum_of(&database, NEW));
        assert_eq!(migrate(&database).unwrap().count(), 0);
    }

    fn what_is_edited_behind_the_plan_runs_as_it_was_planned(database) {
        database.write(&[LOG, ("0002_each.sql", OLD)]);
        migrate_edited(&database, "planned", "0002_each.sql", NEW).unwrap();
        assert_eq!(log(&database), ["old", "old 2"]);
        assert_eq!(checksum(&database), checksum_of(&database, OLD));
    }

    fn a_large_file_that_is_edited_behind_the_plan_does_not_begin(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        let (old, second) = (large(OLD), large(&OLD.replace("'old 2'", "'new 2'")));
        database.write(&[("0002_each.sql", &old)]);
        // The second statement alone differs: the first is as planned, and may not run either.
        assert_eq!(code(migrate_edited(&database, "planned", "0002_each.sql", &second)), "file-changed");
        assert!(log(&database).is_empty());
        assert_eq!((database.versions().len(), database.journalled()), (1, 0));
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["old", "new 2"]);
        assert_eq!(checksum(&database), checksum_of(&database, &second));
    }

    fn headers_behind_an_empty_statement_are_read(database) {
        database.write(&[LOG, ("0005_x.sql", ";\n-- revision: abc9\nCREATE TABLE a (x INTEGER);\n")]);
        migrate(&database).unwrap();
        assert_eq!(database.versions(), ["0001", "abc9"]);
        assert_eq!(migrate(&database).unwrap().count(), 0);
        database.write(&[("0006_y.sql", ";\n-- revision: 0001\nCREATE TABLE b (x INTEGER);\n")]);
        assert_eq!(code(migrate(&database)), "duplicate-id");
    }

    fn headers_that_stand_where_a_glance_ends_are_read(database) {
        // The 65,537th byte is the second dash.
        let mut text = "-- to fill the file\n".repeat(3276);
        // MySQL wants a space behind the first two (https://dev.mysql.com/doc/refman/8.4/en/ansi-diff-comments.html).
        text.push_str(&format!("-- {}", "-".repeat((64 << 10) - text.len() - 4)));
        text.push_str("\n-- revision: abc9\nCREATE TABLE a (x INTEGER);\n");
        database.write(&[LOG, ("0005_x.sql", &text)]);
        migrate(&database).unwrap();
        assert_eq!(database.versions(), ["0001", "abc9"]);
    }

    fn a_versioned_file_and_a_repeatable_one_do_not_share_an_id(database) {
        database.write(&[LOG, ("RA__z.sql", "-- revision: 0007\nSELECT 1;\n"), ("0007_z.sql", "CREATE TABLE z (x INTEGER);\n")]);
        assert_eq!(code(migrate(&database)), "duplicate-id");
        assert!(database.versions().is_empty());
    }

    fn a_file_that_is_replaced_by_one_of_the_same_time_and_length_is_read_again(database) {
        database.write(&[LOG, ("0002_each.sql", OLD)]);
        let (path, other) = (database.migrations().join("0002_each.sql"), database.folder().join("other.sql"));
        std::fs::write(&other, NEW).unwrap();
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        let mut deployment = deployment(&database);
        deployment.points = Some(Arc::new(move |passed| {
            if passed == "lock-taken" && other.exists() {
                std::fs::rename(&other, &path).unwrap();
            }
        }));
        run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert_eq!(log(&database), ["new", "new 2"]);
    }

    fn a_down_section_edited_during_the_wait_is_stored_whole(database) {
        database.write(&[LOG, ("0002_each.sql", DOWN)]);
        migrate_edited(&database, "lock-taken", "0002_each.sql", NEW_DOWN).unwrap();
        let stored = database.one("SELECT down_script FROM dbwarden_migrations WHERE version = '0002'");
        let new = NEW_DOWN.split_once("-- rollback\n").unwrap().1;
        assert_eq!(stored.trim(), new.trim());
        database.remove("0002_each.sql");
        rollback(&database).unwrap();
        assert_eq!(log(&database), ["down"]);
    }

    fn a_down_section_edited_behind_the_plan_is_never_stored_in_pieces(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_each.sql", &large(DOWN))]);
        let error = migrate_edited(&database, "planned", "0002_each.sql", &large(NEW_DOWN)).unwrap_err();
        assert!(error.to_string().contains("changed"), "{error}");
        assert_eq!(error.code(), "file-changed");
        assert!(log(&database).is_empty());
        assert_eq!(database.versions(), ["0001"]);
        migrate(&database).unwrap();
    }

    fn what_a_stamp_finishes_leaves_nothing_in_the_journal(database) {
        let failing = "BEGIN;\nCREATE TABLE a (x INTEGER);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (x INTEGER);\n\
                       INSERT INTO nowhere VALUES (1);\nCOMMIT;\n-- rollback\nDROP TABLE IF EXISTS a;\nDROP TABLE IF EXISTS b;\n";
        // Where definitions commit by themselves, no transaction can hold them.
        let apart = failing.replace("BEGIN;\n", "").replace("COMMIT;\n", "");
        let failing = if database.commits_definitions() { &apart } else { failing };
        database.write(&[("0001_a.sql", failing)]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_ne!(database.journalled(), 0);
        stamp(&database, Stamp::Exactly("0001".parse().unwrap()));
        assert_eq!(database.journalled(), 0);
        rollback(&database).unwrap();
        database.write(&[("0001_a.sql", &failing.replace("INSERT INTO nowhere", "INSERT INTO b"))]);
        let report = migrate(&database).unwrap();
        assert_eq!((report.steps[0].resumed_from, report.steps[0].statements), (0, 3));
        assert_eq!(database.one("SELECT count(*) FROM a"), "0");
        assert_eq!(database.rows("SELECT x FROM b"), ["1"]);
        assert_eq!(database.journalled(), 0);
    }

    fn a_part_done_rollback_whose_row_is_taken_away_is_over(database) {
        let text = "INSERT INTO log (what) VALUES ('up');\n-- rollback\n\
                    BEGIN;\nINSERT INTO log (what) VALUES ('going');\nCOMMIT;\n\
                    BEGIN;\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n";
        database.write(&[LOG, ("0002_each.sql", text)]);
        migrate(&database).unwrap();
        assert_eq!(code(rollback(&database)), "sql");
        assert_ne!(database.journalled(), 0);
        stamp(&database, Stamp::Remove("0002".to_owned()));
        assert_eq!(database.journalled(), 0);
        database.write(&[("0003_more.sql", "INSERT INTO log (what) VALUES ('3');\n-- rollback\nDELETE FROM log WHERE what = '3';\n")]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002", "0003"]);
        assert_eq!(log(&database), ["up", "going", "up", "3"]);
        // And the next rollback begins at its first statement.
        database.write(&[("0002_each.sql", &text.replace("INTO nowhere VALUES (1)", "INTO log (what) VALUES ('gone')"))]);
        rollback_to(&database, "0001").unwrap();
        assert_eq!(log(&database), ["up", "going", "up", "going", "gone"]);
    }

    fn a_rollback_of_a_repeatable_goes_on_where_it_stopped(database) {
        let text = "INSERT INTO log (what) VALUES ('up');\n-- rollback\n\
                    BEGIN;\nINSERT INTO log (what) VALUES ('first');\nCOMMIT;\n\
                    BEGIN;\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n";
        database.write(&[
            ("0001_log.sql", &LOG.1.replace("DROP TABLE log", "ALTER TABLE log RENAME TO kept")),
            ("ROC__r.sql", text),
        ]);
        migrate(&database).unwrap();
        assert_eq!(code(rollback_to(&database, "base")), "sql");
        assert_eq!(log(&database), ["up", "first"]);
        database.write(&[("ROC__r.sql", &text.replace("INTO nowhere VALUES (1)", "INTO log (what) VALUES ('second')"))]);
        rollback_to(&database, "base").unwrap();
        assert_eq!(database.rows("SELECT what FROM kept ORDER BY id"), ["up", "first", "second"]);
        assert_eq!((database.versions().len(), database.journalled()), (0, 0));
    }

    fn a_rollback_to_where_one_is_writes_nothing(database) {
        database.write(&[LOG, ("ROC__r.sql", "INSERT INTO log (what) VALUES ('r');\n-- rollback\nDELETE FROM log;\n")]);
        migrate(&database).unwrap();
        let all = || ["dbwarden_migrations", "dbwarden_lock", "dbwarden_journal"].map(|table| database.rows(&format!("SELECT * FROM {table}")));
        let before = all();
        assert_eq!(rollback_to(&database, "0001").unwrap().count(), 0);
        assert_eq!(all(), before);
        assert_eq!(log(&database), ["r"]);
        assert_eq!(database.versions(), ["0001", "ROC__r"]);
    }

    fn a_comment_that_begins_a_down_section_is_no_header_of_the_stored_script(database) {
        for comment in ["-- seed: goes with the table", "-- no-transaction", "-- tags: a, b", "-- depends_on: [\"0099\"]", "-- irreversible"] {
            let database = Database::new(database.engine());
            let text = "CREATE TABLE helper (x INTEGER);\nINSERT INTO log (what) VALUES ('2');\n-- rollback\n-- a remark\nDELETE FROM log;\nDELETE FROM helper;\n";
            database.write(&[LOG, ("0002_a.sql", text)]);
            migrate(&database).unwrap_or_else(|error| panic!("{comment}: {error}"));
            database.remove("0002_a.sql");
            // In a file it is an error by now; rows of earlier versions have it.
            database.execute(&format!("UPDATE dbwarden_migrations SET down_script = replace(down_script, '-- a remark', '{comment}')"));
            database.execute("DROP TABLE helper");
            assert_eq!(code(rollback(&database)), "sql", "{comment}");
            assert_eq!(log(&database), ["2"], "{comment}: all or nothing");
            assert_eq!(database.journalled(), 0, "{comment}");
            database.execute("CREATE TABLE helper (x INTEGER)");
            rollback(&database).unwrap_or_else(|error| panic!("{comment}: {error}"));
            assert!(log(&database).is_empty());
            assert_eq!(database.versions(), ["0001"]);
        }
    }

    fn a_header_that_is_nearly_one_is_named(database) {
        for (line, named) in [
            ("-- tag: demo", "tag"),
            ("-- depends on: 0099", "depends on"),
            ("-- no transaction", "no transaction"),
            ("-- no-transaction please", "no-transaction"),
        ] {
            database.write(&[LOG, ("0002_a.sql", &format!("{line}\nINSERT INTO log (what) VALUES ('2');\n"))]);
            let error = migrate(&database).unwrap_err();
            assert_eq!(error.code(), "header", "{line}: {error}");
            assert!(error.to_string().contains(named), "{line}: {error}");
            assert!(database.versions().is_empty());
        }
        database.write(&[("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback:\nDELETE FROM log;\n")]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "sections", "{error}");
        assert!(error.to_string().contains("rollback"), "{error}");
        assert!(database.versions().is_empty());
    }

    fn ready_goes_by_what_the_migrator_selects(database) {
        database.write(&[
            LOG,
            ("0002_rows.sql", "-- seed\nINSERT INTO log (what) VALUES ('seed');\n"),
            ("0003_demo.sql", "-- tags: demo\nINSERT INTO log (what) VALUES ('demo');\n"),
        ]);
        let builder = || Migrator::builder(&database.url()).directory(database.migrations());
        let mut without = builder().without_seeds().build().unwrap();
        assert_eq!(steps(&without.migrate().unwrap()), ["0001"]);
        assert_eq!(without.ready().unwrap(), Readiness::Ready);
        assert_eq!(without.status().unwrap().pending_count, 0);
        let mut tagged = builder().without_seeds().tag("demo").build().unwrap();
        let Readiness::Behind { pending } = tagged.ready().unwrap() else { panic!("0003 is pending") };
        assert_eq!(ids(&pending), ["0003"]);
        let Readiness::Behind { pending } = builder().build().unwrap().ready().unwrap() else { panic!("0002 is pending") };
        assert_eq!(ids(&pending), ["0002"]);
        tagged.migrate().unwrap();
        assert_eq!(tagged.ready().unwrap(), Readiness::Ready);
    }

    fn a_file_with_its_ending_in_capitals_is_read(database) {
        database.write(&[("0001_log.SQL", LOG.1), ("0002_a.Sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001", "0002"]);
        assert_eq!(log(&database), ["2"]);
    }

    fn white_space_inside_a_directive_is_an_edit(database) {
        let text = "-- unless: query SELECT 'a  b' = ''\nINSERT INTO log (what) VALUES ('2');\n";
        database.write(&[LOG, ("0002_a.sql", text)]);
        migrate(&database).unwrap();
        database.write(&[("0002_a.sql", &text.replace("a  b", "a b")), ("0003_b.sql", "INSERT INTO log (what) VALUES ('3');\n")]);
        assert_eq!(code(migrate(&database)), "changed");
        assert_eq!(log(&database), ["2"]);
    }
}

// What only SQLite has.

fn sqlite_database() -> Database {
    Database::new(testkit::Engine::Sqlite)
}

#[test]
fn a_quoted_foreign_keys_pragma_keeps_the_children_of_a_rebuild() {
    for name in ["[foreign_keys]", "\"foreign_keys\"", "`foreign_keys`", "main.[foreign_keys]"] {
        let database = sqlite_database();
        let rebuild = format!(
            "PRAGMA {name}=OFF;\nCREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\n\
             INSERT INTO new (id) SELECT id FROM parents;\nDROP TABLE parents;\n\
             ALTER TABLE new RENAME TO parents;\nPRAGMA {name}=ON;\n"
        );
        database.write(&[
            (
                "0001_families.sql",
                "CREATE TABLE parents (id INTEGER PRIMARY KEY);\n\
                 CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE);\n\
                 INSERT INTO parents VALUES (1), (2);\nINSERT INTO children VALUES (1, 1), (2, 2);\n",
            ),
            ("0002_rebuild.sql", &rebuild),
        ]);
        let mut deployment = deployment(&database);
        deployment.settings.foreign_keys = true;
        run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert_eq!(database.rows("SELECT id, parent FROM children ORDER BY id"), ["1|1", "2|2"], "{name}");
        assert_eq!(database.rows("SELECT name FROM parents").len(), 2);
    }
}

#[test]
fn one_transaction_for_all_takes_no_file_that_changes_its_session() {
    for text in [
        "PRAGMA ignore_check_constraints=ON;\nINSERT INTO log (what) VALUES ('2');\n",
        "CREATE TEMP TABLE t (x);\nINSERT INTO log (what) VALUES ('2');\n",
        "CREATE TEMPORARY VIEW v AS SELECT 1;\n",
    ] {
        let database = sqlite_database();
        database.write(&[LOG, ("0002_a.sql", text)]);
        let options = MigrateOptions { single_transaction: true, ..MigrateOptions::default() };
        let error = migrate_with(&database, &options).unwrap_err();
        assert_eq!(error.code(), "single-transaction", "{text}");
        assert!(error.to_string().contains("0002"), "{error}");
        assert!(database.versions().is_empty());
        migrate(&database).unwrap();
    }
}

/// What a connection keeps for itself, as text.
fn session_of(host: &HostConnection) -> Vec<String> {
    let one = |sql: &str| -> String {
        host.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap().unwrap_or_default()
    };
    let mut found = vec![
        one(
            "SELECT group_concat(name) FROM (SELECT name FROM pragma_database_list WHERE name <> 'temp' ORDER BY name)",
        ),
        one("SELECT group_concat(name) FROM (SELECT name FROM sqlite_temp_schema ORDER BY name)"),
    ];
    for pragma in ["busy_timeout", "foreign_keys", "ignore_check_constraints", "recursive_triggers"] {
        let value: i64 = host.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        found.push(format!("{pragma} {value}"));
    }
    found
}

/// Files that leave all sorts of things in their session; the last fails, where it is asked to.
fn untidy(database: &Database, beside: &Path) {
    let attach = format!(
        "-- no-transaction\nATTACH '{}' AS beside;\nCREATE TABLE beside.t (x);\nINSERT INTO log (what) VALUES ('2');\n",
        beside.display()
    );
    database.write(&[
        LOG,
        ("0002_attach.sql", &attach),
        (
            "0003_temp.sql",
            "CREATE TEMP TABLE gone (x);\nCREATE TEMP VIEW seen AS SELECT x FROM gone;\nINSERT INTO log (what) VALUES ('3');\n",
        ),
        (
            "0004_pragma.sql",
            "PRAGMA ignore_check_constraints = ON;\nPRAGMA recursive_triggers = ON;\nPRAGMA busy_timeout = 1;\n\
             INSERT INTO log (what) VALUES ('4');\n",
        ),
    ]);
}

#[test]
fn what_a_host_attached_and_made_for_itself_stays() {
    let host = HostConnection::open_in_memory().unwrap();
    host.execute_batch("ATTACH ':memory:' AS theirs; CREATE TABLE theirs.t (x); CREATE TEMP TABLE mine (x)")
        .unwrap();
    given_back_as_it_was(host);
}

#[test]
fn a_temporary_table_is_known_by_its_schema_too() {
    let database = sqlite_database();
    database.write(&[(
        "0001_a.sql",
        "CREATE TABLE temp.t (id INTEGER PRIMARY KEY AUTOINCREMENT);\nCREATE TABLE kept (x);\n",
    )]);
    let options = MigrateOptions { single_transaction: true, ..MigrateOptions::default() };
    let refused = run(&mut deployment(&database), &options, &mut Silent);
    assert_eq!(code(refused), "single-transaction");
    let mut host = HostConnection::open_in_memory().unwrap();
    run(&mut Deployment::on(settings(&database), &mut host), &MigrateOptions::default(), &mut Silent)
        .unwrap();
    let left: i64 = host
        .query_row("SELECT count(*) FROM sqlite_temp_schema WHERE name = 't'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[track_caller]
fn given_back_as_it_was(mut host: HostConnection) {
    let database = sqlite_database();
    untidy(&database, &database.folder().join("beside.db"));
    host.busy_timeout(Duration::from_millis(1234)).unwrap();
    host.pragma_update(None, "foreign_keys", true).unwrap();
    let before = session_of(&host);
    let options = MigrateOptions::default();
    run(&mut Deployment::on(settings(&database), &mut host), &options, &mut Silent).unwrap();
    assert_eq!(session_of(&host), before);
    database.write(&[(
        "0005_fails.sql",
        "-- no-transaction\nPRAGMA ignore_check_constraints = ON;\nCREATE TEMP TABLE gone (x);\nATTACH ':memory:' AS more;\n\
         INSERT INTO nowhere VALUES (1);\n",
    )]);
    let mut migrator = Migrator::on(&mut host).directory(database.migrations()).build().unwrap();
    assert_eq!(code(migrator.migrate()), "sql");
    drop(migrator);
    assert_eq!(session_of(&host), before, "behind one that fails");
    let rows: i64 = host.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3);
}

#[test]
fn a_hosts_connection_to_a_file_is_given_back_as_it_was() {
    let place = sqlite_database();
    given_back_as_it_was(HostConnection::open(place.file()).unwrap());
}

#[test]
fn a_hosts_connection_in_memory_is_given_back_as_it_was() {
    given_back_as_it_was(HostConnection::open_in_memory().unwrap());
}

#[test]
fn a_run_is_cancelled_while_the_records_cannot_be_read() {
    let database = sqlite_database();
    database.write(&[LOG]);
    migrate(&database).unwrap();
    database.write(&[("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
    let other = database.connect();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut deployment = deployment(&database);
    let cancel = deployment.cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        cancel.cancel();
        Instant::now()
    });
    let outcome = run(&mut deployment, &MigrateOptions::default(), &mut |_: &Event<'_>| {});
    let ended = Instant::now();
    assert_eq!(code(outcome), "interrupted");
    assert!(ended.duration_since(thread.join().unwrap()) < Duration::from_secs(2));
    other.execute_batch("ROLLBACK").unwrap();
    migrate(&database).unwrap();
}

#[test]
fn a_marker_with_words_behind_it_is_named_where_it_would_run_the_way_back() {
    for comment in ["-- rollback of c", "-- rollback: drop c", "-- @UNDO c", "-- Undo migration of c"] {
        let database = sqlite_database();
        database.write(&[(
            "0001_c.sql",
            &format!("-- upgrade\nCREATE TABLE c (x);\n{comment}\nDROP TABLE c;\n"),
        )]);
        let error = migrate(&database).unwrap_err();
        assert!(error.to_string().contains("rollback"), "{comment}: {error}");
        assert_eq!(database.versions(), [""; 0], "{comment}");
    }
    // Beside a rollback section, or with nothing behind it, it is a comment like any other.
    let database = sqlite_database();
    database.write(&[
        ("0001_c.sql", "CREATE TABLE c (x);\n-- rollback of c is below\nCREATE TABLE d (x);\n-- rollback\nDROP TABLE d;\nDROP TABLE c;\n"),
        ("0002_e.sql", "CREATE TABLE e (x);\n-- rollback is not wanted here\n"),
    ]);
    assert_eq!(steps(&migrate(&database).unwrap()), ["0001", "0002"]);
}
