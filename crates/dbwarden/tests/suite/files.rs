//! Files against records: ahead, gone, renamed, changed, reformatted, late.

use dbwarden::apply::run::Silent;
use dbwarden::migration::state::Selection;
use dbwarden::migration::state::Standing;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::ready::{Readiness, ready};
use dbwarden::ops::verify::{accept, verify};
use testkit::{Database, on_every_database};

use crate::{LOG, code, deployment, ids, log, migrate, migrate_with, status, steps};

fn three(database: &Database) {
    database.write(&[
        LOG,
        ("0002_second.sql", "INSERT INTO log (what) VALUES ('2');\n"),
        ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');\n"),
    ]);
    migrate(database).unwrap();
}

/// What `verify` finds, as codes; those that make it fail have a mark.
fn findings(database: &Database) -> Vec<String> {
    let found = verify(&mut deployment(database), None).unwrap().findings;
    found.iter().map(|one| format!("{}{}", one.code, if one.problem { "!" } else { "" })).collect()
}

on_every_database! {
    fn nothing_to_find(database) {
        three(&database);
        assert!(findings(&database).is_empty());
        assert_eq!(ready(&mut deployment(&database), &Selection::default()).unwrap(), Readiness::Ready);
    }

    fn a_database_that_is_ahead_is_no_error(database) {
        three(&database);
        database.remove("0003_third.sql");
        let report = migrate(&database).unwrap();
        assert_eq!((report.count(), ids(&report.ahead)), (0, vec!["0003"]));
        assert_eq!(ids(&status(&database).ahead), ["0003"]);
        assert_eq!(findings(&database), ["ahead"]);
        assert!(matches!(ready(&mut deployment(&database), &Selection::default()).unwrap(), Readiness::Ahead { .. }));
        let mut strict = deployment(&database);
        strict.settings.strict_ahead = true;
        assert_eq!(code(run(&mut strict, &MigrateOptions::default(), &mut Silent)), "ahead");
        // Pending on top of it: that is another line of history.
        database.write(&[("0004_other.sql", "INSERT INTO log (what) VALUES ('4');\n")]);
        assert_eq!(code(migrate(&database)), "ahead");
        assert_eq!(log(&database), ["2", "3"]);
    }

    fn a_file_that_is_gone_is_refused_until_it_is_accepted(database) {
        three(&database);
        database.remove("0002_second.sql");
        database.write(&[("0004_more.sql", "INSERT INTO log (what) VALUES ('4');\n")]);
        assert_eq!(ids(&status(&database).gone), ["0002"]);
        assert_eq!(code(migrate(&database)), "file-gone");
        assert!(findings(&database).contains(&"file-gone!".to_owned()), "{:?}", findings(&database));
        accept(&mut deployment(&database), "0002", "it was a mistake", &mut Silent).unwrap();
        let note = database.one("SELECT note FROM dbwarden_migrations WHERE version = '0002'");
        assert!(note.contains("it was a mistake") && note.contains('@'), "{note}");
        assert_eq!(steps(&migrate(&database).unwrap()), ["0004"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn a_file_under_another_id_is_refused_until_it_is_accepted(database) {
        three(&database);
        std::fs::rename(database.migrations().join("0003_third.sql"), database.migrations().join("0007_third.sql")).unwrap();
        assert_eq!(code(migrate(&database)), "renamed");
        let renamed = status(&database).renamed;
        assert_eq!((renamed[0].0.as_str(), renamed[0].1.as_str()), ("0003", "0007"));
        accept(&mut deployment(&database), "0007", "moved behind a merge", &mut Silent).unwrap();
        assert_eq!(database.versions(), ["0001", "0002", "0007"]);
        assert_eq!(migrate(&database).unwrap().count(), 0);
        assert_eq!(log(&database), ["2", "3"]);
    }

    fn a_changed_statement_is_refused_until_it_is_accepted(database) {
        three(&database);
        database.write(&[("0002_second.sql", "INSERT INTO log (what) VALUES ('two');\n")]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "changed");
        assert!(matches!(status(&database).applied[1].standing, Standing::Changed { .. }));
        assert_eq!(findings(&database), ["changed!"]);
        assert_eq!(code(accept(&mut deployment(&database), "0002", " ", &mut Silent)), "usage");
        accept(&mut deployment(&database), "0002", "both do the same", &mut Silent).unwrap();
        assert!(findings(&database).is_empty(), "{:?}", findings(&database));
        assert_eq!(migrate(&database).unwrap().count(), 0);
    }

    fn another_layout_is_a_note(database) {
        three(&database);
        database.write(&[("0002_second.sql", "-- two\r\nINSERT   INTO log (what)\r\nVALUES ('2');\r\n-- rollback\r\nDELETE FROM log;\r\n")]);
        assert_eq!(status(&database).applied[1].standing, Standing::Reformatted);
        assert_eq!(findings(&database), ["reformatted"]);
        assert_eq!(migrate(&database).unwrap().count(), 0);
    }

    fn an_unknown_kind_of_checksum_is_said(database) {
        three(&database);
        database.execute("UPDATE dbwarden_migrations SET checksum = 'v9:abc', file_hash = 'v9:abc' WHERE version = '0002'");
        assert_eq!(findings(&database), ["unverifiable!"]);
        database.write(&[("0004_more.sql", "INSERT INTO log (what) VALUES ('4');\n")]);
        let report = migrate(&database).unwrap();
        assert!(report.notes.iter().any(|note| note.contains("0002")), "{:?}", report.notes);
    }

    fn a_late_one_is_applied_with_a_note_or_refused(database) {
        database.write(&[LOG, ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');\n")]);
        migrate(&database).unwrap();
        database.write(&[("0002_late.sql", "INSERT INTO log (what) VALUES ('late');\n")]);
        assert_eq!(findings(&database), ["late"]);
        assert_eq!(code(migrate_with(&database, &MigrateOptions { strict: true, ..MigrateOptions::default() })), "late");
        assert_eq!(log(&database), ["3"]);
        let report = migrate(&database).unwrap();
        assert_eq!(steps(&report), ["0002"]);
        assert!(report.notes.iter().any(|note| note.contains("0002 is older than 0003")), "{:?}", report.notes);
        assert_eq!(database.versions(), ["0001", "0003", "0002"]);
    }

    fn counts_and_targets_that_do_not_fit_are_refused(database) {
        database.write(&[LOG]);
        for (count, target) in [(Some(0), None), (Some(2), None), (Some(1), Some("0001")), (None, Some("0009"))] {
            let options = MigrateOptions {
                count,
                target: target.map(|target: &str| target.parse().unwrap()),
                ..MigrateOptions::default()
            };
            assert!(migrate_with(&database, &options).is_err(), "{count:?} {target:?}");
            assert!(database.versions().is_empty());
        }
        let one = MigrateOptions { count: Some(1), ..MigrateOptions::default() };
        assert_eq!(steps(&migrate_with(&database, &one).unwrap()), ["0001"]);
    }

    fn behind_says_what_is_pending(database) {
        database.write(&[LOG, ("ROC__r.sql", "SELECT 1;\n")]);
        let Readiness::Behind { pending } = ready(&mut deployment(&database), &Selection::default()).unwrap() else { panic!("it is behind") };
        assert_eq!(ids(&pending), ["0001", "ROC__r"]);
        assert!(database.rows("SELECT * FROM dbwarden_migrations").is_empty());
    }
}
