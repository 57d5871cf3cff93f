//! `dbwarden template KIND`.

use dbwarden::operation::{
    Action, Alteration, Column, ColumnText, Constraint, DataType, DefaultValue, Expression, ForeignKey,
    Index, IndexPart, Operation, OperationError, Table, TableName, parse_name,
};
use dbwarden::ops::Deployment;
use dbwarden::ops::new::{NewOptions, new};
use dbwarden::ops::template::template;
use dbwarden::sql::Syntax;
use dbwarden::{Error, ErrorKind};
use serde_json::json;

use super::{Answer, headed, speaks};
use crate::args::Global;
use crate::args::template::{
    AddCheck, AddColumn, AddForeignKey, AddIndex, AlterColumn, CreateEnum, CreateTable, Data, DropColumn,
    RenameColumn, Template,
};
use crate::error::Failure;
use crate::ui::{aside, clean, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &Template,
) -> Result<Answer, Failure> {
    let syntax = deployment.dialect()?.syntax();
    let made = operations(args, syntax).map_err(|error| Error::from(ErrorKind::from(error)))?;
    let written = template(deployment, &made)?;
    let mut answer = json!(written);
    if let Some(text) = &write(args).write {
        let options = NewOptions { scripts: Some(written.scripts()), ..NewOptions::of(text) };
        let created = new(deployment, &options)?;
        if speaks(global) {
            for path in std::iter::once(&created.path).chain(&created.down_path) {
                line(&clean(&path.display().to_string()));
            }
            irreversible(&written);
            if created.existed {
                aside(
                    "note: it was there already, with the same words and the same SQL: nothing was written",
                );
            }
            aside("next: read it, then `dbwarden migrate`");
        }
        answer["path"] = json!(created.path);
        answer["down_path"] = json!(created.down_path);
        answer["version"] = json!(created.version);
        answer["existed"] = json!(created.existed);
    } else if speaks(global) {
        headed(deployment, global, "-- ");
        let downgrade = match (&written.downgrade, &written.irreversible) {
            (Some(downgrade), _) => format!("\n-- rollback\n\n{downgrade}"),
            (None, _) => String::new(),
        };
        line(&lines(&format!("-- upgrade\n\n{}\n{downgrade}", written.scripts().up)));
        irreversible(&written);
    }
    Ok(Answer::done(answer))
}

/// Says why there is no way back.
fn irreversible(written: &dbwarden::ops::template::Template) {
    if let Some(why) = &written.irreversible {
        let unasked = written.unasked.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        aside(&clean(&format!("note: no rollback is written, since {why}{unasked}")));
    }
}

