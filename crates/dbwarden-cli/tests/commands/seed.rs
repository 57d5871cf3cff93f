//! `dbwarden seed`.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

fn seeded() -> Sandbox {
    Sandbox::holding(&[
        ("0001_log.sql", "CREATE TABLE log (what TEXT);\n-- rollback\nDROP TABLE log;\n"),
        (
            "0002_service_types.sql",
            "-- seed\nINSERT INTO log VALUES ('api');\n-- rollback\nDELETE FROM log WHERE what = 'api';\n",
        ),
        (
            "0003_demo.sql",
            "-- seed\n-- tags: demo\nINSERT INTO log VALUES ('demo');\n-- rollback\nDELETE FROM log;\n",
        ),
        ("0004_staging.sql", "-- seed\n-- environments: staging\nINSERT INTO log VALUES ('staging');\n"),
    ])
}

#[test]
fn seeds_alone() {
    let sandbox = seeded();
    let waits = sandbox.fails(1, &["seed", "apply"]).transcript;
    sandbox.run(&["migrate", "--no-seeds"]).exits(0);
    let said = [
        waits,
        sandbox.run(&["seed", "list"]).exits(0).transcript,
        sandbox.run(&["seed", "apply", "--dry-run"]).exits(0).transcript,
        sandbox.run(&["seed", "apply", "--tag", "demo"]).exits(0).transcript,
        sandbox.run(&["seed", "apply"]).exits(0).transcript,
        sandbox.run(&["seed", "list"]).exits(0).transcript,
        sandbox.run(&["seed", "rollback"]).exits(0).transcript,
        sandbox.run(&["--env", "staging", "seed", "apply", "-c", "1"]).exits(0).transcript,
        sandbox.refuses(2, &["seed", "rollback", "-c", "9"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    let json = sandbox.run(&["seed", "list", "--json"]).exits(0).json();
    assert_eq!(
        (json["command"].as_str(), json["databases"][0]["seeds"].as_array().unwrap().len()),
        (Some("seed list"), 3)
    );
}

#[test]
fn what_stopped_is_gone_on_with_alone() {
    let seed = |down: &str| {
        format!(
            "-- seed\n-- no-transaction\nINSERT INTO log VALUES ('api');\n-- rollback\nINSERT INTO log VALUES ('going');\n{down}"
        )
    };
    let sandbox = Sandbox::holding(&[
        ("0001_log.sql", "CREATE TABLE log (what TEXT);\n-- rollback\nDROP TABLE log;\n"),
        ("0002_api.sql", &seed("DELETE FROM nowhere;\n")),
        ("0003_other.sql", "CREATE TABLE other (x INTEGER);\n-- rollback\nDROP TABLE other;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    let stopped = sandbox.run(&["seed", "rollback"]).exits(1);
    assert!(
        stopped.err.contains("next: correct statement 2, then `dbwarden seed rollback` goes on from it"),
        "{}",
        stopped.err
    );
    // Another verb meets it, and is told what finishes it, whatever was typed.
    for other in [&["migrate"][..], &["rollback", "-t", "0001"]] {
        let refused = sandbox.run(other).exits(1);
        assert!(refused.err.contains("next: `dbwarden rollback -c 1` goes on with it"), "{}", refused.err);
    }
    sandbox.migration("0002_api.sql", seed("DELETE FROM log WHERE what = 'api';\n"));
    sandbox.run(&["rollback", "-c", "1"]).exits(0);
    assert_eq!(
        (sandbox.applied().as_str(), sandbox.values("SELECT what FROM log").as_str()),
        ("0001,0003", "going")
    );
}

#[test]
fn repeatables_are_not_counted_as_done() {
    let log = "CREATE TABLE log (what TEXT);\n-- rollback\nDROP TABLE log;\n";
    let row = "INSERT INTO log VALUES ('row');\n-- rollback\nDELETE FROM log;\n";
    let stuck = "INSERT INTO log VALUES ('stuck');\n-- rollback\nDELETE FROM nowhere;\n";
    let sandbox = Sandbox::holding(&[
        ("0001_log.sql", log),
        ("0002_row.sql", row),
        ("0003_stuck.sql", stuck),
        ("0004_row.sql", row),
        ("ROC__change.sql", "INSERT INTO log VALUES ('change');\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    let stopped = sandbox.run(&["rollback", "-c", "3"]).exits(1);
    assert!(stopped.err.contains("then `dbwarden rollback -c 2`"), "{}", stopped.err);
}
