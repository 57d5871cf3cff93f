//! The process is killed at every named point, at random moments and in the middle of a statement, and run again: it must
//! come to the same end, with nothing done twice, no lock in the way and nothing for a person to repair.
//!
//! A statement that runs outside a transaction (`VACUUM`, `PRAGMA journal_mode`) may run again when the kill came between
//! it and its row in the journal. That is the one thing that is not exactly once: on SQLite all such statements come to the
//! same however often they run, and on PostgreSQL the catalogue is asked first whether it is done.

#![cfg(all(unix, debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "crash/adopt.rs"]
mod adopt;
#[path = "crash/cockroach.rs"]
mod cockroach;
#[path = "crash/counted.rs"]
mod counted;
#[path = "crash/duckdb.rs"]
mod duckdb;
#[path = "crash/mysql.rs"]
mod mysql;
#[path = "crash/postgres.rs"]
mod postgres;
#[path = "crash/scenarios.rs"]
mod scenarios;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dbwarden::apply::run::POINTS;
use scenarios::{PYTHON, SCENARIOS, Scenario, WAL};
use testkit::{Database, Engine, Finished, Program, Random};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// The lease is half a minute; who waits for it to run out is later than this.
const AT_ONCE: Duration = Duration::from_secs(20);

/// The points before the first statement.
const BEFORE: &[&str] = &["history-read", "session-locked", "records-created", "lock-taken", "planned"];

/// What a database comes to, as far as it is the same in each run.
#[derive(Debug, PartialEq, Eq)]
struct End {
    content: String,
    history: Vec<String>,
}

fn end(database: &Database) -> End {
    End { content: database.snapshot(), history: database.history() }
}

/// Everything that is killed on `engine`.
fn scenarios(engine: Engine) -> &'static [Scenario] {
    match engine {
        Engine::Sqlite => SCENARIOS,
        Engine::Postgres => postgres::SCENARIOS,
        Engine::Scripted | Engine::Cockroach => cockroach::SCENARIOS,
        Engine::Mariadb => mysql::SCENARIOS,
        Engine::Duckdb => duckdb::SCENARIOS,
    }
}

fn named(engine: Engine, name: &str) -> &'static Scenario {
    scenarios(engine).iter().find(|scenario| scenario.name == name).unwrap()
}

fn prepared(engine: Engine, scenario: &Scenario) -> Database {
    let database = Database::new(engine);
    database.write(scenario.files);
    for command in scenario.before {
        if *command == WAL {
            database.execute("PRAGMA journal_mode = WAL");
        } else if *command == PYTHON {
            scenarios::python(&database);
        } else {
            Program::new(BINARY, &database).run(command).expect(0);
        }
    }
    if scenario.name == "a repeatable that changed" {
        database.write(&[("ROC__names.sql", "INSERT INTO log VALUES ('changed again');\n")]);
    }
    database
}

/// What is wrong after a kill and a second run.
fn wrongs(database: &Database, again: &Finished, expected: &End) -> Vec<String> {
    let mut wrongs = Vec::new();
    if !again.succeeded() {
        wrongs
            .push(format!("the second run ended with {:?} {:?}: {}", again.code, again.signal, again.stderr));
    }
    if again.took > AT_ONCE {
        wrongs.push(format!("the second run took {:?}", again.took));
    }
    let found = end(database);
    if found.content != expected.content {
        wrongs.push(format!("content:\n{}\nin place of:\n{}", found.content, expected.content));
    }
    if found.history != expected.history {
        wrongs.push(format!("history: {:#?}\nin place of: {:#?}", found.history, expected.history));
    }
    let left = database.one(
        "SELECT concat((SELECT count(*) FROM dbwarden_journal), ' in the journal, lock: ', coalesce(owner, '')) \
         FROM dbwarden_lock WHERE name = 'holder'",
    );
    if !left.starts_with("0 ") {
        let journal = database.rows("SELECT * FROM dbwarden_journal");
        wrongs.push(format!("the journal is not empty: {left} {journal:?}"));
    }
    // A second run with nothing to do takes no lock, and writes nothing: the killed one's row stands. It is in nobody's way.
    if !left.ends_with("lock: ") {
        let status = Program::new(BINARY, database).run(&["lock-status"]);
        if !status.stdout.contains("that run is gone") {
            wrongs.push(format!("the lock is held: {}", status.stdout));
        }
        let unlocked = Program::new(BINARY, database).run(&["unlock"]);
        if !unlocked.succeeded() || unlocked.took > AT_ONCE || !database.lock_owner().is_empty() {
            wrongs.push(format!("the lock cannot be released: {}", unlocked.stderr));
        }
    }
    wrongs
}

