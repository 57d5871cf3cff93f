//! Migrations when the service starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use dbwarden::startup::Probe;

use super::{VERSIONS, preferences, project};
use crate::program::{has_table, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    walk.does(
        "`run_migrations()` in the service's `lifespan`, then `init_db()`",
        "`migrator.start(&probe)?` before the service answers; `probe.is_ready()` is its `/readyz`",
    );
    let probe = Probe::new();
    let mut migrator = migrator_of(walk, VERSIONS).build().unwrap();
    assert!(!probe.is_ready());
    assert_eq!(migrator.start(&probe).unwrap().count(), 2);
    assert!(probe.is_ready() && has_table(walk, "tokens"));

    walk.does(
        "the database is always up to date",
        "the same: what a new release brings is applied when it starts",
    );
    preferences(walk);
    assert!(!migrator.ready().unwrap().is_ready());
    assert_eq!(migrator.start(&probe).unwrap().count(), 1);
    assert!(has_table(walk, "preferences"));

    walk.does(
        "no downtime: a new instance starts beside the old ones",
        "any number may start at once: one migrates, the others wait for it, and each migration runs once",
    );
    walk.runs("dbwarden downgrade base").exits(0);
    let (applied, url) = (AtomicUsize::new(0), walk.database.url());
    let directory = walk.sandbox.path(VERSIONS);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let probe = Probe::new();
                let mut replica = dbwarden::Migrator::builder(&url).directory(&directory).build().unwrap();
                applied.fetch_add(replica.start(&probe).unwrap().count(), Ordering::SeqCst);
                assert!(probe.is_ready());
            });
        }
    });
    assert_eq!((applied.into_inner(), walk.database.versions().len()), (3, 3));

    walk.does(
        "idempotent: may run several times",
        "the same: nothing pending takes no lock and writes nothing",
    );
    let before = (walk.database.snapshot(), walk.database.history());
    let ran = walk.runs("dbwarden upgrade head").exits(0);
    assert!(ran.out.contains("nothing to do"), "{}", ran.transcript);
    assert_eq!((walk.database.snapshot(), walk.database.history()), before);
}
