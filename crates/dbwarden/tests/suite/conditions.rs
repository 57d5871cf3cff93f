//! `-- unless:` and `-- only-if:` before a statement.

use dbwarden::apply::run::Silent;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use testkit::on_every_database;

use crate::{LOG, code, log, migrate, settings_in};

/// What there is, and what there is not: each kind with a condition that holds and one that does not.
const KINDS: &[(&str, &str)] = &[
    ("table log", "table nothing"),
    ("table \"log\"", "table \"no such\""),
    ("column log.what", "column log.nothing"),
    ("column log.id", "column nothing.id"),
    ("index log_what", "index log_nothing"),
    ("view logged", "view log"),
    ("constraint named", "constraint other"),
    ("query SELECT 1", "query SELECT 0"),
    ("query SELECT count(*) > 0 FROM log", "query SELECT what FROM log WHERE 1 = 0"),
];

on_every_database! {
    fn each_kind_is_looked_up(database) {
        let mut text = String::new();
        // DuckDB forgets the names that constraints are given, and knows them by names of its own.
        let own = database.engine() == testkit::Engine::Duckdb;
        for (there, not_there) in KINDS {
            let there = if own && *there == "constraint named" { "constraint bound_x_check" } else { there };
            for (directive, condition, runs) in [
                ("only-if", there, true),
                ("only-if", *not_there, false),
                ("unless", there, false),
                ("unless", *not_there, true),
            ] {
                let what = format!("{directive} {condition}").replace('\'', "");
                text.push_str(&format!("-- {directive}: {condition}\nINSERT INTO log (what) VALUES ('{what}: {runs}');\n"));
            }
        }
        database.write(&[
            LOG,
            ("0002_objects.sql", "CREATE INDEX log_what ON log (what);\nCREATE VIEW logged AS SELECT what FROM log;\n\
                                  CREATE TABLE bound (x INTEGER, CONSTRAINT named CHECK (x > 0));\nINSERT INTO log (what) VALUES ('something');\n"),
            ("0003_conditions.sql", &text),
        ]);
        let report = migrate(&database).unwrap();
        let found = log(&database);
        assert_eq!(found.len(), 1 + 2 * KINDS.len(), "{found:#?}");
        assert!(found.iter().skip(1).all(|what| what.ends_with(": true")), "{found:#?}");
        assert_eq!(report.steps[2].skipped, 2 * KINDS.len() as u64);
    }

    fn engine_and_environment(database) {
        let engine = match database.engine() {
            testkit::Engine::Sqlite => "sqlite",
            testkit::Engine::Postgres => "postgres",
            testkit::Engine::Duckdb => "duckdb",
            testkit::Engine::Scripted | testkit::Engine::Cockroach => "cockroachdb",
            testkit::Engine::Mariadb => "mariadb",
        };
        let text = format!(
            "-- only-if: engine {engine}\nINSERT INTO log (what) VALUES ('engine');\n\
             -- unless: engine {engine}\nINSERT INTO nowhere VALUES (1);\n\
             -- only-if: env dev\nINSERT INTO log (what) VALUES ('dev');\n\
             -- unless: env DEVELOPMENT\nINSERT INTO log (what) VALUES ('not dev');\n"
        );
        database.write(&[LOG, ("0002_where.sql", &text)]);
        let mut deployment = Deployment::new(settings_in(&database, Some("dev")));
        run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert_eq!(log(&database), ["engine", "dev"]);
    }

    fn it_is_looked_up_when_its_statement_comes(database) {
        database.write(&[LOG, (
            "0002_twice.sql",
            "-- unless: table t\nCREATE TABLE t (x INTEGER);\n-- unless: table t\nCREATE TABLE t (x INTEGER, y INTEGER);\n\
             -- unless: column t.y\nINSERT INTO log (what) VALUES ('no y');\n",
        )]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["no y"]);
    }

    fn several_must_all_agree(database) {
        database.write(&[LOG, (
            "0002_both.sql",
            "-- only-if: table log\n-- unless: table nothing\nINSERT INTO log (what) VALUES ('both');\n\
             -- only-if: table log\n-- unless: table log\nINSERT INTO log (what) VALUES ('one');\n",
        )]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["both"]);
    }

    fn a_query_that_cannot_be_run_fails_the_migration(database) {
        database.write(&[LOG, ("0002_bad.sql", "INSERT INTO log (what) VALUES ('lost');\n-- unless: query SELECT x FROM nowhere\nSELECT 1;\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        assert!(log(&database).is_empty());
    }
}