/// Kills `scenario` at each passing of each point; returns how often each was passed, and what was wrong.
fn kill_everywhere(engine: Engine, scenario: &Scenario) -> (BTreeMap<&'static str, usize>, Vec<String>) {
    let template = prepared(engine, scenario);
    let undisturbed = template.copy();
    let file = undisturbed.folder().join("points");
    Program::new(BINARY, &undisturbed).telling_points(&file).run(scenario.command).expect(0);
    let mut passed = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        *passed.entry(*POINTS.iter().find(|point| **point == line).unwrap()).or_insert(0) += 1;
    }
    let expected = end(&undisturbed);
    assert!(!undisturbed.lock_file() && undisturbed.lock_owner().is_empty(), "{}", scenario.name);

    // What comes before the lock is taken is the same for each file: it is killed where nothing was run before, and where
    // something is undone.
    let first = engine != Engine::Sqlite && !scenario.before.is_empty() && scenario.command == ["migrate"];
    let mut passed: BTreeMap<_, usize> =
        passed.into_iter().filter(|(point, _)| !(first && BEFORE.contains(point))).collect();
    if counted::counts(scenario) {
        // What is typed behind its end is another wish. What comes before the lock is the same for each.
        passed.retain(|point, _| {
            *point != "released"
                && (engine == Engine::Sqlite || scenario.name == "two back" || !BEFORE.contains(point))
        });
    }

    let mut wrong = Vec::new();
    for (point, times) in &passed {
        for time in 1..=*times {
            let database = template.copy();
            let program = Program::new(BINARY, &database);
            let killed = program.ending_at(format!("{point}:{time}")).run(scenario.command);
            if !killed.was_killed() {
                wrong.push(format!("{}, not killed at {point}:{time}: {}", scenario.name, killed.stderr));
            }
            let again = program.run(scenario.command);
            for what in wrongs(&database, &again, &expected) {
                wrong.push(format!("{}, killed at {point}:{time}: {what}", scenario.name));
            }
        }
    }
    (passed, wrong)
}

fn killed_at_every_point(engine: Engine) {
    let started = Instant::now();
    let scenarios = scenarios(engine);
    let next = AtomicUsize::new(0);
    let results = Mutex::new((BTreeMap::<&str, usize>::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let (passed, wrong) = kill_everywhere(engine, scenario);
                    let mut results = results.lock().unwrap();
                    for (point, times) in passed {
                        *results.0.entry(point).or_insert(0) += times;
                    }
                    results.1.extend(wrong);
                }
            });
        }
    });
    let (passed, wrong) = results.into_inner().unwrap();
    println!(
        "{} kills at {} points in {} scenarios, {:?}: {passed:?}",
        passed.values().sum::<usize>(),
        POINTS.len(),
        scenarios.len(),
        started.elapsed()
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let unknown: Vec<_> = POINTS.iter().filter(|point| !passed.contains_key(*point)).collect();
    assert!(unknown.is_empty(), "no scenario passes {unknown:?}");
}

#[test]
fn killed_at_every_point_it_is_run_again_on_sqlite() {
    killed_at_every_point(Engine::Sqlite);
}

#[test]
fn killed_at_every_point_it_is_run_again_on_postgres() {
    killed_at_every_point(Engine::Postgres);
}

#[test]
fn killed_at_every_point_on_scripted_cockroach() {
    killed_at_every_point(Engine::Scripted);
}

#[test]
fn killed_at_every_point_it_is_run_again_on_mariadb() {
    killed_at_every_point(Engine::Mariadb);
}

#[test]
#[cfg(feature = "duckdb")]
fn killed_at_every_point_it_is_run_again_on_duckdb() {
    killed_at_every_point(Engine::Duckdb);
}

