//! Alembic's own commands.

use super::{INDEXES, INITIAL, PREFERENCES, preferences, project, revision};
use crate::program::has_table;
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    preferences(walk);
    revision(
        walk,
        "b2c3d4e5f6a7",
        PREFERENCES,
        "add_user_preferences",
        "CREATE TABLE themes (id INTEGER);",
        "DROP TABLE themes;",
    );
    running(walk);
    status(walk);
    rolling_back(walk);
}

fn running(walk: &mut Walk) {
    let ran = walk.types("`make db-upgrade`", "dbwarden upgrade");
    assert!(ran.out.contains("applied 4"), "{}", ran.transcript);
    assert_eq!(walk.database.versions().len(), 4);
    walk.runs("dbwarden downgrade base").exits(0);
    walk.types("`alembic upgrade a1b2c3d4e5f6`", "dbwarden upgrade a1b2c3d4e5f6");
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES, PREFERENCES]);
    assert!(has_table(walk, "preferences") && !has_table(walk, "themes"));
    walk.types("`alembic upgrade +1`", "dbwarden upgrade +1");
    assert_eq!(walk.database.versions().len(), 4);
    walk.runs("dbwarden downgrade base").exits(0);
    walk.runs("dbwarden upgrade +1").exits(0);
    assert_eq!(walk.database.versions(), [INITIAL]);
}

fn status(walk: &mut Walk) {
    walk.runs("dbwarden upgrade head").exits(0);
    let ran = walk.types("`make db-current`: `b2c3d4e5f6a7 (head)`", "dbwarden current");
    assert!(ran.out.contains("at b2c3d4e5f6a7 (head)"), "{}", ran.transcript);
    let ran = walk.types(
        "`make db-history`: `a1b2c3d4e5f6 -> b2c3d4e5f6a7 (head), …`, newest first",
        "dbwarden history",
    );
    let lines: Vec<_> = ran.out.lines().map(|line| line.split("  ").next().unwrap()).collect();
    let expected = [
        "a1b2c3d4e5f6 -> b2c3d4e5f6a7 (head)",
        "f6e5d4c3b2a1 -> a1b2c3d4e5f6",
        "e5d4c3b2a1f6 -> f6e5d4c3b2a1",
        "base -> e5d4c3b2a1f6",
    ];
    assert_eq!(lines, expected, "{}", ran.transcript);
    assert!(ran.out.contains("add user preferences"), "{}", ran.transcript);
}

fn rolling_back(walk: &mut Walk) {
    walk.types("`make db-downgrade`", "dbwarden downgrade");
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES, PREFERENCES]);
    assert!(!has_table(walk, "themes"));
    walk.types("`alembic downgrade f6e5d4c3b2a1`", "dbwarden downgrade f6e5d4c3b2a1");
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES]);
    assert!(!has_table(walk, "preferences"));
    walk.types("`make db-downgrade`, as Alembic has it: `alembic downgrade -1`", "dbwarden downgrade -1");
    assert_eq!(walk.database.versions(), [INITIAL]);
    walk.types("`alembic downgrade base`", "dbwarden downgrade base");
    assert!(walk.database.versions().is_empty() && !has_table(walk, "tokens"));
}
