//! What CockroachDB does otherwise than PostgreSQL, against a server that answers by a script and has PostgreSQL behind it
//! (`testkit::scripted`): retries, schema changes that are jobs, no locks of sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dbwarden::Error;
use dbwarden::apply::failure::Kept;
use dbwarden::apply::run::{Event, Silent};
use dbwarden::error::ErrorKind;
use dbwarden::ops::lock::{Unlocked, lock_status, unlock};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::{Deployment, Report};
use testkit::scripted::{Answer, AutocommitBeforeDdl, Outcome, RETRY};
use testkit::{Database, Engine, Loss, Proxy, Toward, on_scripted_cockroach};

use crate::{LOG, code, deployment, log, migrate, rollback, status, steps};

/// Rows, an index, rows and a column.
const MIXED: (&str, &str) = (
    "0002_mixed.sql",
    "INSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\nCREATE INDEX log_what ON log (what);\n\
     INSERT INTO log (what) VALUES ('3');\nALTER TABLE log ADD COLUMN more INTEGER;\n",
);

/// What a run said beside its answer.
#[derive(Debug, Default)]
struct Said {
    retries: usize,
    waits: Vec<String>,
}

fn watched(deployment: &mut Deployment<'_>) -> (Result<Report, Error>, Said) {
    let mut said = Said::default();
    let mut observer = |event: &Event<'_>| match event {
        Event::Retrying { .. } => said.retries += 1,
        Event::StillRunning { session } => said.waits.push((*session).to_owned()),
        _ => {}
    };
    let outcome = run(deployment, &MigrateOptions::default(), &mut observer);
    (outcome, said)
}

fn prepared(database: &Database) {
    database.write(&[LOG]);
    migrate(database).unwrap();
    database.write(&[MIXED]);
}

/// That the mixed file is there as if nothing had happened.
#[track_caller]
fn is_whole(database: &Database, context: &str) {
    assert_eq!(log(database), ["1", "2", "3"], "{context}");
    assert_eq!(database.versions(), ["0001", "0002"], "{context}");
    assert_eq!(
        database.one("SELECT count(*) FROM pg_indexes WHERE indexname = 'log_what'"),
        "1",
        "{context}"
    );
    assert_eq!((database.journalled(), database.lock_owner().as_str()), (0, ""), "{context}");
}

/// The statements that came between BEGIN and COMMIT.
fn inside_transactions(database: &Database) -> Vec<String> {
    let mut open = false;
    let mut inside = Vec::new();
    for statement in database.scripted().seen() {
        match statement.split_whitespace().next().unwrap_or_default() {
            "BEGIN" => open = true,
            "COMMIT" | "ROLLBACK" => open = false,
            _ if open => inside.push(statement),
            _ => {}
        }
    }
    inside
}

