//! Part-done migrations: they are named, and go on where they stopped.

use testkit::{Database, on_every_database};

use crate::{LOG, code, log, migrate, rollback, rollback_to, status, steps};

const EACH: &str = "-- no-transaction\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\n\
                    INSERT INTO nowhere VALUES ('3');\nINSERT INTO log (what) VALUES ('4');\n\
                    INSERT INTO log (what) VALUES ('5');\n";

/// A database that has stopped at the third statement of five.
fn stopped(database: &Database) {
    database.write(&[LOG, ("0002_each.sql", EACH)]);
    assert_eq!(code(migrate(database)), "sql");
    assert_eq!(log(database), ["1", "2"]);
}

fn mended() -> String {
    EACH.replace("INTO nowhere VALUES ('3')", "INTO log (what) VALUES ('3')")
}

on_every_database! {
    fn status_says_how_far_it_came_and_why_it_stopped(database) {
        stopped(&database);
        let status = status(&database);
        let unfinished = &status.unfinished[0];
        assert_eq!(unfinished.unfinished.version.as_str(), "0002");
        assert_eq!((unfinished.done, unfinished.total), (2, Some(5)));
        let failed = unfinished.unfinished.units.last().unwrap();
        assert_eq!((failed.first, failed.state.as_str()), (3, "failed"));
        assert!(failed.error.as_ref().unwrap().contains("nowhere"), "{failed:?}");
        assert_eq!(status.pending_count, 1, "it is pending still");
        assert_eq!(database.versions(), ["0001"]);
    }

    fn statements_behind_the_last_one_done_may_be_edited(database) {
        stopped(&database);
        database.write(&[("0002_each.sql", &(mended() + "INSERT INTO log (what) VALUES ('6');\n"))]);
        let report = migrate(&database).unwrap();
        assert_eq!(steps(&report), ["0002"]);
        assert_eq!((report.steps[0].resumed_from, report.steps[0].statements), (2, 6));
        assert_eq!(log(&database), ["1", "2", "3", "4", "5", "6"]);
        assert_eq!(database.journalled(), 0);
    }

    fn it_goes_on_also_where_the_file_asks_for_one_transaction_now(database) {
        stopped(&database);
        database.write(&[("0002_each.sql", &mended().replace("-- no-transaction\n", ""))]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4", "5"]);
        assert_eq!(database.journalled(), 0);
    }

    fn comments_and_layout_are_no_edit(database) {
        stopped(&database);
        database.write(&[("0002_each.sql", &mended().replace("VALUES ('1')", "-- the first\n  VALUES\n('1')"))]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4", "5"]);
    }

    fn an_edited_statement_that_has_run_is_named(database) {
        stopped(&database);
        for (edited, number) in [
            (mended().replace("('1')", "('one')"), 1),
            (mended().replace("('2')", "('two')"), 2),
            // Moved, put before, taken out.
            (mended().replace("no-transaction\n", "no-transaction\nSELECT 1;\n"), 1),
            ("-- no-transaction\nINSERT INTO log (what) VALUES ('1');\n".to_owned(), 2),
        ] {
            database.write(&[("0002_each.sql", &edited)]);
            let error = migrate(&database).unwrap_err();
            assert_eq!(error.code(), "edited", "{edited}");
            assert!(error.to_string().contains(&format!("statement {number} of 0002")), "{error}");
            assert_eq!(log(&database), ["1", "2"]);
            assert_eq!(database.versions(), ["0001"]);
        }
        database.write(&[("0002_each.sql", &mended())]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4", "5"]);
    }

    fn a_group_that_has_run_is_not_cut_short(database) {
        let group = "BEGIN;\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\nCOMMIT;\n";
        database.write(&[LOG, ("0002_group.sql", &format!("{group}INSERT INTO nowhere VALUES (1);\n"))]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_eq!(log(&database), ["1", "2"]);
        database.write(&[("0002_group.sql", "BEGIN;\nINSERT INTO log (what) VALUES ('1');\nCOMMIT;\n")]);
        assert_eq!(code(migrate(&database)), "edited");
        assert_eq!(database.versions(), ["0001"]);
        database.write(&[("0002_group.sql", group)]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2"]);
        assert_eq!((database.versions().len(), database.journalled()), (2, 0));
    }

    fn what_is_part_done_is_finished_before_anything_is_undone(database) {
        stopped(&database);
        assert_eq!(code(rollback(&database)), "unfinished");
        assert_eq!(database.versions(), ["0001"]);
    }

    fn a_rollback_that_stopped_goes_on(database) {
        let up = "-- no-transaction\nINSERT INTO log (what) VALUES ('up');\n-- rollback\n\
                  INSERT INTO log (what) VALUES ('going');\nINSERT INTO nowhere VALUES (1);\nINSERT INTO log (what) VALUES ('gone');\n";
        database.write(&[LOG, ("0002_each.sql", up)]);
        migrate(&database).unwrap();
        assert_eq!(code(rollback(&database)), "sql");
        assert_eq!(log(&database), ["up", "going"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        let unfinished = &status(&database).unfinished[0];
        assert_eq!((unfinished.done, unfinished.total), (1, Some(3)), "of the rollback's own statements");
        database.write(&[("0003_more.sql", "INSERT INTO log (what) VALUES ('3');")]);
        assert_eq!(code(migrate(&database)), "unfinished");
        database.write(&[("0002_each.sql", &up.replace("INSERT INTO nowhere VALUES (1);\n", ""))]);
        assert_eq!(steps(&rollback_to(&database, "0001").unwrap()), ["0002"]);
        assert_eq!(log(&database), ["up", "going", "gone"]);
        assert_eq!(database.versions(), ["0001"]);
        assert_eq!(database.journalled(), 0);
    }

    fn a_row_of_the_journal_that_makes_no_sense_is_named(database) {
        stopped(&database);
        database.execute("INSERT INTO dbwarden_journal (version, direction, first, count, hash, state, started_at, run_id, summary) \
                          VALUES ('0009', 'sideways', 1, 1, '', 'done', '', '', '')");
        assert!(status(&database).oddities.iter().any(|oddity| oddity.contains("0009")), "{:?}", status(&database).oddities);
        database.write(&[("0002_each.sql", &mended())]);
        migrate(&database).unwrap();
    }
}
