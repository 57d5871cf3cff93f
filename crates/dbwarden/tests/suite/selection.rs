//! Tags and environments: what is not asked for is listed, and holds back nothing.

use std::collections::BTreeSet;

use dbwarden::apply::run::Silent;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use testkit::{Database, on_every_database};

use crate::{LOG, ids, log, migrate, settings_in, status, steps};

fn files(database: &Database) {
    database.write(&[
        LOG,
        ("0002_demo.sql", "-- tags: demo, show\nINSERT INTO log (what) VALUES ('demo');\n"),
        ("0003_dev.sql", "-- environments: dev, staging\nINSERT INTO log (what) VALUES ('dev');\n"),
        ("0004_all.sql", "INSERT INTO log (what) VALUES ('all');\n"),
        ("ROC__demo.sql", "-- tags: demo\nINSERT INTO log (what) VALUES ('repeatable');\n"),
    ]);
}

fn tagged(tag: &str) -> MigrateOptions {
    MigrateOptions { tags: BTreeSet::from([tag.to_owned()]), ..MigrateOptions::default() }
}

on_every_database! {
    fn what_is_not_asked_for_holds_back_nothing(database) {
        files(&database);
        let report = migrate(&database).unwrap();
        assert_eq!(steps(&report), ["0001", "0004"]);
        assert_eq!(ids(&report.not_selected), ["0002", "0003"]);
        assert_eq!(log(&database), ["all"]);
        let status = status(&database);
        assert_eq!(status.pending_count, 0);
        assert_eq!(ids(&status.not_selected), ["0002", "0003"]);
    }

    fn a_tag_asks_for_it(database) {
        files(&database);
        let mut deployment = crate::deployment(&database);
        let report = run(&mut deployment, &tagged("demo"), &mut Silent).unwrap();
        assert_eq!(steps(&report), ["0001", "0002", "0004", "ROC__demo"]);
        assert_eq!(log(&database), ["demo", "all", "repeatable"]);
    }

    fn an_environment_asks_for_it_in_any_spelling(database) {
        files(&database);
        let mut deployment = Deployment::new(settings_in(&database, Some("development")));
        let report = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert_eq!(steps(&report), ["0001", "0003", "0004"]);
        let mut deployment = Deployment::new(settings_in(&database, Some("prod")));
        assert_eq!(run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap().count(), 0);
    }

    fn it_may_be_asked_for_later(database) {
        files(&database);
        migrate(&database).unwrap();
        let mut deployment = crate::deployment(&database);
        let report = run(&mut deployment, &tagged("show"), &mut Silent).unwrap();
        assert_eq!(steps(&report), ["0002"]);
        assert_eq!(log(&database), ["all", "demo"]);
    }

    fn a_target_that_is_not_asked_for_is_no_surprise(database) {
        files(&database);
        let report = crate::migrate_to(&database, "0003").unwrap();
        assert_eq!(steps(&report), ["0001"]);
    }
}
