//! Seeds by themselves.

use dbwarden::Error;
use dbwarden::apply::run::Silent;
use dbwarden::ops::Report;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use dbwarden::ops::seed::seeds;
use testkit::{Database, on_every_database};

use crate::{LOG, code, deployment, log, migrate, migrate_to, steps};

fn apply(database: &Database, tags: &[&str]) -> Result<Report, Error> {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    let options = MigrateOptions { seeds_only: true, tags, ..MigrateOptions::default() };
    run(&mut deployment(database), &options, &mut Silent)
}

fn undo(database: &Database, count: Option<u64>) -> Result<Report, Error> {
    let options = RollbackOptions { seeds_only: true, count, ..RollbackOptions::default() };
    back(&mut deployment(database), &options, &mut Silent)
}

const FILES: &[(&str, &str)] = &[
    LOG,
    (
        "0002_types.sql",
        "-- seed\nINSERT INTO log (what) VALUES ('types');\n-- rollback\nDELETE FROM log WHERE what = 'types';\n",
    ),
    ("0003_more.sql", "CREATE TABLE more (x INTEGER);\n-- rollback\nDROP TABLE more;\n"),
    (
        "0004_demo.sql",
        "-- seed\n-- tags: demo\nINSERT INTO log (what) VALUES ('demo');\n-- rollback\nDELETE FROM log WHERE what = 'demo';\n",
    ),
    ("ROC__views.sql", "INSERT INTO log (what) VALUES ('roc');\n"),
];

on_every_database! {
    fn they_are_applied_and_undone_while_all_else_stays(database) {
        database.write(FILES);
        let without = MigrateOptions { without_seeds: true, ..MigrateOptions::default() };
        run(&mut deployment(&database), &without, &mut Silent).unwrap();
        assert_eq!((database.versions(), log(&database)), (vec!["0001".to_owned(), "0003".to_owned(), "ROC__views".to_owned()], vec!["roc".to_owned()]));
        assert_eq!(steps(&apply(&database, &[]).unwrap()), ["0002"]);
        assert_eq!(steps(&apply(&database, &["demo"]).unwrap()), ["0004"]);
        assert_eq!(apply(&database, &["demo"]).unwrap().count(), 0);
        let lines = seeds(&mut deployment(&database), &[].into()).unwrap();
        let said: Vec<_> = lines.iter().map(|seed| (seed.version.as_str(), seed.applied_at.is_some(), seed.selected)).collect();
        assert_eq!(said, [("0002", true, true), ("0004", true, false)]);
        assert_eq!(code(undo(&database, Some(3))), "count");
        assert_eq!(steps(&undo(&database, None).unwrap()), ["0004"]);
        assert_eq!(steps(&undo(&database, Some(1)).unwrap()), ["0002"]);
        assert_eq!(log(&database), ["roc"]);
        assert_eq!(migrate(&database).unwrap().count(), 1, "the seed alone: what runs on change did not change");
        assert_eq!(code(undo(&database, Some(0))), "count");
    }

    fn one_that_stands_on_what_is_pending_waits(database) {
        database.write(FILES);
        migrate_to(&database, "0001").unwrap();
        let error = apply(&database, &["demo"]).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), ("seed-waits", "the seed 0004 comes after 0003, which is not applied"));
        let first = MigrateOptions { seeds_only: true, count: Some(1), ..MigrateOptions::default() };
        assert_eq!(steps(&run(&mut deployment(&database), &first, &mut Silent).unwrap()), ["0002"]);
        assert_eq!(log(&database), ["types"]);
    }
}