/// SQL without what would move a terminal's cursor.
fn lines(text: &str) -> String {
    text.trim_end().split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

fn write(args: &Template) -> &crate::args::template::Write {
    match args {
        Template::AddColumn(args) => &args.write,
        Template::DropColumn(args) => &args.write,
        Template::AlterColumn(args) => &args.write,
        Template::AddIndex(args) => &args.write,
        Template::AddForeignKey(args) => &args.write,
        Template::CreateTable(args) => &args.write,
        Template::RenameColumn(args) => &args.write,
        Template::AddCheck(args) => &args.write,
        Template::CreateEnum(args) => &args.write,
        Template::Data(args) => &args.write,
    }
}

fn table(text: &str) -> Result<TableName, OperationError> {
    TableName::parse("a table", text)
}

fn operations(args: &Template, syntax: Syntax) -> Result<Vec<Operation>, OperationError> {
    Ok(match args {
        Template::AddColumn(args) => add_column(args, syntax)?,
        Template::DropColumn(args) => vec![drop_column(args, syntax)?],
        Template::AlterColumn(args) => vec![alter_column(args, syntax)?],
        Template::AddIndex(args) => vec![add_index(args, syntax)?],
        Template::AddForeignKey(args) => vec![add_foreign_key(args)?],
        Template::CreateTable(args) => vec![create_table(args, syntax)?],
        Template::RenameColumn(RenameColumn { table: of, column, name, .. }) => {
            let from = parse_name("a column", column)?;
            vec![Operation::RenameColumn { table: table(of)?, from, to: parse_name("a column", name)? }]
        }
        Template::AddCheck(AddCheck { table: of, name, condition, .. }) => {
            let condition = Expression::parse("condition", condition, syntax)?;
            let constraint = Constraint::Check { name: parse_name("a check", name)?, condition };
            vec![Operation::AddConstraint { table: table(of)?, constraint }]
        }
        Template::CreateEnum(CreateEnum { name, value, .. }) => {
            vec![Operation::CreateEnum { name: TableName::parse("a type", name)?, values: value.clone() }]
        }
        Template::Data(Data { up, down, .. }) => {
            vec![Operation::Execute { up: up.clone(), down: down.clone() }]
        }
    })
}

/// What was said of a column twice.
fn once<T>(a: Option<T>, b: Option<T>, what: &'static str) -> Result<Option<T>, OperationError> {
    match (a, b) {
        (Some(_), Some(_)) => Err(OperationError::Nothing { what }),
        (a, b) => Ok(a.or(b)),
    }
}

/// A column by its flags, its type where there is one.
fn column(
    text: &str,
    data_type: Option<&String>,
    null: Option<bool>,
    default: Option<&String>,
    comment: Option<&String>,
    syntax: Syntax,
) -> Result<(ColumnText, Option<Column>), OperationError> {
    let mut said = ColumnText::parse(text, syntax)?;
    let data_type = data_type.map(|text| DataType::parse(text, syntax)).transpose()?;
    let default = default.map(|text| DefaultValue::parse(text, syntax)).transpose()?;
    said.data_type = once(said.data_type, data_type, "the column's type is given twice")?;
    said.nullable = once(said.nullable, null, "whether the column may hold nothing is given twice")?;
    said.default = once(said.default, default, "the column's default is given twice")?;
    let column = said.data_type.clone().map(|data_type| Column {
        nullable: said.nullable.unwrap_or(true),
        default: said.default.clone(),
        comment: comment.cloned(),
        ..Column::new(said.name.clone(), data_type)
    });
    Ok((said, column))
}

fn add_column(args: &AddColumn, syntax: Syntax) -> Result<Vec<Operation>, OperationError> {
    let AddColumn { column: text, data_type, null, default, comment, .. } = args;
    let (said, column) =
        column(text, data_type.as_ref(), null.said(), default.as_ref(), comment.as_ref(), syntax)?;
    let column = column.ok_or(OperationError::Nothing { what: "the column's type is not given" })?;
    let table = table(&args.table)?;
    let mut operations = vec![Operation::AddColumn { table: table.clone(), column }];
    if args.unique {
        let parts = vec![IndexPart::Column { name: said.name, descending: false }];
        let index =
            Index { name: None, parts, unique: true, condition: None, method: None, concurrently: false };
        operations.push(Operation::AddIndex { table, index });
    }
    Ok(operations)
}

fn drop_column(args: &DropColumn, syntax: Syntax) -> Result<Operation, OperationError> {
    let DropColumn { column: text, data_type, null, default, comment, .. } = args;
    let (said, was) =
        column(text, data_type.as_ref(), null.said(), default.as_ref(), comment.as_ref(), syntax)?;
    if was.is_none() && (said.nullable.is_some() || said.default.is_some() || comment.is_some()) {
        return Err(OperationError::Nothing { what: "the column's type is not given" });
    }
    Ok(Operation::DropColumn { table: table(&args.table)?, column: said.name, was })
}

/// A default, or that there is none.
fn perhaps(text: &str, syntax: Syntax) -> Result<Option<DefaultValue>, OperationError> {
    if text.trim().eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    DefaultValue::parse(text, syntax).map(Some)
}

fn alter_column(args: &AlterColumn, syntax: Syntax) -> Result<Operation, OperationError> {
    let data_type =
        |text: &Option<String>| text.as_ref().map(|text| DataType::parse(text, syntax)).transpose();
    let default = |text: &Option<String>| text.as_ref().map(|text| perhaps(text, syntax)).transpose();
    let to = Alteration {
        data_type: data_type(&args.data_type)?,
        nullable: args.null.said(),
        default: default(&args.default)?,
        comment: args.comment.clone().map(|text| Some(text).filter(|text| !text.is_empty())),
        using: args.using.as_ref().map(|text| Expression::parse("expression", text, syntax)).transpose()?,
    };
    let from = Alteration {
        data_type: data_type(&args.from_type)?,
        default: default(&args.from_default)?,
        ..Alteration::default()
    };
    Ok(Operation::AlterColumn {
        table: table(&args.table)?,
        column: parse_name("a column", &args.column)?,
        to: Box::new(to),
        from: Box::new(from),
        was: None,
    })
}

fn add_index(args: &AddIndex, syntax: Syntax) -> Result<Operation, OperationError> {
    let name = args.name.as_ref().map(|name| parse_name("an index", name)).transpose()?;
    let parts: Vec<_> =
        args.column.iter().map(|text| IndexPart::parse(text, syntax)).collect::<Result<_, _>>()?;
    if name.is_none() && parts.iter().any(|part| matches!(part, IndexPart::Expression(_))) {
        return Err(OperationError::Nothing { what: "an index of an expression wants a name" });
    }
    let condition = args.condition.as_ref().map(|text| Expression::parse("condition", text, syntax));
    let index = Index {
        name,
        parts,
        unique: args.unique,
        condition: condition.transpose()?,
        method: args.using.clone(),
        concurrently: args.concurrently,
    };
    Ok(Operation::AddIndex { table: table(&args.table)?, index })
}

fn add_foreign_key(args: &AddForeignKey) -> Result<Operation, OperationError> {
    let action = |text: &Option<String>| text.as_ref().map(|text| Action::parse(text)).transpose();
    let (references, referenced) = TableName::parse_column(&args.references)?;
    let key = ForeignKey {
        name: args.name.as_ref().map(|name| parse_name("a foreign key", name)).transpose()?,
        column: parse_name("a column", &args.column)?,
        references,
        referenced,
        on_delete: action(&args.on_delete)?,
        on_update: action(&args.on_update)?,
    };
    Ok(Operation::AddConstraint { table: table(&args.table)?, constraint: Constraint::ForeignKey(key) })
}

fn create_table(args: &CreateTable, syntax: Syntax) -> Result<Operation, OperationError> {
    let mut columns = Vec::new();
    for text in &args.column {
        let said = ColumnText::parse(text, syntax)?;
        let reason = "no type stands behind its name";
        let none = || OperationError::Column { text: text.clone(), reason };
        columns.push(Column {
            nullable: said.nullable.unwrap_or(false),
            default: said.default,
            ..Column::new(said.name, said.data_type.ok_or_else(none)?)
        });
    }
    let has_id = columns.iter().any(|column| column.name.eq_ignore_ascii_case("id"));
    if !args.no_id && !has_id {
        columns.insert(0, Column::id());
    }
    if args.with_timestamps {
        columns.extend(Column::timestamps());
    }
    if args.with_soft_delete {
        columns.push(Column::soft_delete());
    }
    let table = Table { name: table(&args.table)?, columns, comment: args.comment.clone() };
    Ok(Operation::CreateTable { table })
}
