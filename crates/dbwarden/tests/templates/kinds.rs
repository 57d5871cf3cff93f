//! One operation of each kind.

use dbwarden::operation::{
    Action, Alteration, Column, ColumnText, Constraint, DataType, DefaultValue, Expression, ForeignKey,
    Index, IndexPart, Operation, Table, TableName,
};
use dbwarden::sql::Syntax;

pub(crate) fn users() -> TableName {
    TableName::new("users")
}

/// A column from its text: `NAME:TYPE:null:DEFAULT`.
pub(crate) fn column(text: &str) -> Column {
    let said = ColumnText::parse(text, Syntax::Sqlite).unwrap();
    Column {
        nullable: said.nullable.unwrap_or(false),
        default: said.default,
        ..Column::new(said.name, said.data_type.unwrap())
    }
}

pub(crate) fn table(name: &str, columns: &[&str]) -> Table {
    let columns = std::iter::once(Column::id()).chain(columns.iter().map(|text| column(text))).collect();
    Table { name: TableName::new(name), columns, comment: None }
}

pub(crate) fn add(text: &str) -> Operation {
    Operation::AddColumn { table: users(), column: column(text) }
}

pub(crate) fn index(parts: &[&str]) -> Index {
    let parts = parts.iter().map(|text| IndexPart::parse(text, Syntax::Sqlite).unwrap()).collect();
    Index { name: None, parts, unique: false, condition: None, method: None, concurrently: false }
}

pub(crate) fn add_index(index: Index) -> Operation {
    Operation::AddIndex { table: users(), index }
}

pub(crate) fn expression(text: &str) -> Expression {
    Expression::parse("expression", text, Syntax::Sqlite).unwrap()
}

pub(crate) fn alter(column: &str, to: Alteration) -> Operation {
    Operation::AlterColumn {
        table: users(),
        column: column.to_owned(),
        to: Box::new(to),
        from: Box::default(),
        was: None,
    }
}

pub(crate) fn data_type(text: &str) -> DataType {
    DataType::parse(text, Syntax::Sqlite).unwrap()
}

pub(crate) fn default(text: &str) -> Option<Option<DefaultValue>> {
    Some(Some(DefaultValue::parse(text, Syntax::Sqlite).unwrap()))
}

pub(crate) fn check(name: &str, condition: &str) -> Operation {
    let condition = expression(condition);
    Operation::AddConstraint {
        table: users(),
        constraint: Constraint::Check { name: name.to_owned(), condition },
    }
}

pub(crate) fn foreign_key(
    table: &str,
    column: &str,
    references: &str,
    on_delete: Option<Action>,
) -> Operation {
    let (references, referenced) = TableName::parse_column(references).unwrap();
    let key = ForeignKey {
        name: None,
        column: column.to_owned(),
        references,
        referenced,
        on_delete,
        on_update: None,
    };
    Operation::AddConstraint { table: TableName::new(table), constraint: Constraint::ForeignKey(key) }
}

/// A table with a column of every type.
pub(crate) fn everything() -> Operation {
    let mut table = table(
        "everything",
        &[
            "small:smallint",
            "whole:integer:null:0",
            "big:bigint:null:-5",
            "yes:boolean:null:true",
            "real:real:null",
            "double:double:null:1.5",
            "price:numeric(10,2):null:0.00",
            "name:string(20):it's; --",
            "any:string:null",
            "code:char(2):null",
            "long:text:null:a 'b' \\ c",
            "bytes:binary:null",
            "few:binary(16):null",
            "day:date:null",
            "hour:time:null",
            "at:datetime:null",
            "stamp:timestamp:null",
            "moment:timestamptz:null",
            "who:uuid:null",
            "doc:json:null",
            "kind:enum('a','b;c'):null:a",
        ],
    );
    table.columns.extend(Column::timestamps());
    table.columns.push(Column::soft_delete());
    table.comment = Some("Every 'type'; --".to_owned());
    table.columns[1].comment = Some("A small\nnumber".to_owned());
    Operation::CreateTable { table }
}

/// One of each kind, by name.
pub(crate) fn all() -> Vec<(&'static str, Operation)> {
    let commented = Column { comment: Some("User age".to_owned()), ..column("age:integer:null:0") };
    let mut concurrent = index(&["email", "at:desc"]);
    concurrent.concurrently = true;
    let mut partial = index(&["email"]);
    partial.condition = Some(expression("email <> ''"));
    partial.unique = true;
    vec![
        ("add-column", Operation::AddColumn { table: users(), column: commented }),
        ("add-column, not null", add("status:string(20):active")),
        ("add-column, the time", add("seen:timestamp:now()")),
        ("add-column, no default", add("n:integer")),
        ("add-column, enum", add("kind:enum('a','b'):null")),
        ("drop-column", Operation::DropColumn { table: users(), column: "age".to_owned(), was: None }),
        (
            "drop-column, known",
            Operation::DropColumn {
                table: users(),
                column: "age".to_owned(),
                was: Some(column("age:integer:null:0")),
            },
        ),
        (
            "alter-column, type",
            alter("age", Alteration { data_type: Some(data_type("bigint")), ..Alteration::default() }),
        ),
        (
            "alter-column, all of it",
            Operation::AlterColumn {
                table: users(),
                column: "age".to_owned(),
                to: Box::new(Alteration {
                    data_type: Some(data_type("text")),
                    nullable: Some(false),
                    default: default("none yet"),
                    comment: Some(Some("Age".to_owned())),
                    using: Some(expression("age || ''")),
                }),
                from: Box::default(),
                was: Some(Box::new(column("age:integer:null:0"))),
            },
        ),
        ("alter-column, null", alter("age", Alteration { nullable: Some(true), ..Alteration::default() })),
        (
            "alter-column, default",
            alter("age", Alteration { default: default("1"), ..Alteration::default() }),
        ),
        ("add-index", add_index(index(&["email"]))),
        ("add-index, concurrently", add_index(concurrent)),
        ("add-index, where", add_index(partial)),
        ("add-foreign-key", foreign_key("posts", "user_id", "users.id", Some(Action::Cascade))),
        ("create-table", everything()),
        (
            "rename-column",
            Operation::RenameColumn { table: users(), from: "name".to_owned(), to: "full_name".to_owned() },
        ),
        ("add-check", check("check_age_positive", "age >= 0")),
        (
            "create-enum",
            Operation::CreateEnum { name: TableName::new("status"), values: vec!["a".into(), "it's".into()] },
        ),
        (
            "data",
            Operation::Execute {
                up: "UPDATE users SET status = 'active' WHERE status IS NULL".to_owned(),
                down: Some("UPDATE users SET status = NULL WHERE status = 'active';".to_owned()),
            },
        ),
    ]
}
