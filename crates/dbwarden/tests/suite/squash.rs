//! One migration in the place of many: databases that have none of the old ones, all of them, or a part, end the same.

use std::path::{Path, PathBuf};

use dbwarden::Error;
use dbwarden::ops::Deployment;
use dbwarden::ops::squash::{SquashOptions, Squashed, squash as run};
use dbwarden::ops::verify::verify;
use testkit::{Database, Engine, on_every_database};

use crate::{code, deployment, discreet, ids, migrate, migrate_to, rollback_to, settings, status, steps};

const FILES: &[(&str, &str)] = &[
    (
        "0001_users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(50));\nINSERT INTO users (id, name) VALUES (1, 'a;b');\n-- rollback\nDROP TABLE users;\n",
    ),
    (
        "0002_posts.sql",
        "-- upgrade\nCREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER);\nINSERT INTO posts VALUES (1, 1);\n-- rollback\nDROP TABLE posts;\n",
    ),
    (
        "0003_one.sql",
        "-- Migration: one\n-- lock_timeout: 5s\nUPDATE users SET name = 'two' WHERE id = 1;\n-- rollback\nUPDATE users SET name = 'a;b' WHERE id = 1;\n",
    ),
    ("0004_tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE tags;\n"),
];

fn squash(database: &Database, options: &SquashOptions) -> Result<Squashed, Error> {
    if database.engine() != Engine::Scripted {
        return discreet(run(&mut deployment(database), options));
    }
    // What is in a database only CockroachDB itself says: there the files are proved on PostgreSQL, and then used.
    let prover = Database::new(Engine::Postgres);
    let mut settings = settings(&prover);
    settings.migrations = database.migrations();
    discreet(run(&mut Deployment::new(settings), options))
}

fn all(database: &Database) -> Squashed {
    squash(database, &SquashOptions::default()).unwrap()
}

fn to(last: &str) -> SquashOptions {
    SquashOptions { to: Some(last.to_owned()), ..SquashOptions::default() }
}

/// The files of a directory and those below it, by their path in it.
fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((
                    path.strip_prefix(directory).unwrap().to_owned(),
                    std::fs::read_to_string(&path).unwrap(),
                )),
            }
        }
    }
    found.sort();
    found
}

