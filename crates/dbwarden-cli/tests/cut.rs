//! The connection to the server is cut at every point of a run: what the run says of it is true, and the next one comes to the
//! right end.

#![cfg(all(unix, debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "cut/adopt.rs"]
mod adopt;
#[path = "crash/mysql.rs"]
mod mysql;
#[path = "crash/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "SQLite has no connection to be cut")]
#[path = "crash/scenarios.rs"]
mod scenarios;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use scenarios::Scenario;
use testkit::{Database, Engine, Finished, Loss, Program, Proxy};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// Ends the program's sessions, and what they run.
fn terminate(database: &Database) {
    if database.engine() == Engine::Postgres {
        return database.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'dbwarden'",
        );
    }
    let (server, name) = (database.owned().server(), database.owned().name());
    let sessions = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
    for id in server.shell("", &sessions).lines() {
        // It may have ended meanwhile.
        server.try_shell("", &format!("KILL {id}")).ok();
    }
}

fn named(engine: Engine, name: &str) -> &'static Scenario {
    let all = if engine == Engine::Postgres { postgres::SCENARIOS } else { mysql::SCENARIOS };
    all.iter().find(|scenario| scenario.name == name).unwrap()
}

fn prepared(engine: Engine, scenario: &Scenario) -> Database {
    let database = Database::new(engine);
    database.write(scenario.files);
    for command in scenario.before {
        Program::new(BINARY, &database).run(command).expect(0);
    }
    database
}

type End = (String, Vec<String>, String);

fn end(database: &Database) -> End {
    let left = database.one(
        "SELECT concat((SELECT count(*) FROM dbwarden_journal), ' in the journal, lock: ', coalesce(owner, '')) \
         FROM dbwarden_lock WHERE name = 'holder'",
    );
    (database.snapshot(), database.history(), left)
}

/// What a run said that is not so.
fn lies(database: &Database, ran: &Finished, before: &[String]) -> Vec<String> {
    let (mut lies, said) = (Vec::new(), &ran.stderr);
    let now = database.versions();
    if !matches!(ran.code, Some(0 | 1)) || ran.code == Some(1) && !said.contains("error[connection]") {
        lies.push("it ended otherwise".to_owned());
    }
    if ran.succeeded() && said.contains("error") {
        lies.push("it succeeded and complains".to_owned());
    }
    for id in ["0001", "0002", "0003"] {
        let (was, is) = (before.iter().any(|old| old == id), now.iter().any(|new| new == id));
        let says = |what: &str| said.contains(&format!("{id} {what}"));
        if was != is && (says("is rolled back whole") || says("is as it was") || says("was not tried")) {
            lies.push(format!("{id} is another"));
        }
        if was == is && says("is committed and recorded") {
            lies.push(format!("{id} is not recorded"));
        }
        if says("is rolled back whole")
            && !database
                .rows(&format!("SELECT 1 FROM dbwarden_journal WHERE version = '{id}' AND state = 'done'"))
                .is_empty()
        {
            lies.push(format!("a part of {id} stands"));
        }
        for (count, words) in [(1, "statement 1"), (2, "statements 1 and 2")] {
            let done = format!(
                "SELECT coalesce(sum(count), 0) FROM dbwarden_journal WHERE version = '{id}' AND state = 'done'"
            );
            if said.contains(&format!("{words} of {id} ")) && database.one(&done) != count.to_string() {
                lies.push(format!("{} statements of {id} stand", database.one(&done)));
            }
        }
    }
    let changed = now.len().abs_diff(before.len());
    let count = |words: &str| said.contains(words);
    if !ran.succeeded()
        && (changed > 0) != (count("stays applied") || count("stay applied") || count("rolled back\n"))
    {
        lies.push(format!("{changed} are done"));
    }
    if !ran.succeeded() && count("nothing was changed") && changed > 0 {
        lies.push("something was changed".to_owned());
    }
    lies
}

/// Stops a run of `scenario` at each passing of each point of `points`, does `what` to it, lets it go on, and runs it again. Returns
/// how often, and how many of the runs succeeded nevertheless.
fn cut_everywhere(
    engine: Engine,
    name: &str,
    points: &[&str],
    what: impl Fn(&Database, &Proxy) + Sync,
    proxied: bool,
) -> (usize, usize) {
    let scenario = named(engine, name);
    let template = prepared(engine, scenario);
    let undisturbed = template.copy();
    let file = undisturbed.folder().join("points");
    Program::new(BINARY, &undisturbed).telling_points(&file).run(scenario.command).expect(0);
    let (expected, before) = (end(&undisturbed), template.versions());
    let mut stops: Vec<String> = Vec::new();
    let passed = std::fs::read_to_string(file).unwrap();
    for (index, point) in passed.lines().enumerate().filter(|(_, point)| points.contains(point)) {
        let time = passed.lines().take(index + 1).filter(|other| *other == point).count();
        stops.push(format!("{point}:{time}"));
    }
    let (next, survived, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(stop) = stops.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let database = template.copy();
                    let server = database.owned().server();
                    let proxy = Proxy::before(([127, 0, 0, 1], server.port()).into());
                    let url = server.through("127.0.0.1", proxy.port()).url(database.owned().name());
                    let program = Program::new(BINARY, &database);
                    let program = if proxied { program.on(url) } else { program };
                    let paused = program.ending_at(format!("pause:{stop}")).start(scenario.command);
                    paused.wait_until_stopped();
                    what(&database, &proxy);
                    paused.go_on();
                    let ran = paused.finish();
                    survived.fetch_add(usize::from(ran.succeeded()), Ordering::SeqCst);
                    let mut wrongs = lies(&database, &ran, &before);
                    let again = program.run(scenario.command);
                    if !again.succeeded() || again.took.as_secs() > 20 {
                        wrongs.push(format!("the next: {:?} {}", again.took, again.stderr));
                    }
                    // Where the first came to its end but could not let go of the lock.
                    if !end(&database).2.ends_with(' ') {
                        program.run(&["unlock"]).expect(0);
                    }
                    let found = end(&database);
                    if found != expected {
                        wrongs.push(format!("{found:?}\nin place of {expected:?}"));
                    }
                    if !wrongs.is_empty() {
                        let text =
                            format!("{name}, {stop}: {}\n{}{}", wrongs.join("; "), ran.stdout, ran.stderr);
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), stops.len(), wrong.join("\n"));
    (stops.len(), survived.into_inner())
}

