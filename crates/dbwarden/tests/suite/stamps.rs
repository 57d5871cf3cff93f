//! The records are made to say something, without anything being run.

use dbwarden::Error;
use dbwarden::apply::run::Silent;
use dbwarden::ops::Report;
use dbwarden::ops::migrate::MigrateOptions;
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp as run};
use testkit::{Database, on_every_database};

use crate::{LOG, code, deployment, log, migrate, migrate_with, steps};

fn files(database: &Database) {
    database.write(&[
        LOG,
        ("0002_second.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log;\n"),
        ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');\n"),
    ]);
}

pub(crate) fn stamp(database: &Database, stamp: Stamp) -> Result<Report, Error> {
    run(&mut deployment(database), &StampOptions { stamp, dry_run: false, agreed: false }, &mut Silent)
}

pub(crate) fn exactly(target: &str) -> Stamp {
    Stamp::Exactly(target.parse().unwrap())
}

on_every_database! {
    fn a_revision_and_its_ancestors(database) {
        files(&database);
        assert_eq!(steps(&stamp(&database, exactly("0002")).unwrap()), ["0001", "0002"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert!(database.rows("SELECT * FROM log").is_empty(), "nothing was run");
        let notes = database.rows("SELECT note FROM dbwarden_migrations");
        assert!(notes.iter().all(|note| note.contains("stamped")), "{notes:?}");
        assert_eq!(database.one("SELECT count(*) FROM dbwarden_migrations WHERE down_script IS NOT NULL"), "2");
        stamp(&database, exactly("head")).unwrap();
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
        // Back: what is behind it is taken away.
        stamp(&database, exactly("0001")).unwrap();
        assert_eq!(database.versions(), ["0001"]);
        stamp(&database, exactly("base")).unwrap();
        assert!(database.versions().is_empty());
        assert_eq!(stamp(&database, exactly("base")).unwrap().count(), 0);
        assert_eq!(database.lock_owner(), "");
    }

    fn base_clears_repeatables_too(database) {
        files(&database);
        database.write(&[("ROC__r.sql", "INSERT INTO log (what) VALUES ('r');\n")]);
        migrate(&database).unwrap();
        stamp(&database, exactly("0001")).unwrap();
        assert_eq!(database.versions(), ["0001", "ROC__r"]);
        stamp(&database, exactly("base")).unwrap();
        assert!(database.versions().is_empty());
    }

    fn one_more_or_one_less(database) {
        files(&database);
        stamp(&database, Stamp::Add("0002".to_owned())).unwrap();
        assert_eq!(database.versions(), ["0002"]);
        stamp(&database, Stamp::Add("3".to_owned())).unwrap();
        assert_eq!(database.versions(), ["0002", "0003"]);
        stamp(&database, Stamp::Remove("0002".to_owned())).unwrap();
        assert_eq!(database.versions(), ["0003"]);
        assert_eq!(code(stamp(&database, Stamp::Remove("0002".to_owned()))), "usage");
        assert_eq!(code(stamp(&database, Stamp::Add("0009".to_owned()))), "unknown-revision");
        assert_eq!(database.versions(), ["0003"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn a_row_without_a_file_can_be_taken_away(database) {
        files(&database);
        migrate(&database).unwrap();
        database.remove("0003_third.sql");
        stamp(&database, Stamp::Remove("0003".to_owned())).unwrap();
        assert_eq!(database.versions(), ["0001", "0002"]);
    }

    fn a_baseline_records_and_the_next_run_goes_on(database) {
        files(&database);
        database.execute(&format!("CREATE TABLE log (id {}, what TEXT NOT NULL)", database.key()));
        let baseline = MigrateOptions {
            record_only: true,
            target: Some("0002".parse().unwrap()),
            ..MigrateOptions::default()
        };
        assert_eq!(steps(&migrate_with(&database, &baseline).unwrap()), ["0001", "0002"]);
        assert!(log(&database).is_empty());
        assert_eq!(steps(&migrate(&database).unwrap()), ["0003"]);
        assert_eq!(log(&database), ["3"]);
    }

    fn a_baseline_is_allowed_beside_another_tools_records(database) {
        files(&database);
        database.execute(&format!("CREATE TABLE log (id {}, what TEXT NOT NULL)", database.key()));
        database.execute("CREATE TABLE _migrations (version TEXT, description TEXT, applied_at TEXT)");
        assert_eq!(code(migrate(&database)), "foreign-records");
        let baseline = MigrateOptions { record_only: true, ..MigrateOptions::default() };
        migrate_with(&database, &baseline).unwrap();
        assert_eq!(migrate(&database).unwrap().count(), 0);
    }

    fn a_protected_database_asks_first(database) {
        files(&database);
        let mut protected = deployment(&database);
        protected.settings.protected = true;
        let mut options = StampOptions { stamp: exactly("head"), dry_run: false, agreed: false };
        assert_eq!(code(run(&mut protected, &options, &mut Silent)), "protected");
        assert!(database.versions().is_empty());
        options.agreed = true;
        run(&mut protected, &options, &mut Silent).unwrap();
        assert_eq!(database.versions().len(), 3);
    }
}
