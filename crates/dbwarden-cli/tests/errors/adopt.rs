//! Records of other tools that are not taken over, and what is said where they are.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const FIRST: &str =
    "-- upgrade\n\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n\n-- rollback\n\nDROP TABLE users;\n";
const SECOND: &str = "-- upgrade\n\nALTER TABLE users ADD COLUMN email TEXT;\n\n-- rollback\n\nALTER TABLE users DROP COLUMN email;\n";
const THIRD: &str =
    "-- upgrade\n\nCREATE TABLE posts (id INTEGER PRIMARY KEY);\n\n-- rollback\n\nDROP TABLE posts;\n";

/// DBWarden, classic, with two of three files applied. The sums are those of Python's hashlib.
fn strata() -> Sandbox {
    let sandbox = Sandbox::holding(&[
        ("V20240215_143000__create_users.sql", FIRST),
        ("V20240215_143001__add_email.sql", SECOND),
        ("V20240215_143002__create_posts.sql", THIRD),
    ]);
    sandbox.sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
         CREATE TABLE strata_migrations (id INTEGER PRIMARY KEY, version VARCHAR(50), applied_at DATETIME, checksum VARCHAR(64));
         INSERT INTO strata_migrations VALUES
           (1, '20240215_143000', '2024-02-15 14:30:00', '14361d13a6c85f900e71b9286d18a3f435e3b98b88ce7d5e34dc408986298c20'),
           (2, '20240215_143001', '2024-02-15 14:31:00', '2e2071cc53cd5278df2e6f923333e410fef221e5b9d3caa263235b80e59cd80f');
         CREATE TABLE strata_lock (id INTEGER PRIMARY KEY, locked BOOLEAN DEFAULT FALSE, acquired_at DATETIME, release_at DATETIME);
         INSERT INTO strata_lock VALUES (1, FALSE, NULL, NULL);",
    );
    sandbox
}

/// DBWarden in Python, with two files applied.
fn python() -> Sandbox {
    let sandbox = Sandbox::holding(&[("0001_create_users.sql", FIRST), ("0002_add_email.sql", SECOND)]);
    sandbox.sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
         CREATE TABLE dbwarden_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version VARCHAR(255) UNIQUE, description VARCHAR(500),
           filename VARCHAR(500), migration_type VARCHAR(50), applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, checksum VARCHAR(128));
         INSERT INTO dbwarden_migrations VALUES
           (1, '0001', 'create users', '0001_create_users.sql', 'versioned', '2025-03-01 10:00:00', '14361d13a6c85f900e71b9286d18a3f435e3b98b88ce7d5e34dc408986298c20'),
           (2, '0002', 'add email', '0002_add_email.sql', 'versioned', '2025-03-01 10:00:00', '2e2071cc53cd5278df2e6f923333e410fef221e5b9d3caa263235b80e59cd80f');
         CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY CHECK (id = 1), locked BOOLEAN DEFAULT FALSE, acquired_at TIMESTAMP);",
    );
    sandbox
}

