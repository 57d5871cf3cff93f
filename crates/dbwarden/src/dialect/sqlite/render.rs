//! Operations in SQLite's words (<https://www.sqlite.org/lang_altertable.html>). Where ALTER TABLE cannot do it, the table is made
//! anew.

use super::Sqlite;
use super::rebuild::{self, Live, Rebuild};
use super::table::{TableText, mentions};
use crate::dialect::Dialect;
use crate::dialect::render::{Comments, Lack, Render, RenderError, Rendering, Sql, UNFILLED};
use crate::operation::{Alteration, Column, Constraint, DataType, DefaultValue, Index, Operation, TableName};
use crate::sql::Syntax;
use crate::value::{Row, Value};

impl Render for Sqlite {
    fn type_of(&self, _: &TableName, column: &str, data_type: &DataType) -> String {
        let length = |word: &str, length: &Option<u32>| match length {
            Some(length) => format!("{word}({length})"),
            None => word.to_owned(),
        };
        // What a word means there is told by what it has in it (https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
        match data_type {
            DataType::SmallInt => "SMALLINT".to_owned(),
            DataType::Integer => "INTEGER".to_owned(),
            DataType::BigInt => "BIGINT".to_owned(),
            DataType::Boolean => "BOOLEAN".to_owned(),
            DataType::Real => "REAL".to_owned(),
            DataType::Double => "DOUBLE".to_owned(),
            DataType::Numeric(None) => "NUMERIC".to_owned(),
            DataType::Numeric(Some((digits, behind))) => format!("NUMERIC({digits}, {behind})"),
            DataType::String(Some(characters)) => format!("VARCHAR({characters})"),
            DataType::Char(characters) => format!("CHAR({characters})"),
            // JSON and UUID would be numbers where they look like some.
            DataType::String(None)
            | DataType::Text
            | DataType::Uuid
            | DataType::Json
            | DataType::Interval => "TEXT".to_owned(),
            DataType::Binary(_) => "BLOB".to_owned(),
            DataType::Date => "DATE".to_owned(),
            DataType::Time => "TIME".to_owned(),
            DataType::DateTime { precision, .. } => length("DATETIME", precision),
            DataType::Timestamp { precision, .. } => length("TIMESTAMP", precision),
            DataType::Enum { values, .. } => {
                format!("TEXT CHECK ({} IN ({}))", self.quote(column), self.values(values))
            }
            DataType::Own(own) => own.as_str().to_owned(),
        }
    }

    fn identity(&self, _: &TableName, _: &str) -> String {
        "INTEGER PRIMARY KEY".to_owned()
    }

    fn comments(&self) -> Comments {
        Comments::Nowhere
    }

    fn makes_types(&self) -> bool {
        false
    }

    fn default_value(&self, _: Option<&DataType>, default: &DefaultValue) -> String {
        match default {
            DefaultValue::Number(number) => number.clone(),
            DefaultValue::Text(text) => self.literal(text),
            DefaultValue::Keyword(word) => (*word).to_owned(),
            DefaultValue::Now => "CURRENT_TIMESTAMP".to_owned(),
            DefaultValue::Expression(expression) => expression.enclosed(Syntax::Sqlite),
        }
    }

    fn add_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
        if index.method.is_some() {
            return Err(self.lacks(Lack::IndexMethods));
        }
        if index.concurrently {
            sql.comment("SQLite has one writer at a time: others wait until the index is built.");
        }
        let unique = if index.unique { "UNIQUE " } else { "" };
        // The schema stands before the index's name, not the table's.
        let (name, of) = (self.index_name(table, index), self.quote(&table.name));
        let (parts, condition) = (self.index_parts(index), self.index_condition(index));
        sql.statement(format!("CREATE {unique}INDEX {name} ON {of} {parts}{condition}"));
        Ok(())
    }

    fn drop_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
        sql.statement(format!("DROP INDEX {}", self.index_name(table, index)));
        Ok(())
    }

    fn alter_column(
        &self,
        table: &TableName,
        _: &str,
        _: &Alteration,
        _: &Alteration,
        _: Option<&Column>,
        _: &mut Sql,
    ) -> Result<(), RenderError> {
        Err(RenderError::NeedsTable { what: "a changed column", table: table.clone() })
    }

    fn add_constraint(
        &self,
        table: &TableName,
        constraint: &Constraint,
        _: &mut Sql,
    ) -> Result<(), RenderError> {
        Err(RenderError::NeedsTable { what: what(constraint), table: table.clone() })
    }

    fn drop_constraint(
        &self,
        table: &TableName,
        constraint: &Constraint,
        _: &mut Sql,
    ) -> Result<(), RenderError> {
        Err(RenderError::NeedsTable { what: what(constraint), table: table.clone() })
    }
}

