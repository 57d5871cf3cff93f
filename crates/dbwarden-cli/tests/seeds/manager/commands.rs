//! The commands, and the tests.

use std::process::Command;

use super::{builder, tables};
use crate::sandbox::Ran;
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    commands(walk);
    tests(walk);
    in_isolation(walk);
}

/// A project whose files have an id of their own in a header, as a script of Python has.
fn commands(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(&[
        ("abc123_create_users.sql", "-- revision: abc123\n-- down_revision: none\n-- upgrade\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE users;\n"),
        ("def456_create_posts.sql", "-- revision: def456\n-- down_revision: abc123\n-- upgrade\nCREATE TABLE posts (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE posts;\n"),
    ]);
    walk.types(
        "`python -m core.migration_manager migrate --revision abc123`",
        "dbwarden migrate --revision abc123",
    );
    assert_eq!((tables(walk).as_str(), walk.database.versions()), ("users", vec!["abc123".to_owned()]));
    walk.types("`python -m core.migration_manager migrate`", "dbwarden migrate");
    assert_eq!((tables(walk).as_str(), walk.database.versions().len()), ("posts users", 2));
    walk.types("`python -m core.migration_manager rollback`", "dbwarden rollback");
    assert_eq!(tables(walk), "users");
    walk.runs("dbwarden migrate").exits(0);
    walk.types(
        "`python -m core.migration_manager rollback --revision abc123`",
        "dbwarden rollback --revision abc123",
    );
    assert_eq!((tables(walk).as_str(), walk.database.versions()), ("users", vec!["abc123".to_owned()]));

    let is_empty = |walk: &Walk, ran: &Ran| {
        let path = ran.out.trim();
        let text = walk.sandbox.read(path);
        assert!(text.contains("-- down_revision: def456\n") && text.contains("-- upgrade\n\n\n"), "{text}");
        walk.sandbox.remove(path);
        ran.err.lines().find(|line| line.starts_with("note: ")).unwrap_or_default().to_owned()
    };
    let line = "dbwarden create \"Add user fields\"";
    walk.does(
        "`python -m core.migration_manager create \"Add user fields\"`",
        &format!("`{line}`: an empty migration, which says so; comparing models comes with a later version"),
    );
    let ran = walk.runs(line).exits(0);
    assert_eq!(is_empty(walk, &ran), "note: no models are set, so this migration is empty");
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}models = [\"app/models.py\"]\n"));
    let ran = walk.runs(line).exits(0);
    assert!(is_empty(walk, &ran).contains("comes with a later version"), "{}", ran.transcript);
    let ran = walk.types(
        "`python -m core.migration_manager create \"Custom migration\" --no-autogenerate`",
        "dbwarden create \"Custom migration\" --no-autogenerate",
    );
    assert_eq!(is_empty(walk, &ran), "");
    walk.sandbox.write("warden.toml", settings);

    let ran = walk.types("`python -m core.migration_manager status`", "dbwarden status");
    assert!(ran.out.contains("at abc123, 1 pending"), "{}", ran.transcript);
    assert!(ran.out.contains("  applied  abc123  create users"), "{}", ran.transcript);
    assert!(ran.out.contains("  pending  def456  create posts"), "{}", ran.transcript);
    let ran = walk.types("`python -m core.migration_manager history`", "dbwarden history");
    assert!(
        ran.out.starts_with("abc123 -> def456 (head)  create posts  not applied\n"),
        "{}",
        ran.transcript
    );
    assert!(ran.out.contains("base -> abc123"), "{}", ran.transcript);
}

/// Runs tests of this very program by their names, as `cargo test` does.
fn tests(walk: &mut Walk) {
    walk.does("`pytest core/test_migration_manager.py -v`", "`cargo test migrations`");
    let ran = cargo_test(&["manager::commands::migrations::"]);
    assert!(ran.contains("2 passed"), "{ran}");
    walk.does(
        "`pytest core/test_migration_manager.py::TestMigrationManager::test_run_migrations -v`",
        "`cargo test migrations::run`",
    );
    let ran = cargo_test(&["manager::commands::migrations::run", "--exact"]);
    assert!(ran.contains("1 passed"), "{ran}");
}

#[track_caller]
fn cargo_test(arguments: &[&str]) -> String {
    let ran = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}");
    said
}

fn in_isolation(walk: &mut Walk) {
    walk.does(
        "a fixture with a `MigrationManager()` of its own, and a test that takes it",
        "`Migrator::builder(\"sqlite:///…\")` on a file of the test's own, or `Migrator::on(&mut connection)` in memory; \
         [`fresh.rs`](../../../examples/service/tests/fresh.rs) migrates once and copies",
    );
    walk.anew();
    let texts = migrations::FILES.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut isolated = builder(walk).texts(texts).build().unwrap();
    isolated.migrate().unwrap();
    assert_eq!(walk.database.rows("SELECT name FROM users"), ["ada"]);
    isolated.rollback_to("base").unwrap();
    assert_eq!(tables(walk), "");
}

/// What a program has in `tests/migrations.rs`.
mod migrations {
    use dbwarden::Migrator;
    use rusqlite::Connection;

    pub(super) const FILES: [(&str, &str); 2] = [
        (
            "0001_users.sql",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n-- rollback\nDROP TABLE users;\n",
        ),
        (
            "0002_ada.sql",
            "INSERT INTO users VALUES (1, 'ada');\n-- rollback\nDELETE FROM users WHERE id = 1;\n",
        ),
    ];

    fn migrator(connection: &mut Connection) -> Migrator<'_> {
        let texts = FILES.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Migrator::on(connection).texts(texts).build().unwrap()
    }

    fn names(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM users").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn run() {
        let mut connection = Connection::open_in_memory().unwrap();
        let report = migrator(&mut connection).migrate().unwrap();
        assert_eq!((report.count(), names(&connection)), (2, vec!["ada".to_owned()]));
    }

    #[test]
    fn are_undone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrator(&mut connection).migrate().unwrap();
        migrator(&mut connection).rollback().unwrap();
        assert!(names(&connection).is_empty());
        migrator(&mut connection).rollback_to("base").unwrap();
        assert!(connection.prepare("SELECT name FROM users").is_err());
    }
}
