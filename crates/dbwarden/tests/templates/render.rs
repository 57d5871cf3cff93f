//! What each kind renders to, without a database.

use dbwarden::database::Database;
use dbwarden::dialect::{self, Dialect, RenderError};
use dbwarden::operation::{Action, Operation};
use dbwarden::value::{Row, Value};

use crate::kinds::{add_index, all, foreign_key, index, users};

fn shown(dialect: &dyn Dialect, operation: &Operation, known: Option<&[Vec<Row>]>) -> String {
    match dialect.render(operation, known) {
        Ok(rendering) => {
            let down = match &rendering.downgrade {
                Ok(sql) => sql.text(),
                Err(why) => format!("(none: {why})"),
            };
            format!("{}\n-- rollback\n{down}", rendering.upgrade.text())
        }
        Err(error) => format!("(error: {error})"),
    }
}

fn kinds(database: Database) -> String {
    let dialect = dialect::of(database).unwrap();
    let shown: Vec<_> = all()
        .iter()
        .map(|(kind, operation)| format!("### {kind}\n{}\n", shown(dialect, operation, None)))
        .collect();
    shown.join("\n")
}

#[test]
fn sqlite() {
    insta::assert_snapshot!(kinds(Database::Sqlite));
}

#[test]
fn postgres() {
    insta::assert_snapshot!(kinds(Database::Postgres));
}

#[test]
fn cockroach() {
    insta::assert_snapshot!(kinds(Database::Cockroach));
}

#[test]
fn mysql() {
    insta::assert_snapshot!(kinds(Database::Mysql));
}

#[test]
fn mariadb() {
    // What differs, line by line.
    let (mysql, mariadb) = (kinds(Database::Mysql), kinds(Database::Mariadb));
    let differ: Vec<_> = mysql.lines().zip(mariadb.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
    assert_eq!(mysql.lines().count(), mariadb.lines().count());
    insta::assert_snapshot!(differ.join("\n"));
}

#[test]
fn duckdb() {
    insta::assert_snapshot!(kinds(Database::Duckdb));
}

/// Rows as PostgreSQL 15 answered them.
#[test]
fn what_postgres_says_of_a_column_is_its_way_back() {
    let row = |values: [Option<&str>; 7], not_null: i64| {
        let mut values: Vec<Value> = values.iter().map(|value| (*value).into()).collect();
        values[1] = Value::Integer(not_null);
        vec![vec![Row(values)]]
    };
    let known = [
        row(
            [
                Some("character varying(20)"),
                None,
                Some("'x'::character varying"),
                Some("it's"),
                Some(""),
                Some(""),
                None,
            ],
            1,
        ),
        row([Some("integer"), None, None, None, Some("d"), Some(""), None], 1),
        row([Some("numeric"), None, Some("(a * (2)::numeric)"), None, Some(""), Some("s"), None], 0),
        row([Some("text"), None, None, None, Some(""), Some(""), Some("\"C\"")], 0),
    ];
    let drop = Operation::DropColumn { table: users(), column: "c".to_owned(), was: None };
    let dialect = dialect::of(Database::Postgres).unwrap();
    let text: Vec<_> = known.iter().map(|known| shown(dialect, &drop, Some(known))).collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn names_are_cut_at_each_engines_limit() {
    let long = "a".repeat(60);
    let operations =
        [add_index(index(&[&long])), foreign_key("posts", &long, "users.id", Some(Action::SetNull))];
    for (database, limit) in [(Database::Postgres, 63), (Database::Mysql, 64), (Database::Mariadb, 64)] {
        let dialect = dialect::of(database).unwrap();
        for operation in &operations {
            operation.check(dialect.name_limit()).unwrap();
            let text = dialect.render(operation, None).unwrap().upgrade.text();
            let longest = text.split(['"', '`']).map(|name| name.chars().count()).filter(|it| *it > 60).max();
            assert_eq!(longest, Some(limit), "{text}");
        }
    }
    let named = dbwarden::operation::Index { name: Some("n".repeat(64)), ..index(&["a"]) };
    let postgres = dialect::of(Database::Postgres).unwrap();
    assert!(add_index(named).check(postgres.name_limit()).is_err());
}

#[test]
fn an_engine_says_what_it_has_not() {
    let mut gin = index(&["a"]);
    gin.method = Some("gin".to_owned());
    let mut of_expression = index(&["(lower(a))"]);
    of_expression.name = Some("ix".to_owned());
    let lacking = |database: Database, operation: Operation| match dialect::of(database)
        .unwrap()
        .render(&operation, None)
    {
        Err(RenderError::Unsupported { .. }) => {}
        other => panic!("{other:?}"),
    };
    lacking(Database::Sqlite, add_index(gin));
    lacking(Database::Mariadb, add_index(of_expression));
}