#[test]
fn taken_over() {
    let strata = strata();
    let python = python();
    let said = [
        strata.refuses(0, &["adopt", "--dry-run"]).transcript,
        strata.run(&["adopt"]).exits(0).transcript,
        strata.run(&["adopt"]).exits(0).transcript,
        strata.run(&["migrate"]).exits(0).transcript,
        python.refuses(0, &["adopt", "--dry-run"]).transcript,
        python.run(&["adopt"]).exits(0).transcript,
        python.run(&["rollback"]).exits(0).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    let rows = "SELECT group_concat(version || ' ' || filename, ', ') FROM dbwarden_migrations_python";
    assert_eq!(python.values(rows), "0001 0001_create_users.sql, 0002 0002_add_email.sql");
}

#[test]
fn as_json() {
    let ran = strata().run(&["adopt", "--json"]).exits(0);
    let mut document = ran.json();
    let database = &mut document["databases"][0];
    for (name, value) in [("run_id", "RUN".into()), ("duration_ms", 0.into()), ("target", "app.db".into())] {
        assert!(!database[name].is_null(), "{name}");
        database[name] = value;
    }
    assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn nothing_to_take_over() {
    let none = Sandbox::holding(&[("0001_create_users.sql", FIRST)]);
    let other = Sandbox::holding(&[("0001_create_users.sql", FIRST)]);
    other.sql("CREATE TABLE flyway_schema_history (installed_rank INTEGER, version TEXT)");
    let said = [
        none.refuses(2, &["adopt"]).transcript,
        none.refuses(2, &["adopt", "--from", "alembic"]).transcript,
        none.refuses(2, &["adopt", "--from", "flyway"]).transcript,
        other.refuses(2, &["adopt"]).transcript,
        other.refuses(0, &["status"]).transcript,
        other.refuses(6, &["migrate"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn several_tools() {
    let sandbox = strata();
    sandbox.sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)");
    assert_snapshot!(sandbox.refuses(2, &["adopt"]).transcript);
    sandbox.run(&["adopt", "--from", "strata"]).exits(0);
}

#[test]
fn a_held_lock() {
    let strata = strata();
    strata.sql("UPDATE strata_lock SET locked = TRUE, acquired_at = '2024-02-15 15:00:00'");
    let python = python();
    python.sql("INSERT INTO dbwarden_lock VALUES (1, TRUE, '2025-03-01 11:00:00')");
    let said =
        [strata.refuses(4, &["adopt"]).transcript, python.refuses(4, &["adopt", "--dry-run"]).transcript];
    assert_snapshot!(said.join("\n"));
    python.sql("UPDATE \"dbwarden_lock\" SET \"locked\" = FALSE");
    python.run(&["adopt"]).exits(0);
}

#[test]
fn rows_without_a_file() {
    let sandbox = strata();
    sandbox.remove("migrations/V20240215_143001__add_email.sql");
    let mut said = vec![sandbox.refuses(5, &["adopt"]).transcript];
    sandbox.remove("migrations/V20240215_143000__create_users.sql");
    sandbox.sql("INSERT INTO strata_migrations (id, version) VALUES (3, NULL)");
    said.push(sandbox.refuses(5, &["adopt"]).transcript);
    // A file that is another's by its name and by its id.
    let python = python();
    python.sql("UPDATE dbwarden_migrations SET filename = '0001_create_users.sql' WHERE id = 2");
    said.push(python.refuses(5, &["adopt"]).transcript);
    let alembic = Sandbox::holding(&[(
        "a.sql",
        "-- revision: a1b2\n-- down_revision: none\nCREATE TABLE a (id INTEGER);\n",
    )]);
    alembic.sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES ('ae1027a6acf')");
    said.push(alembic.refuses(5, &["adopt"]).transcript);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_edited_file() {
    let sandbox = strata();
    sandbox.migration("V20240215_143001__add_email.sql", SECOND.replace("email TEXT", "email VARCHAR"));
    let mut said = vec![sandbox.refuses(5, &["adopt"]).transcript];
    sandbox.migration("V20240215_143000__create_users.sql", FIRST.replace("users (", "users  ("));
    said.push(sandbox.refuses(5, &["adopt"]).transcript);
    said.push(sandbox.run(&["adopt", "--no-proof"]).exits(0).transcript);
    // Without the marker that tool saw no statement, and ran none.
    let python = python();
    python.migration("0002_add_email.sql", "ALTER TABLE users ADD COLUMN email TEXT;\n");
    python.sql("UPDATE dbwarden_migrations SET checksum = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' WHERE id = 2");
    said.push(python.refuses(5, &["adopt"]).transcript);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn two_tables_of_one_tool() {
    let python = python();
    python.sql(
        "CREATE TABLE _dbwarden_migrations (version TEXT, filename TEXT, migration_type TEXT, checksum TEXT);
         INSERT INTO _dbwarden_migrations SELECT version, filename, migration_type, checksum FROM dbwarden_migrations WHERE id = 1",
    );
    assert_snapshot!(python.refuses(5, &["adopt"]).transcript);
    python.sql("DROP TABLE dbwarden_migrations");
    python.run(&["adopt"]).exits(0);
}

#[test]
fn a_file_that_is_too_long() {
    let sandbox = strata();
    sandbox
        .migration("V20240215_143001__add_email.sql", format!("{SECOND}-- {}\n", "long ".repeat(17 << 18)));
    assert_snapshot!(sandbox.refuses(5, &["adopt"]).transcript);
}

#[test]
fn records_that_are_there_already() {
    let sandbox = strata();
    sandbox.run(&["stamp", "--only", "20240215_143000"]).exits(0);
    let mut said = vec![sandbox.refuses(6, &["adopt"]).transcript];
    let python = python();
    python.sql("CREATE TABLE dbwarden_migrations_python (anything TEXT)");
    said.push(python.refuses(6, &["adopt"]).transcript);
    // Recorded without being asked for, and taken away again.
    let begun = strata();
    begun.run(&["stamp", "--only", "20240215_143000"]).exits(0);
    begun.run(&["stamp", "base"]).exits(0);
    said.push(begun.refuses(6, &["adopt"]).transcript);
    assert_snapshot!(said.join("\n"));
}

/// As in a deployment that runs `adopt` before `migrate`.
#[test]
fn what_was_undone_since() {
    let sandbox = strata();
    sandbox.run(&["adopt"]).exits(0);
    let mut said = vec![sandbox.run(&["rollback"]).exits(0).transcript];
    said.push(sandbox.run(&["adopt"]).exits(0).transcript);
    let report = sandbox.run(&["adopt", "--json"]).exits(0).out;
    assert!(report.contains("\"undone\":[\"20240215_143001\"]"), "{report}");
    sandbox.run(&["rollback"]).exits(0);
    said.push(sandbox.run(&["adopt"]).exits(0).transcript);
    said.push(sandbox.run(&["migrate"]).exits(0).transcript);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_protected_database() {
    let sandbox = strata();
    sandbox.write(
        "warden.toml",
        "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\nprotected = true\n",
    );
    assert_snapshot!(sandbox.refuses(6, &["adopt"]).transcript);
    sandbox.run(&["adopt", "--yes"]).exits(0);
}