const SCENARIOS: &[&str] = &["plain", "one transaction", "groups", "no transaction", "rollback of two"];
const ON_MARIADB: &[&str] =
    &["plain", "groups", "every sort of definition", "no transaction", "rollback of two"];

fn ended_at_every_point(engine: Engine, names: &[&str]) {
    let points: Vec<_> = dbwarden::apply::run::POINTS.to_vec();
    for name in names {
        let (stops, survived) =
            cut_everywhere(engine, name, &points, |database, _| terminate(database), false);
        println!("{engine:?}, {name}: ended at {stops} points, {survived} came to their end");
    }
}

#[test]
fn the_session_is_ended_at_every_point_on_postgres() {
    ended_at_every_point(Engine::Postgres, SCENARIOS);
}

#[test]
fn the_session_is_ended_at_every_point_on_mariadb() {
    ended_at_every_point(Engine::Mariadb, ON_MARIADB);
}

/// On MariaDB a packet of many definitions has no points: the session is ended at many moments of it.
#[test]
fn the_session_is_ended_while_the_server_works_off_a_packet() {
    let slow: String = (1..=10)
        .map(|n| {
            format!(
                "CREATE TABLE t{n} (x integer);\nINSERT INTO log SELECT concat('{n}, slept ', SLEEP(0.02));\n\
                 ALTER TABLE t{n} ADD COLUMN y integer;\nCREATE INDEX i{n} ON t{n} (y);\n"
            )
        })
        .collect();
    let template = Database::new(Engine::Mariadb);
    template.write(&[("0001_log.sql", scenarios::LOG), ("0002_slow.sql", &slow)]);
    Program::new(BINARY, &template).run(&["migrate", "-t", "0001"]).expect(0);
    let undisturbed = template.copy();
    let took = Program::new(BINARY, &undisturbed).run(&["migrate"]).expect(0).took;
    let expected = end(&undisturbed);
    let mut cut = 0;
    for turn in 1..=20 {
        let database = template.copy();
        let program = Program::new(BINARY, &database);
        let running = program.start(&["migrate"]);
        std::thread::sleep(took * turn / 20);
        terminate(&database);
        let ran = running.finish();
        cut += u32::from(!ran.succeeded());
        assert!(ran.succeeded() || ran.stderr.contains("error[connection]"), "{}", ran.stderr);
        program.run(&["migrate"]).expect(0);
        if !end(&database).2.ends_with(' ') {
            program.run(&["unlock"]).expect(0);
        }
        assert_eq!(end(&database), expected, "ended after {turn}/20, when it said {}", ran.stderr);
    }
    assert!(cut >= 5, "{cut} of 20 were cut");
}

#[test]
fn the_answer_to_a_commit_is_lost() {
    for name in SCENARIOS {
        // A packet holds its own COMMIT; else it follows the renewal.
        let packets = ["plain", "rollback of two"].contains(name);
        let points: &[&str] = match *name {
            "one transaction" => &["recorded"],
            _ if packets => &["begun"],
            _ => &["renewed"],
        };
        let lose = |_: &Database, proxy: &Proxy| proxy.lose_answer_to("COMMIT", Loss::Cut);
        let (stops, survived) = cut_everywhere(Engine::Postgres, name, points, lose, true);
        println!("{name}: {stops} answers lost, {survived} came to their end");
        if packets || *name == "one transaction" {
            assert_eq!(survived, stops, "{name}: what is committed is applied");
        }
    }
}

#[test]
fn where_nobody_can_be_asked_it_says_that_it_does_not_know() {
    for (name, point) in [("plain", "begun:2"), ("groups", "renewed:4"), ("one transaction", "recorded:3")] {
        let database = prepared(Engine::Postgres, named(Engine::Postgres, name));
        let server = database.owned().server();
        let proxy = Proxy::before(([127, 0, 0, 1], server.port()).into());
        let program = Program::new(BINARY, &database)
            .on(server.through("127.0.0.1", proxy.port()).url(database.owned().name()));
        let paused = program.ending_at(format!("pause:{point}")).start(named(Engine::Postgres, name).command);
        paused.wait_until_stopped();
        proxy.lose_answer_to("COMMIT", Loss::Cut);
        let allow = |whether| {
            let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {whether};", database.owned().name());
            server.shell("", &sql);
        };
        allow(false);
        paused.go_on();
        let ran = paused.finish().expect(1);
        allow(true);
        assert!(ran.stderr.contains("error[connection]"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("was committed is not known: the server does not answer"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("rolled back"), "{}", ran.stderr);
        let again = program.run(named(Engine::Postgres, name).command).expect(0);
        assert!(again.stdout.contains("at 0003 (head)"), "{}", again.stdout);
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
        let twice = "SELECT what FROM log GROUP BY what HAVING count(*) > 1";
        assert!(database.rows(twice).is_empty(), "nothing twice");
    }
}
