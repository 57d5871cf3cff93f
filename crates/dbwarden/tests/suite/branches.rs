//! Branches: heads that touch different objects are gone on to, others want a merge; and a merge that runs nothing is a migration
//! like any other.

use dbwarden::migration::graph::Target;
use dbwarden::ops::merge::{MergeOptions, merge};
use dbwarden::ops::migrate::MigrateOptions;
use dbwarden::ops::script::script;
use dbwarden::ops::verify::verify;
use testkit::{Database, Engine, on_every_database};

use crate::{
    LOG, code, deployment, ids, log, migrate, migrate_to, migrate_with, rollback, rollback_to, status, steps,
};

fn branches(database: &Database) {
    database.write(&[
        LOG,
        (
            "0002_a.sql",
            "-- down_revision: 0001\n-- branch: left\nCREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n",
        ),
        ("0003_b.sql", "-- down_revision: 0001\nCREATE TABLE b (id INTEGER);\n-- rollback\nDROP TABLE b;\n"),
    ]);
}

fn joined(database: &Database) {
    branches(database);
    let merged = merge(&deployment(database), &MergeOptions::default()).unwrap();
    assert_eq!(ids(&merged.heads), ["0002", "0003"]);
    assert!(merged.clashes.is_empty(), "{:?}", merged.clashes);
    let created = merged.created.unwrap();
    assert_eq!(created.version.as_str(), "0004");
    assert!(created.path.ends_with("0004_merge_0002_0003.sql"), "{}", created.path.display());
    // There is one head now.
    let again = merge(&deployment(database), &MergeOptions::default()).unwrap();
    assert_eq!((again.created, ids(&again.heads)), (None, vec!["0004"]));
}

on_every_database! {
    fn a_merge_is_applied_rolled_back_and_stamped(database) {
        joined(&database);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0001", "0002", "0003", "0004"]);
        assert_eq!(database.versions(), ["0001", "0002", "0003", "0004"]);
        assert_eq!(database.one("SELECT statements FROM dbwarden_migrations WHERE version = '0004'"), "0");
        assert_eq!(ids(&status(&database).current), ["0004"]);
        assert!(status(&database).at_head);
        assert!(verify(&mut deployment(&database), None).unwrap().holds());
        assert_eq!(migrate(&database).unwrap().count(), 0);
        assert_eq!(steps(&rollback(&database).unwrap()), ["0004"]);
        assert_eq!(ids(&status(&database).current), ["0002", "0003"]);
        // Of two that are current the one goes that was applied last, and it is said which.
        let report = rollback(&database).unwrap();
        assert_eq!(steps(&report), ["0003"]);
        assert!(report.notes.iter().any(|note| note.contains("0003, which was applied last")), "{:?}", report.notes);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003", "0004"]);
        assert_eq!(steps(&rollback_to(&database, "0002").unwrap()), ["0004"]);
        crate::stamps::stamp(&database, crate::stamps::exactly("0004")).unwrap();
        assert_eq!(database.versions(), ["0001", "0002", "0003", "0004"]);
        crate::stamps::stamp(&database, crate::stamps::exactly("-1")).unwrap();
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
        crate::stamps::stamp(&database, crate::stamps::exactly("+1")).unwrap();
        assert_eq!(database.versions(), ["0001", "0002", "0003", "0004"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn a_merge_without_its_file_is_rolled_back(database) {
        joined(&database);
        migrate(&database).unwrap();
        database.remove("0004_merge_0002_0003.sql");
        assert_eq!(steps(&rollback(&database).unwrap()), ["0004"]);
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
    }

    fn a_merge_with_statements_runs_them(database) {
        branches(&database);
        database.write(&[(
            "0004_both.sql",
            "-- down_revision: [\"0002\", \"0003\"]\nINSERT INTO log (what) VALUES ('both');\n-- rollback\nDELETE FROM log;\n",
        )]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["both"]);
        assert_eq!(steps(&rollback(&database).unwrap()), ["0004"]);
        assert!(log(&database).is_empty());
    }

    fn different_objects_need_no_merge(database) {
        branches(&database);
        let report = migrate(&database).unwrap();
        assert_eq!(steps(&report), ["0001", "0002", "0003"]);
        let said = "0002 and 0003 touch different objects, so no merge is needed";
        assert!(report.notes.iter().any(|note| note == said), "{:?}", report.notes);
        assert!(report.at_head);
        // Nothing is to be done: nothing is looked at, nothing said.
        assert!(migrate(&database).unwrap().notes.is_empty());
    }

    fn being_strict_wants_a_merge(database) {
        branches(&database);
        let strict = MigrateOptions { strict: true, ..MigrateOptions::default() };
        assert_eq!(code(migrate_with(&database, &strict)), "heads");
        assert!(database.versions().is_empty());
        let all = MigrateOptions { target: Some(Target::Heads), ..strict };
        assert_eq!(steps(&migrate_with(&database, &all).unwrap()), ["0001", "0002", "0003"]);
    }

    fn the_same_object_wants_a_merge(database) {
        branches(&database);
        database.write(&[("0005_c.sql", "-- down_revision: 0002\nALTER TABLE b ADD COLUMN more INTEGER;\n")]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "heads");
        assert!(error.to_string().contains("both change the table b: 0003"), "{error}");
        assert!(database.versions().is_empty());
        // Also where one of the two is applied already.
        migrate_to(&database, "0003").unwrap();
        assert_eq!(code(migrate(&database)), "heads");
        assert_eq!(database.versions(), ["0001", "0003"]);
        let merged = merge(&deployment(&database), &MergeOptions::default()).unwrap();
        assert_eq!(merged.clashes.len(), 1, "{:?}", merged.clashes);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002", "0005", "0006"]);
    }

    fn a_script_of_a_merge_has_its_row(database) {
        joined(&database);
        let mut text = Vec::new();
        script(&deployment(&database), &MigrateOptions::default(), None, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let merge = text.split("-- 0004 merge").nth(1).unwrap();
        assert!(merge.contains("'0004'") && merge.contains("INSERT INTO"), "{merge}");
    }

    fn a_merge_goes_into_one_transaction_with_others(database) {
        joined(&database);
        let shared = MigrateOptions { single_transaction: true, ..MigrateOptions::default() };
        let outcome = migrate_with(&database, &shared);
        // Where schema changes commit by themselves there is no such transaction.
        if matches!(database.engine(), Engine::Mariadb | Engine::Cockroach | Engine::Scripted) {
            assert_eq!(code(outcome), "single-transaction");
            assert!(database.versions().is_empty(), "{:?}", database.versions());
        } else {
            outcome.unwrap();
            assert_eq!(database.versions(), ["0001", "0002", "0003", "0004"]);
        }
    }
}
