//! What to do when a migration fails, when one is stuck, and to begin anew.

use super::{IDS, REVISIONS, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    fails(walk);
    stuck(walk);
    reset(walk);
}

fn fails(walk: &mut Walk) {
    migrator(walk).migrate_to("abc123").unwrap();
    let (name, text) = REVISIONS[0];
    walk.sandbox.migration(name, text.replace("VARCHAR(100)", "VARCHAR(200)"));
    walk.does(
        "`results = manager.verify_migrations()`, `print(results)`",
        "`println!(\"{:?}\", migrator.verify()?.findings)`",
    );
    let verification = migrator(walk).verify().unwrap();
    assert!(!verification.holds());
    let findings: Vec<_> = verification.findings.iter().filter(|it| it.problem).collect();
    assert_eq!(
        (findings.len(), findings[0].code, findings[0].version.as_ref()),
        (1, "changed", Some(&IDS[0].into()))
    );
    let ran = walk.types_to(
        5,
        "`manager.verify_migrations()`: exit code 5 where something is wrong",
        "dbwarden verify",
    );
    assert!(
        ran.transcript.contains("VARCHAR(200)") || ran.transcript.contains("changed"),
        "{}",
        ran.transcript
    );

    walk.does("`get_db_manager().health_check()`", "`migrator.health()`: `is_healthy()`, `problems`");
    let health = migrator(walk).health();
    assert!(health.reachable && !health.is_healthy(), "{health:?}");
    assert_eq!(health.problems, ["abc123d4e5f6 was changed"]);
    walk.sandbox.migration(name, text);
    let health = migrator(walk).health();
    assert!(health.is_healthy() && health.pending == 2, "{health:?}");
    let ran = walk.types("`get_db_manager().health_check()`", "dbwarden doctor");
    for line in ["ok  database", "ok  records", "ok  lock"] {
        assert!(ran.out.contains(line), "{}", ran.transcript);
    }
}

fn stuck(walk: &mut Walk) {
    let (name, text) = REVISIONS[1];
    walk.sandbox
        .migration(name, text.replace("-- upgrade\n", "-- upgrade\nINSERT INTO nowhere VALUES (1);\n"));
    walk.runs("dbwarden migrate").exits(1);
    walk.does("`manager.stamp_database(revision=\"next_revision_id\")`", "`migrator.stamp(\"def456\")?`");
    migrator(walk).stamp("def456").unwrap();
    assert_eq!(
        (walk.database.versions(), tables(walk).as_str()),
        (IDS[..2].to_vec().iter().map(|id| (*id).to_owned()).collect(), "users")
    );
    migrator(walk).stamp("abc123").unwrap();
    walk.types("`manager.stamp_database(revision=\"next_revision_id\")`", "dbwarden stamp def456");
    // What comes behind it goes on.
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!((walk.database.versions().len(), tables(walk).as_str()), (3, "tags users"));
    migrator(walk).stamp("abc123").unwrap();
    walk.sandbox.migration(name, text);
    walk.database.execute("DROP TABLE tags");
    migrator(walk).migrate().unwrap();
}

fn reset(walk: &mut Walk) {
    let before = walk.database.snapshot();
    walk.does(
        "`rollback(target_revision=\"base\")`, `migrate(target_revision=\"head\")`",
        "`migrator.rollback_to(\"base\")?`, `migrator.migrate_to(\"head\")?`",
    );
    migrator(walk).rollback_to("base").unwrap();
    assert_eq!((tables(walk).as_str(), walk.database.versions().len()), ("", 0));
    migrator(walk).migrate_to("head").unwrap();
    assert_eq!(walk.database.snapshot(), before);
    walk.types("`rollback(target_revision=\"base\")`", "dbwarden rollback --revision base");
    assert_eq!((tables(walk).as_str(), walk.database.versions().len()), ("", 0));
    walk.types("`migrate(target_revision=\"head\")`", "dbwarden migrate --revision head");
    assert_eq!(
        (walk.database.snapshot(), walk.database.versions()),
        (before, IDS.map(str::to_owned).to_vec())
    );
}
