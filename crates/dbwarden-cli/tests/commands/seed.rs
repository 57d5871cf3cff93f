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