/// Kills each of `names` twice, `rounds` times; at least `least` of the kills must hit a run.
fn killed_twice(engine: Engine, names: &[&str], rounds: usize, least: usize) {
    let mut random = Random::new(2);
    let (mut wrong, mut killed) = (Vec::new(), 0);
    for name in names {
        let scenario = named(engine, name);
        let template = prepared(engine, scenario);
        let undisturbed = template.copy();
        Program::new(BINARY, &undisturbed).run(scenario.command).expect(0);
        let expected = end(&undisturbed);
        for _ in 0..rounds {
            let database = template.copy();
            let program = Program::new(BINARY, &database);
            let mut points = Vec::new();
            // The second kill hits the run that takes over from the first.
            for _ in 0..2 {
                let point = POINTS[usize::try_from(random.below(POINTS.len() as u64)).unwrap()];
                let point = format!("{point}:{}", 1 + random.below(3));
                killed += usize::from(program.ending_at(&point).run(scenario.command).was_killed());
                points.push(point);
            }
            let again = program.run(scenario.command);
            for what in wrongs(&database, &again, &expected) {
                wrong.push(format!("{name}, killed at {points:?}: {what}"));
            }
        }
    }
    println!("{killed} killed");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(killed > least, "{killed} were killed before their end");
}

#[test]
fn killed_twice_it_is_run_again_on_sqlite() {
    let names =
        ["groups", "no transaction", "journal mode in the middle", "rollback in several transactions"];
    killed_twice(Engine::Sqlite, &names, 40, 100);
}

#[test]
fn killed_twice_it_is_run_again_on_postgres() {
    let names = ["groups", "an index made concurrently", "a setting that is set again"];
    killed_twice(Engine::Postgres, &names, 12, 20);
}

#[test]
fn killed_twice_it_is_run_again_on_mariadb() {
    // What goes in one packet passes few points.
    let names = ["groups", "no transaction", "every sort of definition"];
    killed_twice(Engine::Mariadb, &names, 4, 4);
}

#[test]
#[cfg(feature = "duckdb")]
fn killed_twice_it_is_run_again_on_duckdb() {
    let names = ["groups", "checkpoints", "what an index cannot follow"];
    killed_twice(Engine::Duckdb, &names, 14, 20);
}

/// Kills each of `names` at random moments, `rounds` times.
fn killed_at_a_random_moment(engine: Engine, names: &[&str], rounds: usize) {
    let mut random = Random::new(20_261_121);
    let (mut wrong, mut killed) = (Vec::new(), 0);
    for name in names {
        let scenario = named(engine, name);
        let template = prepared(engine, scenario);
        let undisturbed = template.copy();
        let whole = Program::new(BINARY, &undisturbed).run(scenario.command).expect(0).took;
        let expected = end(&undisturbed);
        for round in 0..rounds {
            let database = template.copy();
            let program = Program::new(BINARY, &database);
            // Up to three kills before it may come to its end.
            for _ in 0..=random.below(3) {
                let running = program.start(scenario.command);
                std::thread::sleep(random.time_below(whole.mul_f64(1.1)));
                running.kill();
                killed += usize::from(running.finish().was_killed());
            }
            let again = program.run(scenario.command);
            for what in wrongs(&database, &again, &expected) {
                wrong.push(format!("{name}, round {round}: {what}"));
            }
        }
    }
    println!("{killed} killed");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(killed > 20, "{killed} were killed before their end");
}

#[test]
fn killed_at_a_random_moment_it_is_run_again_on_sqlite() {
    let names = ["plain", "groups", "no transaction", "journal mode in the middle", "rollback of two"];
    killed_at_a_random_moment(Engine::Sqlite, &names, 12);
}

#[test]
fn killed_at_a_random_moment_it_is_run_again_on_postgres() {
    let names = ["plain", "groups", "no transaction", "an index made concurrently", "rollback of two"];
    killed_at_a_random_moment(Engine::Postgres, &names, 6);
}

#[test]
fn killed_at_a_random_moment_it_is_run_again_on_mariadb() {
    let names = ["plain", "every sort of definition", "settings that are set again", "rollback of two"];
    killed_at_a_random_moment(Engine::Mariadb, &names, 6);
}

