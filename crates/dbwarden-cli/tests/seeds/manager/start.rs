//! The quick start: at start-up, status, to a revision, and back.

use dbwarden::startup::{Probe, Startup};

use super::{IDS, REVISIONS, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    at_start_up(walk);
    status(walk);
    forward(walk);
    back(walk);
}

fn at_start_up(walk: &mut Walk) {
    walk.sandbox.migrations(&REVISIONS[..1]);
    walk.does(
        "`init_database(auto_migrate=True)`",
        "`migrator.start(&probe)?` before the program takes requests; `probe` answers its health checks",
    );
    let probe = Probe::new();
    assert!(!probe.is_ready());
    let report = migrator(walk).start(&probe).unwrap();
    assert_eq!((report.count(), tables(walk).as_str()), (1, "users"));
    assert_eq!(probe.state(), Startup::Ready { applied: 1, current: vec![IDS[0].into()] });
    // A start with nothing to do writes nothing.
    let history = walk.database.rows("SELECT * FROM dbwarden_migrations");
    assert_eq!(migrator(walk).start(&Probe::new()).unwrap().count(), 0);
    assert_eq!(walk.database.rows("SELECT * FROM dbwarden_migrations"), history);

    walk.does(
        "`init_database(auto_migrate=True)` in several instances at once",
        "the same: one applies, the others wait for it",
    );
    walk.sandbox.migrations(&REVISIONS[1..2]);
    let shared: &Walk = walk;
    let applied: usize = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| migrator(shared).start(&Probe::new()))).collect();
        starts.into_iter().map(|start| start.join().unwrap().unwrap().count()).sum()
    });
    assert_eq!((applied, tables(walk).as_str()), (1, "posts users"));

    let ran = walk
        .types("`init_database(auto_migrate=True)`, done before the program is started", "dbwarden migrate");
    assert!(ran.out.contains("nothing to do, at def456a7b8c9 (head)"), "{}", ran.transcript);
}

fn status(walk: &mut Walk) {
    walk.sandbox.migrations(&REVISIONS[2..]);
    walk.does(
        "`get_migration_status()`: `current_revision`, `head_revision`, `pending_migrations`",
        "`migrator.status()?`: its `current`, `heads`, `pending`",
    );
    let status = migrator(walk).status().unwrap();
    assert_eq!((status.current, status.heads), (vec![IDS[1].into()], vec![IDS[2].into()]));
    assert_eq!(status.pending.iter().map(|line| line.version.as_str()).collect::<Vec<_>>(), [IDS[2]]);
    let ran = walk.types("`get_migration_status()`", "dbwarden status --json");
    let status = &ran.json()["databases"][0];
    assert_eq!((&status["current"][0], &status["heads"][0]), (&IDS[1].into(), &IDS[2].into()));
    assert_eq!(status["pending"][0]["version"], IDS[2]);
}

fn forward(walk: &mut Walk) {
    walk.does("`migrate(auto_run=True)`", "`migrator.migrate()?`");
    assert_eq!(migrator(walk).migrate().unwrap().count(), 1);
    assert_eq!(walk.database.versions(), IDS);
    assert_eq!(tables(walk), "posts tags users");
    migrator(walk).rollback_to("base").unwrap();
    walk.types("`migrate(auto_run=True)`", "dbwarden migrate");
    assert_eq!(tables(walk), "posts tags users");

    migrator(walk).rollback_to("base").unwrap();
    walk.does(
        "`migrate(target_revision=\"abc123\", auto_run=True)`",
        "`migrator.migrate_to(\"abc123\")?`; the beginning of an id is enough",
    );
    assert_eq!(migrator(walk).migrate_to("abc123").unwrap().count(), 1);
    assert_eq!((walk.database.versions(), tables(walk).as_str()), (vec![IDS[0].to_owned()], "users"));
    migrator(walk).rollback_to("base").unwrap();
    walk.types("`migrate(target_revision=\"abc123\", auto_run=True)`", "dbwarden migrate --revision abc123");
    assert_eq!(tables(walk), "users");
    // What another target is, is told before anything is done.
    let error = migrator(walk).migrate_to("abc124").unwrap_err();
    assert_eq!((error.code(), tables(walk).as_str()), ("unknown-revision", "users"), "{error}");
}

fn back(walk: &mut Walk) {
    let steps = [("-1", "posts users"), ("abc123", "users"), ("base", "")];
    let written = |target: &str| {
        (
            format!("`rollback(target_revision=\"{target}\")`"),
            format!("`migrator.rollback_to(\"{target}\")?`"),
        )
    };
    migrator(walk).migrate().unwrap();
    for (target, left) in steps {
        let (call, here) = written(target);
        walk.does(&call, &here);
        migrator(walk).rollback_to(target).unwrap();
        assert_eq!(tables(walk), left, "{target}");
    }
    migrator(walk).migrate().unwrap();
    for (target, left) in steps {
        walk.types(&written(target).0, &format!("dbwarden rollback --revision {target}"));
        assert_eq!(tables(walk), left, "{target}");
    }
    assert_eq!(walk.database.versions().len(), 0);
}
