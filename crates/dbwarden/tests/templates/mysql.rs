//! MySQL and MariaDB: a column that is changed by its whole definition keeps what was not to change.

use dbwarden::apply::run::Silent;
use dbwarden::operation::{Alteration, Operation};
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use testkit::{Database, on_mysql};

use crate::kinds::{alter, data_type, default, users};
use crate::{deployment, there_and_back, up, write};

fn of_type(column: &str, text: &str) -> Operation {
    alter(column, Alteration { data_type: Some(data_type(text)), ..Alteration::default() })
}

fn defaults(column: &str, to: &str) -> Operation {
    let default = if to == "none" { Some(None) } else { default(to) };
    alter(column, Alteration { default, ..Alteration::default() })
}

fn shown(database: &Database, column: &str) -> String {
    database.one(&format!(
        "SELECT CONCAT_WS(' ', column_type, collation_name, is_nullable, COALESCE(column_default, '-'), extra) \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'users' AND column_name = '{column}'"
    ))
}

on_mysql! {
    fn two_that_are_written_before_one_run_undo_nothing(database) {
        database.execute("CREATE TABLE users (id INT PRIMARY KEY, age INT NULL DEFAULT 0 COMMENT 'it''s | so')");
        // A default is changed by itself, whatever else the column is by then.
        write(&database, &[of_type("age", "bigint")]).unwrap();
        write(&database, &[defaults("age", "7")]).unwrap();
        up(&database);
        assert_eq!(shown(&database, "age"), "bigint(20) YES 7 ");
        // Anything else is the whole definition.
        write(&database, &[defaults("age", "8")]).unwrap();
        write(&database, &[of_type("age", "smallint")]).unwrap();
        let error = migrate(&mut deployment(&database), &MigrateOptions::default(), &mut Silent).unwrap_err();
        assert!(error.to_string().contains("Subquery returns more than 1 row"), "{error}");
        assert_eq!(shown(&database, "age"), "bigint(20) YES 8 ");
        assert_eq!(database.versions().len(), 3);
        // In one call it is told at once.
        let error = write(&database, &[of_type("age", "text"), of_type("AGE", "smallint")]).unwrap_err();
        assert_eq!(error.code(), "template-order");
        write(&database, &[of_type("age", "text"), of_type("id", "bigint")]).unwrap();
    }

    fn a_default_is_what_it_was_on_the_way_back(database) {
        database.execute(
            "CREATE TABLE users (id INT PRIMARY KEY, a INT, b INT NOT NULL, c VARCHAR(20) DEFAULT 'it''s \\\\', d INT NOT NULL DEFAULT -5, \
             e DATETIME NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), f TEXT DEFAULT 'x', g BIT(2) DEFAULT b'1', \
             h DECIMAL(4,2) DEFAULT 1.50)",
        );
        for column in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let new = if column == "e" { "now()" } else if column == "g" { "b'0'" } else { "3" };
            if column != "e" && column != "g" {
                there_and_back(&database, &[defaults(column, new)], |_| {});
            }
            if !["a", "b"].contains(&column) {
                there_and_back(&database, &[defaults(column, "none")], |_| {});
            }
        }
        there_and_back(&database, &[defaults("a", "(1 + 2)")], |_| {});
    }

    fn a_text_keeps_its_characters(database) {
        database.execute(
            "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'x')",
        );
        for (text, expected) in [
            ("string(50)", "varchar(50) latin1_bin NO 'x' "),
            ("char(3)", "char(3) latin1_bin NO 'x' "),
            ("text", "text latin1_bin NO 'x' "),
            ("enum('x','y')", "enum('x','y') latin1_bin NO 'x' "),
            ("varchar(30) COLLATE latin1_general_ci", "varchar(30) latin1_general_ci NO 'x' "),
        ] {
            there_and_back(&database, &[of_type("name", text)], |database| {
                assert_eq!(shown(database, "name"), expected);
            });
        }
        database.execute("ALTER TABLE users ALTER COLUMN name DROP DEFAULT");
        there_and_back(&database, &[of_type("name", "binary(5)")], |_| {});
        there_and_back(&database, &[of_type("name", "numeric")], |database| {
            assert_eq!(shown(database, "name"), "decimal(38,9) NO - ");
        });
    }

    fn an_index_that_was_there_before_a_foreign_key_stays(database) {
        database.execute("CREATE TABLE users (id INT PRIMARY KEY); CREATE TABLE posts (id INT PRIMARY KEY, user_id INT, KEY fk_posts_user_id_users (user_id))");
        let key = crate::kinds::foreign_key("posts", "user_id", "users.id", None);
        there_and_back(&database, std::slice::from_ref(&key), |_| {});
        database.execute("ALTER TABLE posts DROP INDEX fk_posts_user_id_users");
        there_and_back(&database, &[key], |_| {});
    }

    fn a_column_brings_back_what_went_with_it(database) {
        database.execute(
            "CREATE TABLE users (id INT NOT NULL, b INT, d INT, a VARCHAR(20) DEFAULT 'x', PRIMARY KEY (id), KEY other (b), \
             UNIQUE KEY `a ``(` (a(5) DESC) COMMENT 'it''s a', KEY plain (a), KEY two (b, a), FULLTEXT KEY words (a))",
        );
        database.execute("INSERT INTO users (id) VALUES (1)");
        let drop = |column: &str| Operation::DropColumn { table: users(), column: column.to_owned(), was: None };
        there_and_back(&database, &[drop("a")], |database| {
            let keys = database.rows("SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'users' ORDER BY 1");
            assert_eq!(keys.len(), 3, "{keys:?}");
        });
        assert_eq!(write(&database, &[drop("a"), drop("b")]).unwrap_err().code(), "template-order");
        // A column that counts up comes back with its key.
        database.execute("DROP TABLE users; CREATE TABLE users (b INT, a INT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'n'); INSERT INTO users (b) VALUES (1)");
        there_and_back(&database, &[drop("a")], |_| {});
    }
}
