//! How MariaDB and MySQL go on with a migration that stopped halfway: what stands between its statements, and what was changed meanwhile.

use dbwarden::apply::failure::{Kept, StepError};
use dbwarden::error::{Error, ErrorKind};
use testkit::{Database, on_mysql};

use crate::mysql_alone::{ONE_BY_ONE, tables};
use crate::{LOG, log, migrate};

fn step(error: &Error) -> &StepError {
    match error.kind() {
        ErrorKind::Step { step, .. } => step,
        _ => panic!("{error}"),
    }
}

on_mysql! {
    fn a_setting_between_statements_belongs_to_none_of_them(database) {
        for text in [
            "CREATE TABLE a (x INT);\nSET @x = 1;\nCREATE TABLE b (x INT);\nCREATE TABLE c (x INT, NOPE);\n",
            "SET @x = 1;\nCREATE TABLE a (x INT);\nCREATE TABLE b (x INT);\nSET @y = 2;\nSET @z = 3;\nCREATE TABLE c (x INT, NOPE);\n",
            "SET @x = 1;\nSET @y = 2;\nCREATE TABLE a (x INT);\nSET @z = 3;\nINSERT INTO log (what) VALUES (@z);\n\
             INSERT INTO log (what) VALUES (@x);\nCREATE TABLE b (x INT);\nSET @z = 4;\nCREATE TABLE c (x INT, NOPE);\nSET @z = 5;\n",
        ] {
            for header in ["", ONE_BY_ONE] {
                let database = Database::new(database.engine());
                database.write(&[LOG, ("0002_abc.sql", &format!("{header}{text}"))]);
                let error = migrate(&database).unwrap_err();
                let failed = step(&error).statement;
                assert!(matches!(step(&error).kept, Kept::Statements(_)), "{error}");
                // A second failure at the same place, and then it is mended.
                let error = migrate(&database).unwrap_err();
                assert_eq!((error.code(), step(&error).statement), ("sql", failed), "{header}{text}: {error}");
                database.write(&[("0002_abc.sql", &format!("{header}{}", text.replace(", NOPE", "")))]);
                migrate(&database).unwrap_or_else(|error| panic!("{header}{text}: {error}"));
                assert_eq!(tables(&database), ["a", "b", "c", "log"]);
                assert_eq!(log(&database).len(), if text.contains("INTO log") { 2 } else { 0 });
                assert_eq!(database.journalled(), 0);
            }
        }
    }
}
