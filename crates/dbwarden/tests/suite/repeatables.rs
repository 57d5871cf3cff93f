//! What runs again: always, or when it changed. Seeds run once.

use dbwarden::ops::migrate::MigrateOptions;
use testkit::on_every_database;

use crate::{LOG, code, log, migrate, migrate_to, migrate_with, rollback, rollback_to, status, steps};

const ALWAYS: (&str, &str) = ("RA__always.sql", "INSERT INTO log (what) VALUES ('always');\n");
const CHANGE: (&str, &str) = ("ROC__change.sql", "INSERT INTO log (what) VALUES ('change');\n");

on_every_database! {
    fn one_runs_always_the_other_when_it_changed(database) {
        database.write(&[LOG, ALWAYS, CHANGE]);
        assert_eq!(steps(&migrate(&database).unwrap()).len(), 3);
        assert_eq!(log(&database), ["always", "change"]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["RA__always"]);
        database.write(&[("ROC__change.sql", "-- a comment is no change\nINSERT INTO log (what) VALUES ('change');\n")]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["RA__always"]);
        database.write(&[("ROC__change.sql", "INSERT INTO log (what) VALUES ('changed');\n")]);
        assert_eq!(status(&database).pending_count, 1);
        assert_eq!(steps(&migrate(&database).unwrap()), ["RA__always", "ROC__change"]);
        assert_eq!(log(&database), ["always", "change", "always", "always", "always", "changed"]);
        assert_eq!(database.versions().len(), 3, "one row each");
    }

    fn they_wait_for_everything_that_is_versioned(database) {
        database.write(&[LOG, ("0002_second.sql", "INSERT INTO log (what) VALUES ('2');"), ALWAYS, CHANGE]);
        assert_eq!(steps(&migrate_to(&database, "0001").unwrap()), ["0001"]);
        assert!(log(&database).is_empty());
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002", "RA__always", "ROC__change"]);
    }

    fn one_that_always_runs_is_never_pending(database) {
        database.write(&[LOG, ALWAYS]);
        migrate(&database).unwrap();
        let status = status(&database);
        assert_eq!(status.pending_count, 0);
        assert_eq!(status.pending.len(), 1, "and is listed");
    }

    fn one_that_fails_has_no_row_and_runs_again(database) {
        database.write(&[LOG, ("ROC__change.sql", "INSERT INTO nowhere VALUES (1);")]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_eq!(database.versions(), ["0001"]);
        database.write(&[CHANGE]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["ROC__change"]);
    }

    fn a_changed_one_that_fails_keeps_the_row_of_its_last_run(database) {
        database.write(&[LOG, CHANGE]);
        migrate(&database).unwrap();
        let before = database.history();
        database.write(&[("ROC__change.sql", "INSERT INTO nowhere VALUES (1);")]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_eq!(database.history(), before);
    }

    fn one_outside_a_transaction_goes_on_where_it_stopped(database) {
        database.write(&[LOG, ("ROC__each.sql", "-- no-transaction\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO nowhere VALUES (1);\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        database.write(&[("ROC__each.sql", "-- no-transaction\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\n")]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2"]);
        // Changed behind its first run: it is applied, and stops in the middle again.
        database.write(&[("ROC__each.sql", "-- no-transaction\nINSERT INTO log (what) VALUES ('3');\nINSERT INTO nowhere VALUES (1);\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        database.write(&[("ROC__each.sql", "-- no-transaction\nINSERT INTO log (what) VALUES ('3');\nINSERT INTO log (what) VALUES ('4');\n")]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4"]);
        assert_eq!(database.journalled(), 0);
    }

    fn they_go_by_what_they_depend_on_then_by_name(database) {
        database.write(&[
            LOG,
            ("ROC__a.sql", "-- depends_on: [\"ROC__z\"]\nINSERT INTO log (what) VALUES ('a');\n"),
            ("ROC__b.sql", "INSERT INTO log (what) VALUES ('b');\n"),
            ("ROC__z.sql", "INSERT INTO log (what) VALUES ('z');\n"),
        ]);
        migrate(&database).unwrap();
        let found = log(&database);
        let place = |what: &str| found.iter().position(|found| found == what).unwrap();
        assert!(place("z") < place("a"), "{found:?}");
    }

    fn a_rollback_counts_versioned_ones_alone(database) {
        database.write(&[LOG, ("0002_second.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log;\n"), ALWAYS]);
        migrate(&database).unwrap();
        assert_eq!(steps(&rollback(&database).unwrap()), ["0002"]);
        assert_eq!(database.versions(), ["0001", "RA__always"]);
    }

    fn one_is_undone_alone_by_its_down_script(database) {
        let always = "INSERT INTO log (what) VALUES ('always');\n-- rollback\nDELETE FROM log WHERE what = 'always';\n";
        database.write(&[LOG, ("RA__always.sql", always), CHANGE]);
        migrate(&database).unwrap();
        let listed = status(&database).applied;
        assert_eq!(listed.iter().map(|line| line.row.version.as_str()).collect::<Vec<_>>(), ["0001", "RA__always", "ROC__change"]);
        assert_eq!(steps(&rollback_to(&database, "RA__always").unwrap()), ["RA__always"]);
        assert_eq!((log(&database), database.versions()), (vec!["change".to_owned()], vec!["0001".to_owned(), "ROC__change".to_owned()]));
        assert_eq!(code(rollback_to(&database, "ROC__change")), "irreversible", "it has no down script");
        assert_eq!(code(rollback_to(&database, "RA__always")), "unknown-revision", "it is not applied");
        assert_eq!(steps(&migrate(&database).unwrap()), ["RA__always"]);
    }

    fn one_that_is_half_undone_is_undone_to_its_end(database) {
        let half = "-- no-transaction\nINSERT INTO log (what) VALUES ('up');\n-- rollback\nINSERT INTO log (what) VALUES ('down');\nINSERT INTO nowhere VALUES (1);\n";
        let whole = half.replace("INSERT INTO nowhere VALUES (1)", "INSERT INTO log (what) VALUES ('gone')");
        for alone in [false, true] {
            database.write(&[LOG, ("0002_second.sql", "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log WHERE what = '2';\n"), ("ROC__each.sql", half)]);
            migrate(&database).unwrap();
            assert_eq!(code(rollback_to(&database, "base")), "sql");
            assert_eq!(code(migrate(&database)), "unfinished");
            database.write(&[("ROC__each.sql", &whole)]);
            let undone = if alone { rollback_to(&database, "ROC__each").unwrap() } else { rollback(&database).unwrap() };
            let (expected, left) = if alone { (vec!["ROC__each"], vec!["2", "up", "down", "gone"]) } else { (vec!["ROC__each", "0002"], vec!["up", "down", "gone"]) };
            assert_eq!(steps(&undone), expected);
            assert_eq!((log(&database), database.journalled()), (left.into_iter().map(str::to_owned).collect::<Vec<_>>(), 0));
            rollback_to(&database, "base").unwrap();
        }
    }

    fn a_seed_runs_once_where_its_version_puts_it(database) {
        database.write(&[
            LOG,
            ("0002_rows.sql", "-- seed\nINSERT INTO log (what) VALUES ('seed');\n"),
            ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');\n"),
        ]);
        migrate(&database).unwrap();
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["seed", "3"]);
    }

    fn seeds_are_left_out_where_that_is_asked_for(database) {
        let without = MigrateOptions { without_seeds: true, ..MigrateOptions::default() };
        database.write(&[
            LOG,
            ("0002_rows.sql", "-- seed\nINSERT INTO log (what) VALUES ('seed');\n"),
            ("0003_third.sql", "INSERT INTO log (what) VALUES ('3');\n"),
        ]);
        assert_eq!(steps(&migrate_with(&database, &without).unwrap()), ["0001", "0003"]);
        assert_eq!(log(&database), ["3"]);
        assert_eq!(steps(&migrate(&database).unwrap()), ["0002"], "and come when they are not");
    }
}
