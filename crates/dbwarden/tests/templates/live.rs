//! Each kind on a real database, up and down.

use dbwarden::operation::{Action, Alteration, Column, Constraint, Operation, TableName};
use testkit::{Database, Engine, on_every_database};

use crate::kinds::{
    add, add_index, all, alter, check, column, data_type, default, everything, expression, foreign_key,
    index, table, users,
};
use crate::{there_and_back, up, write};

fn duckdb(database: &Database) -> bool {
    database.engine() == Engine::Duckdb
}

/// Two tables with rows.
fn base(database: &Database) {
    let users = table(
        "users",
        &["email:string(255)", "name:string(50):null", "status:string(20):null", "age:integer:null:0"],
    );
    let posts = table("posts", &["title:text", "user_id:bigint:null"]);
    write(database, &[Operation::CreateTable { table: users }, Operation::CreateTable { table: posts }])
        .unwrap();
    up(database);
    database.execute("INSERT INTO users (id, email, name) VALUES (1, 'a@x', 'A'), (2, 'b@x', NULL)");
    database.execute("INSERT INTO posts (id, title, user_id) VALUES (1, 'first', 1), (2, 'second', NULL)");
}

on_every_database! {
    fn columns_come_and_go(database) {
        base(&database);
        let commented = Column { comment: Some("it's; -- \\ a\nnumber".to_owned()), ..column("points:integer:null:0") };
        there_and_back(&database, &[Operation::AddColumn { table: users(), column: commented }], |database| {
            assert_eq!(database.rows("SELECT points FROM users"), ["0", "0"]);
        });
        there_and_back(&database, &[add("note:string(50):it's; \\ --")], |database| {
            assert_eq!(database.one("SELECT note FROM users WHERE id = 1"), "it's; \\ --");
        });
        there_and_back(&database, &[add("kind:enum('a','b;c'):null:b;c")], |database| {
            assert_eq!(database.one(&format!("SELECT {} FROM users WHERE id = 1", text(database, "kind"))), "b;c");
        });
        there_and_back(&database, &[add("seen:timestamp:now()")], |database| {
            assert_eq!(database.rows("SELECT id FROM users WHERE seen IS NOT NULL").len(), 2);
        });
        if duckdb(&database) {
            return;
        }
        let unique = dbwarden::operation::Index { unique: true, ..index(&["code"]) };
        there_and_back(&database, &[add("code:string(20):null"), add_index(unique)], |database| {
            database.execute("UPDATE users SET code = 'x' WHERE id = 1");
        });
    }

    fn a_column_is_dropped_and_comes_back_as_it_was(database) {
        base(&database);
        // What it is, is read from the database.
        database.execute("UPDATE users SET age = NULL");
        let drop = Operation::DropColumn { table: users(), column: "age".to_owned(), was: None };
        let before = crate::plain(&database);
        write(&database, &[drop]).unwrap();
        up(&database);
        assert_ne!(crate::plain(&database), before);
        crate::down(&database);
        database.execute("UPDATE users SET age = NULL");
        assert_eq!(crate::plain(&database), before);
    }

    fn columns_change(database) {
        base(&database);
        let to = |to: Alteration| [alter("age", to)];
        let none = Alteration::default;
        there_and_back(&database, &to(Alteration { data_type: Some(data_type("bigint")), ..none() }), |database| {
            database.execute("UPDATE users SET age = 0");
        });
        database.execute("UPDATE users SET age = 0");
        there_and_back(&database, &to(Alteration { nullable: Some(false), ..none() }), |_| {});
        there_and_back(&database, &to(Alteration { default: default("7"), ..none() }), |database| {
            database.execute("INSERT INTO users (id, email) VALUES (9, 'c@x')");
            assert_eq!(database.one("SELECT age FROM users WHERE id = 9"), "7");
            database.execute("DELETE FROM users WHERE id = 9");
        });
        there_and_back(&database, &to(Alteration { default: Some(None), ..none() }), |_| {});
        let all = Alteration {
            data_type: Some(data_type("string(10)")),
            nullable: Some(false),
            default: default("none"),
            ..none()
        };
        there_and_back(&database, &to(all), |database| {
            assert_eq!(database.one("SELECT age FROM users WHERE id = 1"), "0");
        });
    }

    fn indexes_come_and_go(database) {
        base(&database);
        there_and_back(&database, &[add_index(index(&["email", "name:desc"]))], |_| {});
        let concurrently = dbwarden::operation::Index { concurrently: true, unique: true, ..index(&["email"]) };
        there_and_back(&database, &[add_index(concurrently)], |_| {});
    }

    fn rules_come_and_go(database) {
        base(&database);
        let key = foreign_key("posts", "user_id", "users.id", Some(Action::Cascade));
        let check = check("check_age", "age >= 0 AND name <> ';'");
        if duckdb(&database) {
            for operation in [key, check] {
                assert_eq!(write(&database, &[operation]).unwrap_err().code(), "unsupported");
            }
            return;
        }
        there_and_back(&database, &[key], |database| {
            if database.engine() != Engine::Sqlite {
                database.execute("DELETE FROM users WHERE id = 1");
                assert_eq!(database.rows("SELECT id FROM posts"), ["2"]);
                database.execute("INSERT INTO users (id, email, name) VALUES (1, 'a@x', 'A')");
                database.execute("INSERT INTO posts (id, title, user_id) VALUES (1, 'first', 1)");
            }
        });
        there_and_back(&database, &[check], |_| {});
    }

    fn names_change(database) {
        base(&database);
        let (from, to) = ("name".to_owned(), "full \"name\"".to_owned());
        there_and_back(&database, &[Operation::RenameColumn { table: users(), from, to }], |_| {});
    }

    fn a_table_with_every_type(database) {
        base(&database);
        there_and_back(&database, &[everything()], |database| {
            database.execute("INSERT INTO everything (small) VALUES (1)");
            assert_eq!(database.one("SELECT name FROM everything"), "it's; --");
            // The shell of MariaDB shows a backslash as two, the test's own reader takes one away.
            assert_eq!(database.one("SELECT long FROM everything".replace("long", &quoted(database, "long")).as_str()), "a 'b' \\ c");
            assert_eq!(database.rows("SELECT id FROM everything WHERE updated_at IS NOT NULL AND deleted_at IS NULL").len(), 1);
        });
    }

    fn types_and_rows(database) {
        base(&database);
        let status = all().into_iter().find(|(kind, _)| *kind == "create-enum").unwrap().1;
        if matches!(database.engine(), Engine::Sqlite | Engine::Mariadb) {
            assert_eq!(write(&database, &[status]).unwrap_err().code(), "unsupported");
        } else {
            there_and_back(&database, &[status], |_| {});
        }
        let data = all().into_iter().find(|(kind, _)| *kind == "data").unwrap().1;
        there_and_back(&database, &[data], |database| {
            assert_eq!(database.rows("SELECT DISTINCT status FROM users"), ["active"]);
        });
    }

    fn odd_names_are_quoted(database) {
        let named = |name: &str, columns: &[&str]| Operation::CreateTable { table: table(name, columns) };
        let weird = TableName::new("weird \"name\"");
        write(&database, &[named("order", &["from:integer:null"]), named("weird \"name\"", &["select:bigint:null", "größe:text:null"])]).unwrap();
        up(&database);
        let column = column("日本 \"語\":integer:null");
        there_and_back(&database, &[Operation::AddColumn { table: weird.clone(), column }], |_| {});
        let of = |table: &TableName, column: &str| Operation::AddIndex { table: table.clone(), index: index(&[column]) };
        there_and_back(&database, &[of(&weird, "select"), of(&TableName::new("order"), "from")], |_| {});
        if !duckdb(&database) {
            there_and_back(&database, &[foreign_key("weird \"name\"", "select", "order.id", None)], |_| {});
            let condition = expression(match database.engine() {
                Engine::Mariadb => "`select` > 0",
                _ => "\"select\" > 0",
            });
            let constraint = Constraint::Check { name: "a \"b\" `c`".to_owned(), condition };
            there_and_back(&database, &[Operation::AddConstraint { table: weird.clone(), constraint }], |_| {});
        }
        let drop = Operation::DropColumn { table: weird.clone(), column: "größe".to_owned(), was: None };
        there_and_back(&database, &[drop], |_| {});
        let (from, to) = ("select".to_owned(), "where".to_owned());
        there_and_back(&database, &[Operation::RenameColumn { table: weird, from, to }], |_| {});
    }
}

fn quoted(database: &Database, name: &str) -> String {
    if database.engine() == Engine::Mariadb { format!("`{name}`") } else { format!("\"{name}\"") }
}

/// A column as text: the tests' own reader knows no lists of texts of DuckDB's.
fn text(database: &Database, column: &str) -> String {
    if duckdb(database) { format!("CAST({column} AS VARCHAR)") } else { column.to_owned() }
}