fn what(constraint: &Constraint) -> &'static str {
    match constraint {
        Constraint::ForeignKey(_) => "a table with another foreign key",
        Constraint::Check { .. } => "a table with another check",
    }
}

/// Whether ALTER TABLE refuses the default of a new column, since it is not the same for all rows.
fn computed(column: &Column) -> bool {
    let word = |text: &str| {
        let upper = text.to_ascii_uppercase();
        ["CURRENT_DATE", "CURRENT_TIME"].contains(&upper.as_str())
    };
    match &column.default {
        Some(DefaultValue::Now) => true,
        Some(DefaultValue::Expression(expression)) => word(expression.as_str()) || !expression.is_written(),
        _ => false,
    }
}

/// The table that must be made anew, or be known, for an operation.
fn looked_at(operation: &Operation) -> Option<&TableName> {
    match operation {
        Operation::DropColumn { table, .. }
        | Operation::AlterColumn { table, .. }
        | Operation::AddConstraint { table, .. }
        | Operation::DropConstraint { table, .. } => Some(table),
        Operation::AddColumn { table, column } if computed(column) => Some(table),
        _ => None,
    }
}

pub(super) fn asks(operation: &Operation) -> Vec<(String, Vec<Value>)> {
    looked_at(operation).map(rebuild::asks).unwrap_or_default()
}

pub(super) fn render(operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
    if let Operation::AlterColumn { to, .. } = operation
        && to.data_type.is_none()
        && to.nullable.is_none()
        && to.default.is_none()
    {
        return Err(Sqlite.lacks(Lack::Comments));
    }
    let live = match (looked_at(operation), known) {
        (Some(table), Some(answers)) => Live::read(table, answers),
        (Some(table), None) => {
            Err(RenderError::NeedsTable { what: needing(operation), table: table.clone() })
        }
        (None, _) => return Sqlite.both(operation),
    };
    let live = match (live, operation) {
        (Ok(live), _) => live,
        // Without a look at the table it is dropped as ALTER TABLE does it.
        (Err(RenderError::NeedsTable { .. } | RenderError::NoTable { .. }), Operation::DropColumn { .. }) => {
            return Sqlite.both(operation);
        }
        (Err(error), _) => return Err(error),
    };
    let stubborn = |table: &TableName| {
        let table = table.clone();
        move |reason: String| RenderError::Stubborn { table, reason }
    };
    match operation {
        Operation::AddColumn { table, column } => {
            let to = live.text.with_column(&Sqlite.column(table, column)).map_err(stubborn(table))?;
            let mut rendering = both_ways(&live, &to, None, |_| true);
            if let Some(comment) = &column.comment {
                let mut sql = Sql::default();
                lost(&mut sql, table, &column.name, comment);
                sql.append(rendering.upgrade);
                rendering.upgrade = sql;
            }
            Ok(rendering)
        }
        Operation::DropColumn { table, column, .. } => drop_column(&live, table, column),
        Operation::AlterColumn { table, column, to, .. } => {
            let at = live.position(table, column)?;
            let to_text = altered(&live, table, at, column, to).map_err(stubborn(table))?;
            let using = to.using.as_ref().map(|using| (column.as_str(), using.as_str()));
            let mut rendering = both_ways(&live, &to_text, using, |_| true);
            if let Some(Some(comment)) = &to.comment {
                let mut sql = Sql::default();
                lost(&mut sql, table, column, comment);
                sql.append(rendering.upgrade);
                rendering.upgrade = sql;
            }
            Ok(rendering)
        }
        Operation::AddConstraint { table, constraint } => {
            if let Constraint::ForeignKey(key) = constraint {
                live.position(table, &key.column)?;
            }
            let rule = Sqlite.constraint(table, constraint);
            let to = live.text.with_rule(&rule).map_err(stubborn(table))?;
            Ok(both_ways(&live, &to, None, |_| true))
        }
        // Only what is added is dropped again, and that way back is rendered with it.
        other => Err(RenderError::NeedsTable {
            what: needing(other),
            table: other.table().cloned().unwrap_or_else(|| TableName::new("")),
        }),
    }
}

fn needing(operation: &Operation) -> &'static str {
    match operation {
        Operation::AddColumn { .. } => "a column whose default is computed",
        Operation::AddConstraint { constraint, .. } | Operation::DropConstraint { constraint, .. } => {
            what(constraint)
        }
        _ => "a changed column",
    }
}

fn lost(sql: &mut Sql, table: &TableName, column: &str, comment: &str) {
    sql.comment(&format!("SQLite keeps no comments; this is of the column {table}.{column}: {comment}"));
}

