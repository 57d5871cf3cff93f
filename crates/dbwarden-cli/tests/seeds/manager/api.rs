//! The manager's own calls, each by the library and by a command.

use dbwarden::ops::rollback::RollbackOptions;

use super::{IDS, REVISIONS, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    migrator(walk).migrate_to("def456").unwrap();
    looking(walk);
    changing(walk);
    records(walk);
}

fn looking(walk: &mut Walk) {
    walk.does("`MigrationManager()`", "`Migrator::builder(url).directory(\"migrations\").build()?`");
    let mut manager = migrator(walk);
    walk.does("`manager.get_current_revision()`", "`migrator.current()?`");
    assert_eq!(manager.current().unwrap(), [IDS[1].into()]);
    let ran = walk.types("`manager.get_current_revision()`", "dbwarden current");
    assert!(ran.out.contains("at def456a7b8c9, 1 pending"), "{}", ran.transcript);

    walk.does("`manager.get_head_revision()`", "`migrator.heads()?`");
    assert_eq!(manager.heads().unwrap(), [IDS[2].into()]);
    let ran = walk.types("`manager.get_head_revision()`", "dbwarden heads");
    assert!(ran.out.starts_with("123fedcba987 (head)"), "{}", ran.transcript);

    walk.does("`manager.get_pending_migrations()`", "`migrator.pending()?`");
    assert_eq!(manager.pending().unwrap(), [IDS[2].into()]);
    let ran = walk.types("`manager.get_pending_migrations()`", "dbwarden status");
    assert!(ran.out.contains("  pending  123fedcba987  create tags"), "{}", ran.transcript);

    walk.does("`manager.has_pending_migrations()`", "`migrator.has_pending()?`");
    assert!(manager.has_pending().unwrap());
    walk.types_to(
        3,
        "`manager.has_pending_migrations()`: exit code 3 where something is",
        "dbwarden status --check",
    );
}

fn changing(walk: &mut Walk) {
    let mut manager = migrator(walk);
    walk.does("`manager.run_migrations(target_revision=\"head\")`", "`migrator.migrate_to(\"head\")?`");
    assert_eq!(manager.migrate_to("head").unwrap().count(), 1);
    assert_eq!((tables(walk).as_str(), manager.has_pending().unwrap()), ("posts tags users", false));
    walk.types("`manager.has_pending_migrations()`: exit code 0 where nothing is", "dbwarden status --check");

    walk.does(
        "`manager.rollback_migration(target_revision=\"-1\", safety_check=True)`",
        "`migrator.rollback_to(\"-1\")?`; `rollback_with` takes `RollbackOptions`, such as `without_checks`",
    );
    manager.rollback_to("-1").unwrap();
    assert_eq!(tables(walk), "posts users");
    let options = RollbackOptions { target: Some("-1".parse().unwrap()), ..RollbackOptions::default() };
    assert!(!options.without_checks, "checks are on unless they are turned off");
    manager.rollback_with(&options).unwrap();
    assert_eq!(tables(walk), "users");
    walk.types("`manager.run_migrations(target_revision=\"head\")`", "dbwarden migrate --revision head");
    walk.types("`manager.rollback_migration(target_revision=\"-1\")`", "dbwarden rollback --revision -1");
    assert_eq!(tables(walk), "posts users");

    walk.not_yet(
        "`manager.create_migration(message=\"Add user fields\", autogenerate=True)`",
        "dbwarden revision --autogenerate -m \"Add user fields\"",
    );
    assert_eq!(std::fs::read_dir(walk.sandbox.path("migrations")).unwrap().count(), 3);
}

fn records(walk: &mut Walk) {
    let mut manager = migrator(walk);
    walk.does(
        "`manager.get_migration_history()`",
        "`migrator.survey()?`: its `set` of files and its `history`; `migrator.applied()?`",
    );
    let applied = manager.applied().unwrap();
    assert_eq!(applied.iter().map(|row| row.version.as_str()).collect::<Vec<_>>(), IDS[..2]);
    let survey = manager.survey().unwrap();
    let files: Vec<_> = survey.set.iter().map(|it| (it.id.as_str(), it.description.as_str())).collect();
    let all = ["create users", "create posts", "create tags"];
    assert_eq!(files, IDS.into_iter().zip(all).collect::<Vec<_>>());
    let ran = walk.types("`manager.get_migration_history()`", "dbwarden history");
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("def456a7b8c9 -> 123fedcba987 (head)") && lines[0].ends_with("not applied"),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("base -> abc123d4e5f6 ") && !lines[2].ends_with("not applied"), "{lines:?}");

    walk.does("`manager.verify_migrations()`", "`migrator.verify()?`: its `holds()` and `findings`");
    let verification = manager.verify().unwrap();
    assert!(verification.holds() && verification.files == 3 && verification.rows == 2, "{verification:?}");
    let ran = walk.types("`manager.verify_migrations()`", "dbwarden verify");
    assert!(ran.out.contains("files and records agree"), "{}", ran.transcript);

    walk.does("`manager.stamp_database(revision=\"head\")`", "`migrator.stamp(\"head\")?`");
    manager.stamp("head").unwrap();
    assert_eq!(
        (walk.database.versions(), tables(walk).as_str()),
        (IDS.map(str::to_owned).to_vec(), "posts users")
    );
    manager.stamp("def456").unwrap();
    assert_eq!(walk.database.versions(), IDS[..2]);
    walk.types("`manager.stamp_database(revision=\"head\")`", "dbwarden stamp head");
    assert_eq!(
        (walk.database.versions(), tables(walk).as_str()),
        (IDS.map(str::to_owned).to_vec(), "posts users")
    );
}
