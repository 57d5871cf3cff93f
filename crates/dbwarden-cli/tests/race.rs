//! Many processes start at once on one database: each migration is applied once, and all of them succeed.

#![cfg(unix)]

use testkit::{Database, Engine, Program, Random, Running};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// A database with five migrations, each of which adds one row to `log`.
fn database(engine: Engine, first: &str) -> Database {
    let database = Database::new(engine);
    let alone = match engine {
        Engine::Mariadb => "ANALYZE TABLE b",
        Engine::Duckdb => "CHECKPOINT",
        // CockroachDB has nothing to sweep.
        Engine::Scripted | Engine::Cockroach => "ANALYZE log",
        Engine::Sqlite | Engine::Postgres => "VACUUM",
    };
    database.write(&[
        (
            "0001_log.sql",
            &format!("{first}\nCREATE TABLE log (what VARCHAR(40));\nINSERT INTO log VALUES ('1');\n"),
        ),
        ("0002_a.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO log VALUES ('2');\n"),
        (
            "0003_b.sql",
            &format!(
                "-- no-transaction\nCREATE TABLE b (x INTEGER);\n{alone};\nINSERT INTO log VALUES ('3');\n"
            ),
        ),
        ("0004_c.sql", "INSERT INTO log VALUES ('4');\n"),
        ("0005_d.sql", "CREATE INDEX log_what ON log (what);\nINSERT INTO log VALUES ('5');\n"),
    ]);
    database
}

fn once_each(database: &Database) {
    assert_eq!(database.rows("SELECT what FROM log ORDER BY what"), ["1", "2", "3", "4", "5"]);
    assert_eq!(database.versions(), ["0001", "0002", "0003", "0004", "0005"]);
    assert_eq!(database.journalled(), 0);
}

/// Starts thirty-two at once, all on `url`.
fn thirty_two(database: &Database, url: &str) {
    let program = Program::new(BINARY, database).on(url);
    let all: Vec<Running> = (0..32).map(|_| program.start(&["migrate"])).collect();
    for running in all {
        running.finish().expect(0);
    }
    once_each(database);
    assert_eq!(database.lock_owner(), "");
    assert!(!database.lock_file());
}

#[test]
fn thirty_two_processes_apply_each_migration_once_on_sqlite() {
    for first in ["", "PRAGMA journal_mode = WAL;"] {
        let database = database(Engine::Sqlite, first);
        thirty_two(&database, &database.url());
    }
}

#[test]
fn thirty_two_processes_apply_each_migration_once_on_postgres() {
    let database = database(Engine::Postgres, "");
    thirty_two(&database, &database.url());
}

/// No advisory lock there, so that all of them make the tables at once.
#[test]
fn thirty_two_processes_behind_a_pooler_apply_each_migration_once_on_postgres() {
    let database = database(Engine::Postgres, "");
    thirty_two(&database, &format!("{}&pooler=transaction", database.url()));
}

fn processes_that_are_killed(engine: Engine) {
    let mut random = Random::new(8);
    for round in 0..6 {
        let database = database(engine, "");
        let program = Program::new(BINARY, &database);
        let all: Vec<Running> = (0..8).map(|_| program.start(&["migrate"])).collect();
        for running in &all[..4] {
            std::thread::sleep(random.time_below(std::time::Duration::from_millis(80)));
            running.kill();
        }
        for (index, running) in all.into_iter().enumerate() {
            let finished = running.finish();
            let fine = finished.succeeded() || index < 4 && finished.was_killed();
            assert!(fine, "round {round}, {index}: {:?}\n{}", finished.code, finished.stderr);
            assert!(finished.took.as_secs() < 25, "nobody waits for a lease to run out: {:?}", finished.took);
        }
        once_each(&database);
        // Released by whoever took the killed one's over; or nobody needed it any more.
        program.run(&["unlock"]).expect(0);
        assert_eq!(database.lock_owner(), "");
    }
}

#[test]
fn processes_that_are_killed_leave_the_work_to_the_others_on_sqlite() {
    processes_that_are_killed(Engine::Sqlite);
}

#[test]
fn processes_that_are_killed_leave_the_work_to_the_others_on_postgres() {
    processes_that_are_killed(Engine::Postgres);
}