on_scripted_cockroach! {
    fn schema_changes_and_rows_are_split_where_that_is_safe(database) {
        prepared(&database);
        migrate(&database).unwrap();
        is_whole(&database, "");
        let inside = inside_transactions(&database);
        assert!(inside.iter().any(|statement| statement.contains("VALUES ('1')")));
        for first in ["CREATE", "ALTER", "DROP"] {
            assert!(!inside.iter().any(|statement| statement.starts_with(first)), "{inside:?}");
        }
        // The rows before the index share a transaction.
        let seen = database.scripted().seen();
        let at = |words: &str| seen.iter().position(|statement| statement.contains(words)).unwrap();
        assert!(!seen[at("VALUES ('1')")..at("VALUES ('2')")].contains(&"COMMIT".to_owned()));
        assert!(!seen.iter().any(|statement| statement.contains("advisory")), "they lock nothing there");
        assert_eq!(status(&database).version, "24.3.1");
        let down = "-- rollback\nALTER TABLE log DROP COLUMN more;\nDROP INDEX log@log_what;\nDELETE FROM log;\n";
        database.write(&[("0002_mixed.sql", &format!("{}{down}", MIXED.1))]);
        assert_eq!(steps(&rollback(&database).unwrap()), ["0002"]);
        assert!(log(&database).is_empty());
    }

    fn what_failed_goes_on_behind_what_is_committed(database) {
        prepared(&database);
        database.write(&[("0002_mixed.sql", &MIXED.1.replace("log (what) VALUES ('3')", "nowhere VALUES (3)"))]);
        let error = migrate(&database).unwrap_err();
        let ErrorKind::Step { step, .. } = error.kind() else { panic!("{error}") };
        assert_eq!((step.statement, step.total, step.kept), (4, 5, Kept::Statements(3)));
        assert_eq!(step.position.unwrap().line, 4);
        database.write(&[MIXED]);
        let report = migrate(&database).unwrap();
        assert_eq!(report.steps[0].resumed_from, 3);
        is_whole(&database, "");
    }

    fn a_statement_that_was_refused_was_not_done(database) {
        prepared(&database);
        // What it would make is there already, by another's hand.
        database.execute("CREATE INDEX log_what ON log (id)");
        for _ in 0..2 {
            let error = migrate(&database).unwrap_err();
            assert!(error.to_string().contains("already exists"), "{error}");
            assert_eq!(database.versions(), ["0001"]);
        }
        database.execute("DROP INDEX log_what");
        migrate(&database).unwrap();
        is_whole(&database, "");
    }

    fn what_cannot_be_ordered_is_tried_again_whole(database) {
        let places = [
            ("VALUES ('1')", "a row"), ("VALUES ('2')", "behind a row"), ("VALUES ('3')", "a row behind a schema change"),
            ("CREATE INDEX log_what", "a schema change"), ("ALTER TABLE log ADD", "the last schema change"),
            ("FOR UPDATE", "the check of the lock"), ("COMMIT", "the commit"), ("'done', ", "the record of a unit"),
            ("INSERT INTO \"public\".\"dbwarden_journal\"", "the record of what is begun"),
            ("INSERT INTO \"public\".\"dbwarden_migrations\"", "the record"), ("UPDATE \"public\".\"dbwarden_lock\" SET token", "taking the lock"),
            ("DELETE FROM \"public\".\"dbwarden_journal\"", "clearing the journal"),
        ];
        for (words, context) in places {
            let database = Database::new(Engine::Scripted);
            prepared(&database);
            database.scripted().refuse(words, 3, "40001", RETRY);
            let (outcome, said) = watched(&mut deployment(&database));
            outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
            is_whole(&database, context);
            let first = words.starts_with("UPDATE") || words == "COMMIT";
            assert!(first || said.retries == 3, "{context}: {said:?}");
        }
        drop(database);
    }

    fn a_migration_of_rows_alone_is_one_packet_and_tried_again_whole(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_rows.sql", "INSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\n")]);
        database.scripted().refuse("VALUES ('2')", 2, "40001", RETRY);
        let (outcome, said) = watched(&mut deployment(&database));
        outcome.unwrap();
        assert_eq!(said.retries, 2);
        assert_eq!(log(&database), ["1", "2"]);
        // Not for ever, and nothing is kept then.
        database.write(&[("0003_rows.sql", "-- retries: 2\nINSERT INTO log (what) VALUES ('3');\n")]);
        database.scripted().refuse("VALUES ('3')", 1000, "40001", RETRY);
        let (outcome, said) = watched(&mut deployment(&database));
        assert_eq!((code(outcome), said.retries), ("busy", 2));
        assert_eq!(log(&database), ["1", "2"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn a_job_that_goes_on_without_us_is_waited_for(database) {
        for (answer, told) in [(Answer::Cut, "connection"), (Answer::Cancelled, "interrupted")] {
            let database = Database::new(Engine::Scripted);
            prepared(&database);
            database.scripted().hold("CREATE INDEX", answer, 3, Outcome::Succeeds);
            assert_eq!(code(migrate(&database)), told);
            assert_eq!(log(&database), ["1", "2"]);
            assert_eq!(database.versions(), ["0001"], "nothing is recorded as done");
            let (outcome, said) = watched(&mut deployment(&database));
            outcome.unwrap();
            assert_eq!(said.waits, ["job 1000000000000000000"], "{answer:?}");
            is_whole(&database, told);
            assert_eq!(database.scripted().jobs(), 2, "it was built once");
        }
        drop(database);
    }

    fn a_job_that_failed_without_us_is_begun_again(database) {
        prepared(&database);
        let words = "failed to ingest index entries during backfill: duplicate key value violates unique constraint \"log_what\"";
        database.scripted().hold("CREATE INDEX", Answer::Cut, 2, Outcome::Fails(words.to_owned()));
        assert_eq!(code(migrate(&database)), "connection");
        let (outcome, said) = watched(&mut deployment(&database));
        outcome.unwrap();
        assert_eq!(said.waits.len(), 1);
        is_whole(&database, "");
        assert_eq!(database.scripted().jobs(), 3);
    }

    fn a_job_behind_a_statement_that_was_answered_is_waited_for(database) {
        prepared(&database);
        database.scripted().hold("CREATE INDEX", Answer::Done, 2, Outcome::Succeeds);
        let (outcome, said) = watched(&mut deployment(&database));
        outcome.unwrap();
        assert_eq!(said.waits.len(), 1);
        is_whole(&database, "");
    }

    fn a_job_that_fails_behind_its_answer_stops_the_run(database) {
        prepared(&database);
        let words = "duplicate key value violates unique constraint";
        database.scripted().hold("CREATE INDEX", Answer::Done, 1, Outcome::Fails(words.to_owned()));
        let error = migrate(&database).unwrap_err();
        let said = "job 1000000000000000000 of the schema change failed: duplicate key value violates unique constraint";
        assert_eq!((error.code(), error.to_string().as_str()), ("sql", said));
        assert_eq!(database.versions(), ["0001"], "nothing is recorded as done");
        migrate(&database).unwrap();
        is_whole(&database, "");
    }

    fn a_job_that_fails_is_seen_also_where_the_way_there_becomes_slow(database) {
        prepared(&database);
        database.scripted().hold("CREATE INDEX", Answer::Done, 1, Outcome::Fails("out of disk".to_owned()));
        let proxy = Proxy::before(([127, 0, 0, 1], database.scripted().port()).into());
        proxy.delay(Toward::Client, Duration::from_millis(150));
        let mut deployment = deployment(&database);
        let port = |port: u16| format!(":{port}/");
        let url = database.url().replace(&port(database.scripted().port()), &port(proxy.port()));
        deployment.settings.url = url.parse().unwrap();
        let error = std::thread::scope(|scope| {
            // The question for the job takes longer than the statement did.
            scope.spawn(|| {
                while !database.scripted().seen().iter().any(|statement| statement.starts_with("CREATE INDEX")) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                proxy.delay(Toward::Server, Duration::from_millis(150));
            });
            watched(&mut deployment).0.unwrap_err()
        });
        assert!(error.to_string().contains("out of disk"), "{error}");
        assert_eq!(database.versions(), ["0001"], "nothing is recorded as done");
    }

    fn each_version_keeps_a_transaction_whole(database) {
        for autocommit in [AutocommitBeforeDdl::Unknown, AutocommitBeforeDdl::Off, AutocommitBeforeDdl::On] {
            let database = Database::new(Engine::Scripted);
            database.scripted().autocommit_before_ddl(autocommit);
            // A block of the file's own is one transaction, of which nothing is kept.
            let block = "BEGIN;\nCREATE TABLE made (x INTEGER);\nINSERT INTO made VALUES (1);\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n";
            database.write(&[LOG, ("0002_block.sql", block)]);
            assert_eq!(code(migrate(&database)), "sql", "{autocommit:?}");
            assert!(!database.snapshot().contains("made"), "{autocommit:?}");
            database.write(&[("0002_block.sql", &block.replace("INTO nowhere", "INTO made"))]);
            migrate(&database).unwrap();
            assert_eq!(database.one("SELECT count(*) FROM made"), "2");
            assert_eq!(database.versions(), ["0001", "0002"]);
        }
        drop(database);
    }

    fn a_block_takes_what_makes_something_and_no_other_schema_change(database) {
        database.write(&[LOG, ("0002_block.sql", "BEGIN;\nINSERT INTO log (what) VALUES ('1');\nALTER TABLE log ADD COLUMN more INTEGER;\nCOMMIT;\n")]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "transaction");
        assert!(error.to_string().contains("ALTER TABLE"), "{error}");
        assert!(database.versions().is_empty(), "before anything was run");
        database.write(&[("0002_block.sql", "SAVEPOINT cockroach_restart;\nINSERT INTO log (what) VALUES ('1');\nRELEASE SAVEPOINT cockroach_restart;\n")]);
        assert_eq!(code(migrate(&database)), "transaction");
    }

    fn it_is_known_whatever_the_address_says(database) {
        for (scheme, hidden) in [("postgresql", false), ("postgres", true), ("cockroach", true)] {
            let database = Database::new(Engine::Scripted);
            if hidden {
                database.scripted().hide_version();
            }
            database.write(&[LOG, MIXED]);
            let here = || {
                let mut deployment = deployment(&database);
                deployment.settings.url = database.scripted().url(scheme).parse().unwrap();
                deployment
            };
            let waiting = dbwarden::ops::status::status(&mut here(), &Default::default()).unwrap();
            assert_eq!((waiting.engine.as_str(), waiting.pending_count), ("cockroachdb", 2));
            let (outcome, _) = watched(&mut here());
            assert_eq!(outcome.unwrap().count(), 2, "{scheme}");
            is_whole(&database, scheme);
            assert!(inside_transactions(&database).iter().all(|statement| !statement.starts_with("ALTER")));
            assert!(lock_status(&mut here()).unwrap().holder.is_none());
            assert!(matches!(unlock(&mut here(), false, &mut Silent).unwrap(), Unlocked::Free));
        }
        drop(database);
    }

    fn postgresql_under_its_name_is_told(database) {
        let mut deployment = deployment(&database);
        let url = database.owned().url().replace("postgresql://", "cockroachdb://");
        deployment.settings.url = url.parse().unwrap();
        let (outcome, _) = watched(&mut deployment);
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "open");
        let text = error.to_string();
        assert!(text.contains("the address says CockroachDB, and PostgreSQL "), "{text}");
        assert!(text.ends_with("answers: write postgresql: in its place"), "{text}");
    }

    fn a_holder_that_was_followed_commits_nothing(database) {
        prepared(&database);
        let mut deployment = deployment(&database);
        let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
        let passed = AtomicUsize::new(0);
        deployment.points = Some(Arc::new(move |point| {
            if point == "statement-run" && passed.fetch_add(1, Ordering::SeqCst) == 0 {
                server.shell(&name, "UPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder'");
            }
        }));
        assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "lock-lost");
        assert!(log(&database).is_empty());
        assert_eq!(database.versions(), ["0001"]);
    }

    fn a_commit_that_nobody_knows_of_is_looked_up(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        let rows = ("0002_rows.sql", "INSERT INTO log (what) VALUES ('1');\n");
        database.write(&[rows]);
        // The server does not know itself; here it was rolled back.
        database.scripted().refuse("FOR UPDATE", 1, "40003", "result is ambiguous: unable to determine whether command was applied");
        assert_eq!(code(migrate(&database)), "connection");
        assert!(log(&database).is_empty());
        let proxy = Proxy::before(([127, 0, 0, 1], database.scripted().port()).into());
        let mut deployment = deployment(&database);
        let port = |port: u16| format!(":{port}/");
        let url = database.url().replace(&port(database.scripted().port()), &port(proxy.port()));
        deployment.settings.url = url.parse().unwrap();
        proxy.lose_answer_to("VALUES ('1')", Loss::Cut);
        let (outcome, _) = watched(&mut deployment);
        assert_eq!((proxy.lost(), steps(&outcome.unwrap())), (1, vec!["0002"]));
        assert_eq!(log(&database), ["1"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert!(database.scripted().seen().iter().any(|statement| statement.starts_with("CANCEL SESSION")));
    }

    fn an_error_of_syntax_stands_at_its_statement(database) {
        database.write(&[LOG, ("0002_rows.sql", "INSERT INTO log (what) VALUES ('1');\n\n  INSRT INTO log (what) VALUES ('2');\n")]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.location().unwrap().at, Some((3, 3)), "{error}");
        assert_eq!(error.to_string(), "at or near \"insrt\": syntax error (42601)");
        assert!(log(&database).is_empty());
    }
}