fn altered(
    live: &Live,
    table: &TableName,
    at: usize,
    column: &str,
    to: &Alteration,
) -> Result<TableText, String> {
    let mut text = live.text.clone();
    if let Some(data_type) = to.data_type.as_ref().filter(|_| live.numbers(at)) {
        // With any other word it would be no name of the row's number any more, and would not be given by itself
        // (https://www.sqlite.org/lang_createtable.html#rowid).
        let alone = to.nullable.is_none() && to.default.is_none();
        if alone || !is_whole(data_type) {
            return Err(format!("{column} numbers its rows, and is an INTEGER of 64 bits for that"));
        }
    } else if let Some(data_type) = &to.data_type {
        // The check of a list of texts is a part of its type.
        text = text.without_list(at)?;
        text = text.with_type(at, &Sqlite.type_of(table, column, data_type))?;
    }
    if let Some(default) = &to.default {
        let default = default.as_ref().map(|default| Sqlite.default_value(to.data_type.as_ref(), default));
        text = text.with_default(at, default.as_deref())?;
    }
    if let Some(nullable) = to.nullable {
        text = text.with_null(at, nullable)?;
    }
    Ok(text)
}

/// Whether a type is of whole numbers.
fn is_whole(data_type: &DataType) -> bool {
    match data_type {
        DataType::SmallInt | DataType::Integer | DataType::BigInt => true,
        // https://www.sqlite.org/datatype3.html#determination_of_column_affinity
        DataType::Own(own) => own.as_str().to_ascii_uppercase().contains("INT"),
        _ => false,
    }
}

/// The table made anew as `to`, and made anew as it was.
fn both_ways(
    live: &Live,
    to: &TableText,
    using: Option<(&str, &str)>,
    keeps: impl Fn(&rebuild::Object) -> bool,
) -> Rendering {
    let (mut upgrade, mut downgrade) = (Sql::default(), Sql::default());
    let all: Vec<_> = live.indexes().collect();
    let kept: Vec<_> = live.indexes().filter(|index| keeps(index)).collect();
    let (before, indexes) = (all.clone(), kept.clone());
    Rebuild { live, from: &live.text, to, using, before, indexes }.write(&mut upgrade);
    let (before, indexes) = (kept, all);
    Rebuild { live, from: to, to: &live.text, using: None, before, indexes }.write(&mut downgrade);
    Rendering { upgrade, downgrade: Ok(downgrade) }
}

/// A column that nothing else needs is dropped by ALTER TABLE, its indexes before it. One that its own definition binds is left out
/// of a table that is made anew. Where it was is where it comes back.
fn drop_column(live: &Live, table: &TableName, column: &str) -> Result<Rendering, RenderError> {
    let stubborn = |reason: String| RenderError::Stubborn { table: table.clone(), reason };
    let at = live.position(table, column)?;
    if let Some(part) = live.text.others(at).find(|part| mentions(part, column)) {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(stubborn(format!("`{part}` needs the column {column}")));
    }
    if mentions(live.text.column(at), "PRIMARY") {
        return Err(stubborn(format!("{column} is its key")));
    }
    let users = live.dependents();
    if let Some(user) = users.iter().find(|object| mentions(&object.sql, column)) {
        return Err(stubborn(format!("{} needs the column {column}, as it seems", user.name)));
    }
    let to = live.text.without(at).map_err(stubborn)?;
    let warning = format!("This drops what {table}.{column} holds: no rollback brings that back.");
    let mut upgrade = Sql::default();
    upgrade.comment(&warning);
    let needs = |index: &&rebuild::Object| live.is_of(index, column);
    // Rows have no value for a column that comes back.
    let filled = |back: Sql| {
        let mut sql = Sql::default();
        if live.text.wants_value(at) {
            sql.comment(UNFILLED);
        }
        sql.append(back);
        sql
    };
    if live.text.is_bound(at) {
        let rebuilt = both_ways(live, &to, None, |index| !needs(&index));
        upgrade.append(rebuilt.upgrade);
        return Ok(Rendering { upgrade, downgrade: rebuilt.downgrade.map(filled) });
    }
    for index in live.indexes().filter(needs) {
        upgrade.statement(format!("DROP INDEX {}", Sqlite.quote(&index.name)));
    }
    upgrade.statement(Sqlite.drop_column(table, column));
    let definition = live.text.column(at);
    // ADD COLUMN takes neither a computed default nor what is computed and stored.
    let never = ["DEFAULT", "NOT", "STORED"].iter().any(|word| mentions(definition, word));
    if !live.text.is_last(at) || never {
        let left = live.text.dropped(at).map_err(stubborn)?;
        let downgrade = both_ways(live, &left, None, |index| !needs(&index)).downgrade.map(filled);
        return Ok(Rendering { upgrade, downgrade });
    }
    let mut downgrade = Sql::default();
    downgrade.statement(format!("ALTER TABLE {} ADD COLUMN {definition}", Sqlite.table_name(table)));
    for index in live.indexes().filter(needs) {
        downgrade.statement(index.sql.clone());
    }
    Ok(Rendering { upgrade, downgrade: Ok(downgrade) })
}
