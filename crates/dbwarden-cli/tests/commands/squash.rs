//! What `squash` prints and writes.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// Without the day on which it was written.
fn undated(text: &str) -> String {
    let day = regex::Regex::new(r"(created: )\d{4}-\d\d-\d\d").unwrap();
    day.replace_all(text, "$1[today]").into_owned()
}

#[test]
fn one_in_the_place_of_many() {
    let sandbox = Sandbox::shop();
    let said = [
        &["squash", "--dry-run"][..],
        &["squash", "-m", "the shop"],
        &["status"],
        &["history"],
        &["heads"],
        &["verify"],
        &["migrate"],
        &["squash"],
        &["show", "2"],
    ]
    .map(|words| undated(&sandbox.run(words).exits(0).transcript));
    assert_snapshot!(said.join("\n"));
    assert_snapshot!(undated(&sandbox.read("migrations/0001_the_shop.sql")));
    sandbox.remove("app.db");
    assert!(sandbox.run(&["migrate"]).exits(0).out.contains("applied 1"));
    assert_snapshot!(undated(&sandbox.run(&["history"]).exits(0).transcript));
}

#[test]
fn as_json() {
    let sandbox = Sandbox::shop();
    let squashed = sandbox.run(&["squash", "--to", "2", "--json"]).exits(0).json()["databases"][0].clone();
    assert_eq!(squashed["replaced"], serde_json::json!(["0001", "0002"]));
    assert_eq!(squashed["version"], "0001");
    assert_eq!(squashed["moved"][0]["from"], "migrations/0001_create_customers.sql");
    assert_eq!(squashed["statements"], 3);
}

#[test]
fn pairs_and_directories_keep_their_layout() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("0001_a.up.sql", "CREATE TABLE a (id INTEGER);"),
        ("0001_a.down.sql", "DROP TABLE a;"),
        ("0002_b.up.sql", "CREATE TABLE b (id INTEGER);"),
        ("0002_b.down.sql", "DROP TABLE b;"),
        ("0003_c/up.sql", "CREATE TABLE c (id INTEGER);"),
        ("0003_c/down.sql", "DROP TABLE c;"),
    ] {
        sandbox.migration(name, text);
    }
    sandbox.run(&["squash"]).exits(0);
    assert!(sandbox.read("migrations/0001_initial_schema.down.sql").contains("DROP TABLE c;"));
    assert!(sandbox.read("migrations/0001_initial_schema.up.sql").contains("replaces"));
    assert!(sandbox.path("migrations/replaced/0001-0003/0003_c/up.sql").is_file());
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001");
    sandbox.run(&["rollback"]).exits(0);
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b', 'c')"), "");
}

#[test]
fn hashes_with_parents() {
    let sandbox = Sandbox::holding(&[
        (
            "ffb2c3d4e5f6_users.sql",
            "-- revision: ffb2c3d4e5f6\n-- down_revision: none\nCREATE TABLE users (id INTEGER);\n-- DOWN\nDROP TABLE users;\n",
        ),
        (
            "0a9f8e7d6c5b_posts.sql",
            "-- revision: 0a9f8e7d6c5b\n-- down_revision: ffb2c3d4e5f6\nCREATE TABLE posts (id INTEGER);\n-- DOWN\nDROP TABLE posts;\n",
        ),
        (
            "5b9f8e7d6c5b_tags.sql",
            "-- revision: 5b9f8e7d6c5b\n-- down_revision: 0a9f8e7d6c5b\nCREATE TABLE tags (id INTEGER);\n-- DOWN\nDROP TABLE tags;\n",
        ),
    ]);
    sandbox.run(&["migrate", "-t", "0a9f"]).exits(0);
    sandbox.run(&["squash", "--to", "0a9f"]).exits(0);
    let status = sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "ffb2c3d4e5f6,0a9f8e7d6c5b,5b9f8e7d6c5b", "{}", status.transcript);
    sandbox.remove("app.db");
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "ffb2c3d4e5f6,5b9f8e7d6c5b");
}