#[test]
#[cfg(feature = "duckdb")]
fn killed_at_a_random_moment_it_is_run_again_on_duckdb() {
    let names = ["plain", "groups", "checkpoints", "what an index cannot follow", "rollback of two"];
    killed_at_a_random_moment(Engine::Duckdb, &names, 6);
}

/// DuckDB opens no file whose making was cut short.
#[test]
#[cfg(feature = "duckdb")]
fn killed_while_its_file_is_made_it_is_run_again_on_duckdb() {
    let fresh = || {
        let database = Database::new(Engine::Duckdb);
        database.write(scenarios::PLAIN);
        std::fs::remove_file(database.file()).unwrap();
        database
    };
    // The first one loads the library from the disk.
    let whole = || Program::new(BINARY, &fresh()).run(&["migrate"]).expect(0).took;
    let whole = whole().min(whole());
    let mut random = Random::new(14);
    let mut killed = 0;
    for _ in 0..30 {
        let database = fresh();
        let program = Program::new(BINARY, &database);
        let running = program.start(&["migrate"]);
        std::thread::sleep(random.time_below(whole));
        running.kill();
        killed += usize::from(running.finish().was_killed());
        program.run(&["migrate"]).expect(0);
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
        assert_eq!(database.rows("SELECT what FROM log"), ["first", "users", "orders"]);
    }
    println!("{killed} killed");
    assert!(killed > 5, "{killed} were killed before their end");
}

/// A statement that ends only when the table `dial` says so.
fn long_statement(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "INSERT INTO numbers WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
             WHERE i < (SELECT until FROM dial)) SELECT i FROM n;\n"
        }
        Engine::Postgres | Engine::Scripted | Engine::Cockroach => {
            "INSERT INTO numbers SELECT i FROM dial CROSS JOIN LATERAL generate_series(1, least(until, 3)) AS i \
             CROSS JOIN LATERAL pg_sleep(CASE WHEN until > 3 THEN 1000 ELSE 0 END);\n"
        }
        Engine::Mariadb => {
            // Rows that it reads are locked until its end, so that a table's being there is what it asks for.
            "INSERT INTO numbers SELECT i + if((SELECT count(*) FROM information_schema.tables WHERE table_schema = database() \
             AND table_name = 'quick') = 0, sleep(1000), 0) FROM (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) AS three;\n"
        }
        Engine::Duckdb => {
            "INSERT INTO numbers SELECT unnest(range(1, 4)) WHERE \
             (SELECT count(*) FROM dial, range(until) AS r (i) WHERE hash(i) <> 0) >= 0;\n"
        }
    }
}

fn long(engine: Engine, header: &str) -> Database {
    let database = Database::new(engine);
    let numbers = "CREATE TABLE numbers (i INTEGER);\nINSERT INTO numbers VALUES (-1);\n";
    database.write(&[
        ("0001_dial.sql", "CREATE TABLE dial (until BIGINT);\nINSERT INTO dial VALUES (1000000000000);\n"),
        ("0002_numbers.sql", &format!("{header}\n{numbers}{}", long_statement(engine))),
    ]);
    database
}

