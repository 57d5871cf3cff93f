//! Tests of migrations.

use dbwarden::Migrator;
use dbwarden::migration::rust::RustMigration;
use rusqlite::Connection;
use testkit::Engine;

use super::{INDEXES, PREFERENCES, VERSIONS, preferences, project};
use crate::program::{columns, has_table, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    preferences(walk);
    walk.does(
        "a test of one revision: `command.upgrade(cfg, \"f6e5d4c3b2a1\")`, `inspect(engine).get_table_names()`, `command.upgrade(cfg, \"a1b2c3d4e5f6\")`, \
         `command.downgrade(…)`",
        "`migrator.migrate_to(\"f6e5d4c3b2a1\")?`, a look by the application's own driver, `migrate_to(\"a1b2c3d4e5f6\")?`, `rollback_to(…)?`",
    );
    let mut migrator = migrator_of(walk, VERSIONS).build().unwrap();
    migrator.migrate_to(INDEXES).unwrap();
    assert!(!has_table(walk, "preferences"));
    migrator.migrate_to(PREFERENCES).unwrap();
    let expected = ["id", "token_id", "theme", "notifications_enabled", "created_at"];
    assert_eq!(columns(walk, "preferences"), expected);
    migrator.rollback_to(INDEXES).unwrap();
    assert!(!has_table(walk, "preferences"));

    if walk.does_on(
        Engine::Sqlite,
        "`create_engine(\"sqlite:///:memory:\")`",
        "`Migrator::on(&mut connection)` with the application's own `Connection::open_in_memory()?`",
    ) {
        let mut connection = Connection::open_in_memory().unwrap();
        let there = |connection: &Connection| connection.table_exists(None, "preferences").unwrap();
        let directory = walk.sandbox.path(VERSIONS);
        for (target, expected) in [(INDEXES, false), (PREFERENCES, true)] {
            Migrator::on(&mut connection).directory(&directory).build().unwrap().migrate_to(target).unwrap();
            assert_eq!(there(&connection), expected, "{target}");
        }
        Migrator::on(&mut connection).directory(&directory).build().unwrap().rollback_to(INDEXES).unwrap();
        assert!(!there(&connection));
    }
    walk.not_yet("both ways of every revision, on a scratch database", "dbwarden verify --round-trip");

    walk.does(
        "a test with data: insert, `run_migrations()`, look whether the row is as it was",
        "the same, with `migrator.migrate()?` or `dbwarden upgrade`",
    );
    walk.database.execute("INSERT INTO tokens (hash, balance) VALUES ('test', 1000)");
    let kinds = RustMigration::new("c3d4e5f6a7b8", "add key type", |work| {
        Ok(work.run("ALTER TABLE tokens ADD COLUMN key_type TEXT NOT NULL DEFAULT 'standard'")?)
    })
    .after([PREFERENCES]);
    assert_eq!(migrator_of(walk, VERSIONS).rust(kinds).build().unwrap().migrate().unwrap().count(), 2);
    assert_eq!(
        walk.database.rows("SELECT balance, key_type FROM tokens WHERE hash = 'test'"),
        ["1000|standard"]
    );
}
