//! Where things are, and what is always good.

use crate::sandbox::{Sandbox, listing};
use crate::walk::Walk;

use super::{REVISIONS, migrator, tables};

pub(super) fn chapter(walk: &mut Walk) {
    layout(walk);
    practices(walk);
}

fn layout(walk: &mut Walk) {
    walk.anew();
    // What is there is kept.
    walk.sandbox.migrations(&REVISIONS[..1]);
    let there = |walk: &Walk| {
        (
            walk.sandbox.read("warden.toml"),
            listing(&walk.sandbox.path("migrations")),
            listing(&walk.sandbox.path("")),
        )
    };
    let before = there(walk);
    walk.types("`alembic/versions/`, `alembic.ini`, `alembic/env.py`", "dbwarden init");
    assert!(there(walk) == before);
    // In an empty directory all of it is laid out, and runs.
    let fresh = Sandbox::empty();
    fresh.run(&["init"]).exits(0);
    assert_eq!(listing(&fresh.path("")), ["migrations", "warden.toml"]);
    assert_eq!(listing(&fresh.path("migrations")), ["0001_create_customers.sql"]);
    fresh.run(&["migrate"]).exits(0);
    assert_eq!(fresh.applied(), "0001");
    walk.does("`alembic/script.py.mako`", "`template = \"FILE\"` in `warden.toml`");
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}template = \"migration.sql\"\n"));
    walk.sandbox.write(
        "migration.sql",
        "-- {description}, for review by the database team\n\n-- upgrade\n\n-- rollback\n",
    );
    let ran = walk.runs("dbwarden new \"from the house\"").exits(0);
    let text = walk.sandbox.read(ran.out.trim());
    assert!(text.contains("-- from the house, for review by the database team\n"), "{text}");
}

fn practices(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    let ran = walk.types("migrations are reviewed before they run", "dbwarden migrate --dry-run");
    assert!(ran.out.contains("create tags") && tables(walk).is_empty(), "{}", ran.transcript);
    let ran = walk.types("their statements, as they would run", "dbwarden migrate --sql");
    assert!(ran.out.contains("CREATE TABLE tags") && tables(walk).is_empty(), "{}", ran.transcript);
    let ran = walk.types("a backup before migrations", "dbwarden migrate --with-backup");
    assert!(ran.out.contains("to go back: `dbwarden restore "), "{}", ran.transcript);
    assert_eq!(tables(walk), "posts tags users");
    let ran = walk.types("how long each migration took", "dbwarden history --json");
    for revision in ran.json()["databases"][0]["revisions"].as_array().unwrap() {
        assert!(revision["applied"]["duration_ms"].is_u64(), "{revision}");
    }
    walk.not_yet("each rollback is tested before it is deployed", "dbwarden verify --round-trip");
    walk.does(
        "each rollback is tested, in a test of the program",
        "`migrator.rollback_to(\"base\")?`, `migrator.migrate()?`",
    );
    let before = walk.database.snapshot();
    migrator(walk).rollback_to("base").unwrap();
    migrator(walk).migrate().unwrap();
    assert_eq!(walk.database.snapshot(), before);
}