/// Gives `database` the files of `other`, as the next release would.
fn released(database: &Database, other: &Database) {
    std::fs::remove_dir_all(database.migrations()).unwrap();
    for (path, text) in files(&other.migrations()) {
        let path = database.migrations().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A database of the same engine that has `files` applied as far as `last`.
fn at(database: &Database, files: &[(&str, &str)], last: Option<&str>) -> Database {
    let other = Database::new(database.engine());
    other.write(files);
    if let Some(last) = last {
        migrate_to(&other, last).unwrap();
    }
    other
}

/// Sees that nothing is left to do, and that nothing is wrong.
#[track_caller]
fn is_settled(database: &Database) {
    let status = status(database);
    assert_eq!((status.pending_count, status.gone.len(), status.ahead.len()), (0, 0, 0), "{status:?}");
    assert!(verify(&mut deployment(database), None).unwrap().findings.is_empty());
    assert_eq!(migrate(database).unwrap().count(), 0);
    assert_eq!(database.journalled(), 0);
}

on_every_database! {
    fn every_database_ends_the_same(database) {
        database.write(FILES);
        let reference = at(&database, FILES, Some("0004")).snapshot();
        let squashed = all(&database);
        assert_eq!(ids(&squashed.replaced), ["0001", "0002", "0003", "0004"]);
        assert!(squashed.path.unwrap().ends_with("0001_initial_schema.sql"));
        assert_eq!((squashed.statements, squashed.irreversible), (6, None));
        let there = files(&database.migrations());
        let names: Vec<_> = there.iter().map(|(path, _)| path.to_string_lossy().into_owned()).collect();
        assert_eq!(names, [
            "0001_initial_schema.sql", "replaced/0001-0004/0001_users.sql", "replaced/0001-0004/0002_posts.sql",
            "replaced/0001-0004/0003_one.sql", "replaced/0001-0004/0004_tags.sql",
        ]);
        for (number, (name, text)) in FILES.iter().enumerate() {
            assert_eq!(there[number + 1].1, text.replace("{key}", database.key()), "{name}");
        }
        // A new one.
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        assert_eq!(database.snapshot(), reference);
        is_settled(&database);
        rollback_to(&database, "base").unwrap();
        assert_eq!(database.versions(), [""; 0]);
        // Those that have a part, or all.
        for (last, left) in [("0001", &["0002", "0003", "0004"][..]), ("0002", &["0003", "0004"]), ("0003", &["0004"]), ("0004", &[])] {
            let old = at(&database, FILES, Some(last));
            released(&old, &database);
            assert_eq!(steps(&migrate(&old).unwrap()), left, "{last}");
            assert_eq!(old.snapshot(), reference, "{last}");
            assert_eq!(old.versions(), ["0001", "0002", "0003", "0004"]);
            is_settled(&old);
            // One by one they came, and so they go.
            assert_eq!(steps(&rollback_to(&old, "2").unwrap()), ["0004", "0003"]);
            assert_eq!(steps(&migrate(&old).unwrap()), ["0003", "0004"]);
            rollback_to(&old, "base").unwrap();
            assert_eq!(steps(&migrate(&old).unwrap()), ["0001"]);
            assert_eq!(old.snapshot(), reference);
            is_settled(&old);
        }
    }

    fn with_the_old_files_thrown_away_only_a_part_is_an_error(database) {
        database.write(FILES);
        all(&database);
        std::fs::remove_dir_all(database.migrations().join("replaced")).unwrap();
        let whole = at(&database, FILES, Some("0004"));
        released(&whole, &database);
        is_settled(&whole);
        assert_eq!(steps(&rollback_to(&whole, "base").unwrap()), ["0004", "0003", "0002", "0001"]);
        for last in ["0001", "0003"] {
            let part = at(&database, FILES, Some(last));
            released(&part, &database);
            let before = part.snapshot();
            assert_eq!(code(migrate(&part)), "replaces", "{last}");
            assert_eq!(part.snapshot(), before);
        }
    }

    fn a_second_squash_over_the_first(database) {
        database.write(FILES);
        squash(&database, &to("0002")).unwrap();
        let between = at(&database, &[], None);
        released(&between, &database);
        migrate_to(&between, "0003").unwrap();
        assert_eq!(between.versions(), ["0001", "0003"]);
        let squashed = all(&database);
        assert_eq!(ids(&squashed.replaced), ["0001", "0003", "0004"]);
        let reference = at(&database, FILES, Some("0004")).snapshot();
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        assert_eq!(database.snapshot(), reference);
        released(&between, &database);
        assert_eq!(steps(&migrate(&between).unwrap()), ["0004"]);
        assert_eq!(between.snapshot(), reference);
        is_settled(&between);
        for (last, left) in [("0001", &["0002", "0003", "0004"][..]), ("0002", &["0003", "0004"]), ("0004", &[])] {
            let old = at(&database, FILES, Some(last));
            released(&old, &database);
            assert_eq!(steps(&migrate(&old).unwrap()), left, "{last}");
            assert_eq!(old.snapshot(), reference, "{last}");
            is_settled(&old);
        }
    }

    fn a_second_squash_of_less_than_the_first(database) {
        database.write(FILES);
        all(&database);
        database.write(&[("0005_more.sql", "CREATE TABLE more (id INTEGER);\n-- rollback\nDROP TABLE more;\n")]);
        let first = at(&database, &[], None);
        released(&first, &database);
        migrate_to(&first, "0001").unwrap();
        assert_eq!(ids(&all(&database).replaced), ["0001", "0005"]);
        assert!(database.migrations().join("replaced/0001-0005/replaced/0001-0004/0002_posts.sql").is_file());
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        released(&first, &database);
        assert_eq!(steps(&migrate(&first).unwrap()), ["0005"]);
        assert_eq!(first.snapshot(), database.snapshot());
        is_settled(&first);
        for (last, left) in [("0001", &["0002", "0003", "0004", "0005"][..]), ("0003", &["0004", "0005"]), ("0004", &["0005"])] {
            let old = at(&database, FILES, Some(last));
            released(&old, &database);
            assert_eq!(steps(&migrate(&old).unwrap()), left, "{last}");
            assert_eq!(old.snapshot(), database.snapshot(), "{last}");
            is_settled(&old);
        }
    }

    fn the_id_of_a_squash_means_the_squash(database) {
        database.write(FILES);
        squash(&database, &to("0003")).unwrap();
        let old = at(&database, FILES, Some("0004"));
        released(&old, &database);
        migrate(&database).unwrap();
        for database in [&old, &database] {
            assert_eq!(steps(&rollback_to(database, "0001").unwrap()), ["0004"]);
        }
        assert_eq!(old.snapshot(), database.snapshot());
    }

    fn a_pair_that_was_moved_by_half_is_moved_by_the_next(database) {
        for (name, text) in [("0001_a.up.sql", "CREATE TABLE a (id INTEGER);\n"), ("0001_a.down.sql", "DROP TABLE a;\n"), ("0002_b.up.sql", "CREATE TABLE b (id INTEGER);\n"), ("0002_b.down.sql", "DROP TABLE b;\n")] {
            database.write(&[(name, text)]);
        }
        let folder = database.migrations().join("replaced/0001-0002");
        std::fs::create_dir_all(&folder).unwrap();
        let names = ["0001_a.up.sql", "0001_a.down.sql", "0002_b.up.sql", "0002_b.down.sql"];
        let moves: String = names.iter().map(|name| format!("{name}\treplaced/0001-0002/{name}\n")).collect();
        std::fs::write(folder.join(".moves"), moves).unwrap();
        std::fs::rename(database.migrations().join(names[0]), folder.join(names[0])).unwrap();
        assert!(migrate(&database).is_err());
        all(&database);
        assert!(names.iter().all(|name| folder.join(name).is_file()) && !folder.join(".moves").exists());
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        is_settled(&database);
    }

    fn directories_can_be_squashed_from_the_first(database) {
        for (name, text) in [("0001_a/up.sql", "CREATE TABLE a (id INTEGER);\n"), ("0001_a/down.sql", "DROP TABLE a;\n"), ("0002_b/up.sql", "CREATE TABLE b (id INTEGER);\n"), ("0002_b/down.sql", "DROP TABLE b;\n")] {
            database.write(&[(name, text)]);
        }
        assert_eq!(all(&database).irreversible, None);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        rollback_to(&database, "base").unwrap();
        assert_eq!(database.versions(), [""; 0]);
    }

    fn rows_are_compared_also_beside_a_time(database) {
        database.write(&[
            ("0001_a.sql", "CREATE TABLE roles (id INTEGER PRIMARY KEY, name VARCHAR(20), made TIMESTAMP DEFAULT CURRENT_TIMESTAMP);\nINSERT INTO roles (id, name) VALUES (9, 'x');\n"),
            ("0002_seed.sql", "-- seed\nINSERT INTO roles (id, name) SELECT max(id) + 1, 'admin' FROM roles;\n"),
            ("0003_c.sql", "INSERT INTO roles (id, name) SELECT max(id) + 1, 'guest' FROM roles;\n"),
        ]);
        assert_eq!(code(squash(&database, &SquashOptions::default())), "squash-differs");
    }

    fn what_is_undone_without_the_old_files_can_be_seen_and_gone_on_with(database) {
        database.write(FILES);
        all(&database);
        let old = at(&database, FILES, Some("0004"));
        released(&old, &database);
        std::fs::remove_dir_all(old.migrations().join("replaced")).unwrap();
        assert_eq!(steps(&crate::rollback(&old).unwrap()), ["0004"]);
        assert_eq!(status(&old).pending_count, 1);
        assert_eq!(code(migrate(&old)), "replaces");
        assert_eq!(steps(&rollback_to(&old, "base").unwrap()), ["0003", "0002", "0001"]);
        assert_eq!(steps(&migrate(&old).unwrap()), ["0001"]);
    }

    fn what_holds_for_a_session_is_no_part_of_one_file(database) {
        let set = match database.engine() {
            Engine::Sqlite => "PRAGMA case_sensitive_like = ON",
            Engine::Mariadb => "SET @a = 1",
            Engine::Duckdb => "SET threads = 1",
            _ => "SET work_mem = '5MB'",
        };
        database.write(&[("0001_a.sql", &format!("{set};\nCREATE TABLE a (id INTEGER);\n")), ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n")]);
        assert_eq!(code(squash(&database, &SquashOptions::default())), "usage");
    }

    fn one_that_was_killed_while_it_moved_files_goes_on(database) {
        database.write(FILES);
        let folder = database.migrations().join("replaced/0001-0004");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["0001_users.sql", "0002_posts.sql"] {
            std::fs::rename(database.migrations().join(name), folder.join(name)).unwrap();
        }
        std::fs::write(database.migrations().join(".dbwarden-1-0"), "half").unwrap();
        // Nothing is different until the squash stands.
        assert_eq!(status(&database).pending_count, 4);
        assert_eq!(all(&database).moved.len(), 2);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
        is_settled(&database);
    }

    fn what_is_asked_for_alone_stays_as_it_is(database) {
        database.write(FILES);
        database.write(&[
            ("0005_more.sql", "-- seed\nINSERT INTO tags VALUES (1);\n-- rollback\nDELETE FROM tags;\n"),
            ("0006_demo.sql", "-- tags: demo\nINSERT INTO tags VALUES (2);\n-- rollback\nDELETE FROM tags WHERE id = 2;\n"),
            ("0007_last.sql", "CREATE TABLE last (id INTEGER);\n-- rollback\nDROP TABLE last;\n"),
        ]);
        let squashed = all(&database);
        assert_eq!(ids(&squashed.kept), ["0005", "0006"]);
        assert_eq!(ids(&squashed.replaced), ["0001", "0002", "0003", "0004", "0007"]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001", "0005"]);
        assert_eq!(database.rows("SELECT id FROM tags"), ["1"]);
    }

    fn what_comes_to_something_else_is_not_written(database) {
        // Behind the squash it would find another name.
        let seed = "-- seed\nINSERT INTO users (id, name) SELECT 2, name FROM users WHERE id = 1;\n-- rollback\nDELETE FROM users WHERE id = 2;\n";
        database.write(&[FILES[0], ("0002_seed.sql", seed), FILES[2], FILES[3]]);
        let before = files(&database.migrations());
        assert_eq!(code(squash(&database, &to("0004"))), "squash-differs");
        assert_eq!(files(&database.migrations()), before);
        // Up to before it, and from behind it.
        squash(&database, &SquashOptions { from: Some("3".into()), to: Some("4".into()), ..SquashOptions::default() }).unwrap();
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001", "0002", "0003"]);
        is_settled(&database);
    }

    fn values_that_differ_each_time_are_told_and_not_compared(database) {
        database.write(&[
            ("0001_log.sql", "CREATE TABLE events (id INTEGER PRIMARY KEY, what VARCHAR(9), made TIMESTAMP DEFAULT CURRENT_TIMESTAMP);\nINSERT INTO events (id, what) VALUES (1, 'a');\n-- rollback\nDROP TABLE events;\n"),
            ("0002_more.sql", "INSERT INTO events (id, what) VALUES (2, 'b');\n-- rollback\nDELETE FROM events WHERE id = 2;\n"),
        ]);
        let squashed = all(&database);
        assert!(squashed.volatile.iter().all(|object| object.contains("events")), "{:?}", squashed.volatile);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001"]);
    }

    fn without_a_rollback_of_each_it_has_none(database) {
        database.write(FILES);
        database.write(&[("0003_one.sql", "UPDATE users SET name = 'two' WHERE id = 1;\n")]);
        let squashed = all(&database);
        assert_eq!(squashed.irreversible.as_deref(), Some("0003 cannot be undone"));
        migrate(&database).unwrap();
        assert_eq!(code(rollback_to(&database, "base")), "irreversible");
    }

    fn a_rollback_that_fails_is_left_out(database) {
        database.write(&[
            ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n"),
            ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n-- rollback\nDROP TABLE nowhere;\n"),
        ]);
        let why = all(&database).irreversible.unwrap();
        assert!(why.contains("nowhere"), "{why}");
        migrate(&database).unwrap();
        assert_eq!(code(rollback_to(&database, "base")), "irreversible");
    }

    fn dry_run_and_nothing_to_do_write_nothing(database) {
        database.write(FILES);
        let before = files(&database.migrations());
        let squashed = squash(&database, &SquashOptions { dry_run: true, ..SquashOptions::default() }).unwrap();
        assert_eq!(squashed.replaced.len(), 4);
        assert_eq!(squash(&database, &to("0001")).unwrap().path, None);
        assert_eq!(files(&database.migrations()), before);
        assert_eq!(settings(&database).migrations, database.migrations());
    }

    fn a_target_within_it_is_kept_to(database) {
        database.write(FILES);
        all(&database);
        assert_eq!(steps(&migrate_to(&database, "0002").unwrap()), ["0001", "0002"]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003", "0004"]);
        is_settled(&database);
    }
}

/// What was begun before the squash came goes on with its own file.
fn begun_before(database: &Database) {
    for (number, table) in [("0001", "users"), ("0003", "a")] {
        let mended = format!(
            "-- no-transaction\nCREATE TABLE {table} (id INTEGER, name VARCHAR(50));\nINSERT INTO {table} VALUES (1, 'x');\n\
             INSERT INTO {table} VALUES (2, 'y');\n-- rollback\nDROP TABLE {table};\n"
        );
        let bad = mended.replace(&format!("INTO {table} VALUES (1"), "INTO nowhere VALUES (1");
        let broken: Vec<_> = FILES
            .iter()
            .map(|(name, text)| (*name, if name.starts_with(number) { bad.as_str() } else { text }))
            .collect();
        let stuck = at(database, &broken, None);
        assert_eq!(code(migrate(&stuck)), "sql");
        assert_eq!(status(&stuck).unfinished.len(), 1);
        let release = Database::new(database.engine());
        release.write(&broken);
        let name = broken.iter().find(|(name, _)| name.starts_with(number)).unwrap().0;
        release.write(&[(name, &mended)]);
        all(&release);
        released(&stuck, &release);
        migrate(&stuck).unwrap();
        migrate(&release).unwrap();
        assert_eq!(stuck.snapshot(), release.snapshot(), "{number}");
        is_settled(&stuck);
    }
}

/// Not on the scripted CockroachDB, where the files are proved on PostgreSQL: it refuses the transactions that are written for that one.
mod begun_before {
    mod on_sqlite {
        testkit::on_sqlite! {
            fn it_goes_on(database) { super::super::begun_before(&database); }
        }
    }
    mod on_postgres {
        testkit::on_postgres! {
            fn it_goes_on(database) { super::super::begun_before(&database); }
        }
    }
    mod on_mariadb {
        testkit::on_mysql! {
            fn it_goes_on(database) { super::super::begun_before(&database); }
        }
    }
    #[cfg(feature = "duckdb")]
    mod on_duckdb {
        testkit::on_duckdb! {
            fn it_goes_on(database) { super::super::begun_before(&database); }
        }
    }
}
