//! Commands that count from where the database is: typed again behind a kill, each does what is left of it, and no more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::{Database, Engine, Finished, Program};

use crate::scenarios::{LOG, ORDERS, PLAIN, Scenario, USERS};
use crate::{BINARY, kill_everywhere};

/// The same on every engine.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "one back", files: PLAIN, before: &[&["migrate"]], command: &["rollback"] },
    Scenario { name: "two back", files: PLAIN, before: &[&["migrate"]], command: &["rollback", "-c", "2"] },
    Scenario {
        name: "one back beside a repeatable",
        files: &[
            ("0001_log.sql", LOG),
            ("0002_users.sql", USERS),
            ("0003_orders.sql", ORDERS),
            ("ROC__more.sql", "INSERT INTO log VALUES ('on change');\n"),
        ],
        before: &[&["migrate"]],
        command: &["rollback"],
    },
    Scenario {
        name: "one on",
        files: PLAIN,
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate", "-c", "1"],
    },
    // There are no more than these two.
    Scenario {
        name: "two on",
        files: PLAIN,
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate", "-t", "+2"],
    },
    Scenario {
        name: "one recorded",
        files: PLAIN,
        before: &[&["migrate", "-t", "0001"]],
        command: &["stamp", "+1"],
    },
    Scenario { name: "one forgotten", files: PLAIN, before: &[&["migrate"]], command: &["stamp", "-1"] },
];

/// Returns whether `scenario` means something else behind its own end.
pub(crate) fn counts(scenario: &Scenario) -> bool {
    SCENARIOS.iter().any(|other| other.name == scenario.name)
}

fn typed_again_it_does_what_is_left(engine: Engine) {
    let (next, wrong, kills) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(scenario) = SCENARIOS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let (passed, wrongs) = kill_everywhere(engine, scenario);
                    kills.fetch_add(passed.values().sum(), Ordering::SeqCst);
                    wrong.lock().unwrap().extend(wrongs);
                }
            });
        }
    });
    let (wrong, kills) = (wrong.into_inner().unwrap(), kills.into_inner());
    println!("{kills} kills");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(kills > 2 * SCENARIOS.len(), "{kills} kills");
}

#[test]
fn typed_again_behind_a_kill_it_does_what_is_left_on_sqlite() {
    typed_again_it_does_what_is_left(Engine::Sqlite);
}

#[test]
fn typed_again_behind_a_kill_it_does_what_is_left_on_postgres() {
    typed_again_it_does_what_is_left(Engine::Postgres);
}

#[test]
fn typed_again_behind_a_kill_it_does_what_is_left_on_mariadb() {
    typed_again_it_does_what_is_left(Engine::Mariadb);
}

#[test]
fn typed_again_behind_a_kill_it_does_what_is_left_on_scripted_cockroach() {
    typed_again_it_does_what_is_left(Engine::Scripted);
}

#[test]
#[cfg(feature = "duckdb")]
fn typed_again_behind_a_kill_it_does_what_is_left_on_duckdb() {
    typed_again_it_does_what_is_left(Engine::Duckdb);
}

/// A database on which `rollback` was killed when it had undone 0003, the last of three with a seed among them.
fn killed_behind_its_commit() -> Database {
    let database = Database::new(Engine::Sqlite);
    let seed =
        "-- seed\nINSERT INTO log VALUES ('seed');\n-- rollback\nDELETE FROM log WHERE what = 'seed';\n";
    database.write(&[("0001_log.sql", LOG), ("0002_seed.sql", seed), ("0003_users.sql", USERS)]);
    let program = Program::new(BINARY, &database);
    program.run(&["migrate"]).expect(0);
    assert!(program.ending_at("committed").run(&["rollback"]).was_killed());
    assert_eq!(database.versions(), ["0001", "0002"]);
    database
}

fn run(database: &Database, words: &str) -> Finished {
    Program::new(BINARY, database).run(&words.split(' ').collect::<Vec<_>>()).expect(0)
}

#[test]
fn the_same_command_says_so_and_the_next_one_goes_further() {
    for words in ["rollback", "rollback -c 1", "rollback -t -1", "downgrade -1"] {
        let database = killed_behind_its_commit();
        let dry = run(&database, &format!("{words} --dry-run"));
        assert!(dry.stdout.contains("nothing to do, at 0002, 1 pending"), "{}", dry.stdout);
        let again = run(&database, words);
        assert!(again.stdout.contains("nothing to do, at 0002, 1 pending"), "{words}: {}", again.stdout);
        let note = "note: 0003: undone by the same command, which ";
        assert!(again.stderr.contains(note), "{words}: {}", again.stderr);
        assert!(again.stderr.contains("nothing more is undone now: ask once more"), "{}", again.stderr);
        assert_eq!((database.versions(), database.lock_owner()), (two(), String::new()));
        run(&database, words);
        assert_eq!(database.versions(), ["0001"], "{words}");
    }
}

fn two() -> Vec<String> {
    ["0001", "0002"].map(str::to_owned).to_vec()
}

#[test]
fn another_command_is_another_wish() {
    let database = killed_behind_its_commit();
    run(&database, "seed rollback");
    assert_eq!(database.versions(), ["0001"]);
    assert_eq!(database.rows("SELECT what FROM log"), ["first", "users", "users undone"]);

    let database = killed_behind_its_commit();
    run(&database, "rollback -c 2");
    assert_eq!(database.versions(), Vec::<String>::new());

    // Somebody else was there meanwhile.
    let database = killed_behind_its_commit();
    run(&database, "migrate");
    run(&database, "rollback");
    assert_eq!(database.versions(), two());
    run(&database, "rollback");
    assert_eq!(database.versions(), ["0001"]);
}

#[test]
fn a_day_later_the_same_command_is_another_wish() {
    for (ago, left) in [("-23 hours", two()), ("-25 hours", vec!["0001".to_owned()])] {
        let database = killed_behind_its_commit();
        database.execute(&format!(
            "UPDATE dbwarden_lock SET since = strftime('%Y-%m-%d %H:%M:%f', 'now', '{ago}') WHERE name = 'holder'"
        ));
        run(&database, "rollback");
        assert_eq!(database.versions(), left, "{ago}");
    }
}