fn different_verbs(engine: Engine) {
    let database = database(engine, "");
    let program = Program::new(BINARY, &database);
    program.run(&["migrate", "-t", "0002"]).expect(0);
    let all: Vec<Running> = (0..12)
        .map(|index| match index % 3 {
            0 => program.start(&["migrate"]),
            1 => program.start(&["status"]),
            _ => program.start(&["stamp", "--only", "0004"]),
        })
        .collect();
    for (index, running) in all.into_iter().enumerate() {
        let finished = running.finish();
        if engine == Engine::Duckdb && index % 3 == 1 && finished.code == Some(4) {
            // Who only looks does not wait for long until a file is free.
            assert!(finished.stderr.contains("error[locked]"), "{}", finished.stderr);
        } else {
            finished.expect(0);
        }
    }
    assert_eq!(database.versions().len(), 5);
    for what in ["1", "2", "3", "5"] {
        assert_eq!(database.one(&format!("SELECT count(*) FROM log WHERE what = '{what}'")), "1", "{what}");
    }
    assert_eq!(database.lock_owner(), "");
}

#[test]
fn different_verbs_at_once_take_turns_on_sqlite() {
    different_verbs(Engine::Sqlite);
}

#[test]
fn different_verbs_at_once_take_turns_on_postgres() {
    different_verbs(Engine::Postgres);
}

/// CockroachDB has no locks of sessions; here it is one by a script, with PostgreSQL's own 40001 behind it.
#[test]
fn thirty_two_processes_apply_each_migration_once_on_scripted_cockroach() {
    let database = database(Engine::Scripted, "");
    thirty_two(&database, &database.url());
}

#[test]
fn processes_that_are_killed_leave_the_work_to_the_others_on_scripted_cockroach() {
    processes_that_are_killed(Engine::Scripted);
}

#[test]
fn thirty_two_processes_apply_each_migration_once_on_mariadb() {
    let database = database(Engine::Mariadb, "");
    thirty_two(&database, &database.url());
}

#[test]
fn processes_that_are_killed_leave_the_work_to_the_others_on_mariadb() {
    processes_that_are_killed(Engine::Mariadb);
}

#[test]
fn different_verbs_at_once_take_turns_on_mariadb() {
    different_verbs(Engine::Mariadb);
}

#[test]
#[cfg(feature = "duckdb")]
fn thirty_two_processes_apply_each_migration_once_on_duckdb() {
    let database = database(Engine::Duckdb, "");
    // None of them finds a file.
    std::fs::remove_file(database.file()).expect("the file is there");
    thirty_two(&database, &database.url());
}

#[test]
#[cfg(feature = "duckdb")]
fn processes_that_are_killed_leave_the_work_to_the_others_on_duckdb() {
    processes_that_are_killed(Engine::Duckdb);
}

#[test]
#[cfg(feature = "duckdb")]
fn different_verbs_at_once_take_turns_on_duckdb() {
    different_verbs(Engine::Duckdb);
}

/// Behind `PgBouncer`, where each transaction has another of a few sessions, and no lock of sessions holds.
mod longer_lane {
    use testkit::server::{PgBouncer, pgbouncer};

    use super::*;

    const FEW: u32 = 4;

    fn behind(database: &Database) -> (PgBouncer, String) {
        let owned = database.owned();
        let pooler = pgbouncer(owned.server(), FEW);
        let url = pooler.url(owned.name());
        (pooler, url)
    }

    #[test]
    #[ignore = "wants PgBouncer"]
    fn thirty_two_processes_behind_pgbouncer_apply_each_migration_once() {
        let database = database(Engine::Postgres, "");
        let (_pooler, url) = behind(&database);
        thirty_two(&database, &url);
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        assert_eq!(database.one(locks), "0", "nothing stays in the pooler's sessions");
    }

    #[test]
    #[ignore = "wants PgBouncer"]
    fn a_killed_one_behind_pgbouncer_is_taken_over() {
        for point in
            ["lock-taken", "begun", "unit-begun", "statement-run:3", "unit-run", "renewed:2", "committed"]
        {
            let database = database(Engine::Postgres, "");
            let (_pooler, url) = behind(&database);
            let program = Program::new(BINARY, &database).on(&url);
            let killed = program.with_lease(1500).ending_at(point).start(&["migrate"]).finish();
            assert!(killed.was_killed(), "{point}: {}", killed.stderr);
            let next = program.with_lease(1500).run(&["migrate"]).expect(0);
            assert!(next.took.as_secs() < 15, "{point}: {:?}", next.took);
            once_each(&database);
            assert_eq!(database.lock_owner(), "", "{point}");
        }
    }
}