/// Starts a run, and returns when it is in its long statement.
fn in_the_long_statement(database: &Database) -> testkit::Running {
    let points = database.folder().join("points");
    let program = Program::new(BINARY, database);
    let program = match database.engine() {
        Engine::Duckdb => program.telling_points(&points),
        _ => program,
    };
    let running = program.start(&["migrate", "-v"]);
    let started = Instant::now();
    let begun = || match database.engine() {
        // Pages that leave SQLite's cache. From then on not even a reader gets in.
        Engine::Sqlite => std::fs::metadata(database.file()).map_or(0, |file| file.len()) >= 1 << 20,
        Engine::Postgres | Engine::Mariadb | Engine::Scripted | Engine::Cockroach => {
            database.one(sleepers(database.engine())) == "1"
        }
        // Nobody can look into the file. Of the four statements before it the last has run a while ago.
        Engine::Duckdb => {
            let passed = std::fs::read_to_string(&points).unwrap_or_default();
            let last = std::fs::metadata(&points).and_then(|file| file.modified()).ok();
            passed.lines().filter(|point| *point == "statement-run").count() == 4
                && last
                    .is_some_and(|last| last.elapsed().is_ok_and(|since| since > Duration::from_millis(500)))
        }
    };
    while !begun() {
        assert!(started.elapsed() < Duration::from_secs(100), "the long statement did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

/// How many sessions sleep in a statement.
fn sleepers(engine: Engine) -> &'static str {
    if engine == Engine::Mariadb {
        "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND state = 'User sleep'"
    } else {
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    }
}

fn killed_in_a_long_statement(engine: Engine) {
    for (header, kept) in [("", 0), ("-- no-transaction", 2)] {
        let database = long(engine, header);
        // The table commits by itself, and the first row is rolled back with the long statement.
        let (done, rows) =
            if database.commits_definitions() && kept == 0 { (1, 0) } else { (kept, kept / 2) };
        let running = in_the_long_statement(&database);
        running.kill();
        assert!(running.finish().was_killed());
        assert_eq!(database.rows("SELECT i FROM numbers").len(), rows, "rolled back");
        assert_eq!(database.rows("SELECT 1 FROM dbwarden_journal WHERE state = 'done'").len(), done);
        let quick = if engine == Engine::Mariadb {
            "CREATE TABLE quick (i INTEGER)"
        } else {
            "UPDATE dial SET until = 3"
        };
        database.execute(quick);
        if engine == Engine::Postgres {
            assert_eq!(database.one(sleepers(engine)), "1", "the server works on for a client that is gone");
        }
        let again = Program::new(BINARY, &database).run(&["migrate"]).expect(0);
        assert!(again.took < AT_ONCE, "{:?}", again.took);
        assert_eq!(database.rows("SELECT i FROM numbers"), ["-1", "1", "2", "3"], "{header}");
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert_eq!(database.journalled(), 0);
        assert_eq!(database.lock_owner(), "");
    }
}

#[test]
fn killed_in_a_long_statement_it_is_run_again_on_sqlite() {
    killed_in_a_long_statement(Engine::Sqlite);
}

#[test]
fn killed_in_a_long_statement_it_is_run_again_on_postgres() {
    killed_in_a_long_statement(Engine::Postgres);
}

#[test]
fn killed_in_a_long_statement_it_is_run_again_on_mariadb() {
    killed_in_a_long_statement(Engine::Mariadb);
}

#[test]
#[cfg(feature = "duckdb")]
fn killed_in_a_long_statement_it_is_run_again_on_duckdb() {
    killed_in_a_long_statement(Engine::Duckdb);
}

fn told_to_end_in_a_long_statement(engine: Engine) {
    let database = long(engine, "");
    let running = in_the_long_statement(&database);
    running.terminate();
    let ended = running.finish().expect(130);
    assert!(ended.stderr.contains("error[interrupted]"), "{}", ended.stderr);
    assert!(ended.took < AT_ONCE * 3, "{:?}", ended.took);
    assert_eq!(database.versions(), ["0001"]);
    let rolled_back = if database.commits_definitions() {
        database.rows("SELECT i FROM numbers").is_empty()
    } else {
        !database.snapshot().contains("numbers")
    };
    assert!(rolled_back);
    assert_eq!(database.lock_owner(), "");
    assert!(!database.lock_file());
}

#[test]
fn told_to_end_in_a_long_statement_it_leaves_no_lock_on_sqlite() {
    told_to_end_in_a_long_statement(Engine::Sqlite);
}

#[test]
fn told_to_end_in_a_long_statement_it_leaves_no_lock_on_postgres() {
    told_to_end_in_a_long_statement(Engine::Postgres);
}

#[test]
fn told_to_end_in_a_long_statement_it_leaves_no_lock_on_mariadb() {
    told_to_end_in_a_long_statement(Engine::Mariadb);
}

#[test]
#[cfg(feature = "duckdb")]
fn told_to_end_in_a_long_statement_it_leaves_no_lock_on_duckdb() {
    told_to_end_in_a_long_statement(Engine::Duckdb);
}
