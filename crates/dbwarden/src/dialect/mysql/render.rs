//! Operations in MySQL's words, and in MariaDB's, which are the same here
//! (<https://dev.mysql.com/doc/refman/8.4/en/alter-table.html>).

use super::{Mariadb, Mysql, read};
use crate::dialect::Dialect;
use crate::dialect::render::{Comments, Lack, Render, RenderError, Sql};
use crate::operation::{
    Alteration, Column, Constraint, DataType, DefaultValue, ForeignKey, Index, IndexPart, Operation,
    TableName,
};
use crate::sql::Syntax;
use crate::value::{Row, Value};

/// What both have in common: each engine's face asks for it.
macro_rules! renders {
    ($engine:ident, $expressions:literal) => {
        impl Render for $engine {
            fn type_of(&self, _: &TableName, _: &str, data_type: &DataType) -> String {
                type_of(data_type)
            }

            fn identity(&self, _: &TableName, _: &str) -> String {
                "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY".to_owned()
            }

            fn comments(&self) -> Comments {
                Comments::Inline
            }

            fn makes_types(&self) -> bool {
                false
            }

            fn indexes_expressions(&self) -> bool {
                $expressions
            }

            fn touch(&self) -> Option<&'static str> {
                Some("ON UPDATE CURRENT_TIMESTAMP")
            }

            fn literal(&self, text: &str) -> String {
                literal(text)
            }

            fn default_value(&self, data_type: Option<&DataType>, default: &DefaultValue) -> String {
                default_value(data_type, default)
            }

            fn column(&self, _: &TableName, column: &Column) -> String {
                definition(column)
            }

            fn unfilled(&self, column: &Column, sql: &mut Sql) {
                if !column.nullable && column.default.is_none() && column.rest.is_none() {
                    sql.comment(
                        "Rows that are there get the empty value of the type (0, ''): there is no default.",
                    );
                }
            }

            fn alter_column(
                &self,
                table: &TableName,
                column: &str,
                to: &Alteration,
                _: &Alteration,
                was: Option<&Column>,
                sql: &mut Sql,
            ) -> Result<(), RenderError> {
                alter_column(self, table, column, to, was, sql)
            }

            fn add_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
                add_index(self, table, index, sql)
            }

            fn drop_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
                let name = self.quote(&index.name(table, self.name_limit()));
                let table = self.table_name(table);
                // MariaDB takes no ALGORITHM behind DROP INDEX.
                let online = if index.concurrently { ", ALGORITHM=INPLACE, LOCK=NONE" } else { "" };
                sql.statement(format!("ALTER TABLE {table} DROP INDEX {name}{online}"));
                Ok(())
            }

            fn drop_constraint(
                &self,
                table: &TableName,
                constraint: &Constraint,
                sql: &mut Sql,
            ) -> Result<(), RenderError> {
                drop_constraint(self, table, constraint, sql)
            }
        }
    };
}

renders!(Mysql, true);
renders!(Mariadb, false);

/// What builds an index while others go on writing, or fails
/// (<https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html>).
const ONLINE: &str = " ALGORITHM=INPLACE LOCK=NONE";

/// Backslashes escape, unless `NO_BACKSLASH_ESCAPES` is set, which a script cannot know.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn default_value(data_type: Option<&DataType>, default: &DefaultValue) -> String {
    match default {
        DefaultValue::Number(number) => number.clone(),
        DefaultValue::Text(text) if data_type.is_some_and(DataType::is_large) => {
            format!("({})", literal(text))
        }
        DefaultValue::Text(text) => literal(text),
        DefaultValue::Keyword(word) => (*word).to_owned(),
        DefaultValue::Now => "CURRENT_TIMESTAMP".to_owned(),
        // As the server itself wrote it.
        DefaultValue::Expression(expression) if expression.is_written() => expression.as_str().to_owned(),
        DefaultValue::Expression(expression) => expression.enclosed(Syntax::Mysql),
    }
}

/// The definition of a column. `NULL` is written too: MariaDB takes a TIMESTAMP without it for NOT NULL, where
/// `explicit_defaults_for_timestamp` is off (<https://mariadb.com/kb/en/timestamp/>).
fn definition(column: &Column) -> String {
    let name = super::quote(&column.name);
    let comment =
        column.comment.as_ref().map_or_else(String::new, |text| format!(" COMMENT {}", literal(text)));
    if column.identity {
        return format!("{name} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY{comment}");
    }
    let mut text = format!("{name} {}", type_of(&column.data_type));
    let rest = column.rest.as_ref().map_or_else(String::new, |rest| format!(" {}", rest.as_str()));
    // Behind what a column is generated from stands the rest; anything else stands before a check.
    if rest.contains("GENERATED ALWAYS AS") {
        let null = if column.nullable { "" } else { " NOT NULL" };
        return format!("{text}{rest}{null}{comment}");
    }
    text.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    if let Some(default) = &column.default {
        text.push_str(&format!(" DEFAULT {}", default_value(Some(&column.data_type), default)));
    }
    if column.touched {
        text.push_str(" ON UPDATE CURRENT_TIMESTAMP");
    }
    format!("{text}{comment}{rest}")
}

fn type_of(data_type: &DataType) -> String {
    let length = |word: &str, length: &Option<u32>| match length {
        Some(length) => format!("{word}({length})"),
        None => word.to_owned(),
    };
    match data_type {
        DataType::SmallInt => "SMALLINT".to_owned(),
        DataType::Integer => "INT".to_owned(),
        DataType::BigInt => "BIGINT".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Real => "FLOAT".to_owned(),
        DataType::Double => "DOUBLE".to_owned(),
        DataType::Numeric(None) => "DECIMAL".to_owned(),
        DataType::Numeric(Some((digits, behind))) => format!("DECIMAL({digits}, {behind})"),
        // It must have a length.
        DataType::String(characters) => format!("VARCHAR({})", characters.unwrap_or(255)),
        DataType::Char(characters) => format!("CHAR({characters})"),
        DataType::Text => "TEXT".to_owned(),
        DataType::Binary(None) => "LONGBLOB".to_owned(),
        DataType::Binary(Some(bytes)) => format!("VARBINARY({bytes})"),
        DataType::Date => "DATE".to_owned(),
        DataType::Time => "TIME".to_owned(),
        // A TIMESTAMP ends in 2038 (https://dev.mysql.com/doc/refman/8.4/en/datetime.html).
        DataType::DateTime { precision, .. } => length("DATETIME", precision),
        DataType::Timestamp { precision, .. } => length("TIMESTAMP", precision),
        // There is none: SQLAlchemy keeps one as the time since 1970.
        DataType::Interval => "DATETIME(6)".to_owned(),
        // MariaDB has one from 10.7 on, MySQL none.
        DataType::Uuid => "CHAR(36)".to_owned(),
        DataType::Json => "JSON".to_owned(),
        DataType::Enum { values, .. } => {
            format!("ENUM({})", values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", "))
        }
        DataType::Own(own) => own.as_str().to_owned(),
    }
}

/// A default alone can be changed by itself; anything else wants the whole definition.
fn alter_column(
    render: &impl Render,
    table: &TableName,
    column: &str,
    to: &Alteration,
    was: Option<&Column>,
    sql: &mut Sql,
) -> Result<(), RenderError> {
    let start = format!("ALTER TABLE {}", render.table_name(table));
    if to.using.is_some() {
        sql.comment("There is no USING here: the server converts the values by itself.");
    }
    if only_default(to) && was.is_none() {
        let name = render.quote(column);
        sql.statement(match &to.default {
            Some(Some(default)) => {
                format!("{start} ALTER COLUMN {name} SET DEFAULT {}", default_value(None, default))
            }
            _ => format!("{start} ALTER COLUMN {name} DROP DEFAULT"),
        });
        return Ok(());
    }
    let whole = match (was, &to.data_type) {
        (Some(was), _) => to.applied_to(was),
        (None, Some(data_type)) if to.nullable.is_some() => {
            sql.comment("This is the whole definition from now on: what else the column had is gone.");
            to.applied_to(&Column::new(column, data_type.clone()))
        }
        (None, _) => {
            let (table, column) = (table.clone(), column.to_owned());
            return Err(RenderError::NeedsColumn { table, column, database: render.database() });
        }
    };
    sql.statement(format!("{start} MODIFY COLUMN {}", definition(&whole)));
    Ok(())
}

fn only_default(to: &Alteration) -> bool {
    to.default.is_some() && to.data_type.is_none() && to.nullable.is_none() && to.comment.is_none()
}

fn add_index(
    render: &impl Render,
    table: &TableName,
    index: &Index,
    sql: &mut Sql,
) -> Result<(), RenderError> {
    let lacks = |lack| Err(RenderError::Unsupported { lack, database: render.database() });
    if index.condition.is_some() {
        return lacks(Lack::PartialIndexes);
    }
    // MySQL has them from 8.0.13 on; MariaDB wants a generated column in their place
    // (https://mariadb.com/kb/en/generated-columns/).
    let expression = index.parts.iter().any(|part| matches!(part, IndexPart::Expression(_)));
    if expression && !render.indexes_expressions() {
        return lacks(Lack::ExpressionIndexes);
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = render.quote(&index.name(table, render.name_limit()));
    let method = index.method.as_ref().map_or_else(String::new, |method| format!(" USING {method}"));
    let online = if index.concurrently { ONLINE } else { "" };
    let (table, parts) = (render.table_name(table), render.index_parts(index));
    sql.statement(format!("CREATE {unique}INDEX {name}{method} ON {table} {parts}{online}"));
    Ok(())
}

/// A foreign key makes an index of its own name where its column has none, and leaves it behind
/// (<https://dev.mysql.com/doc/refman/8.4/en/create-table-foreign-keys.html>).
fn drop_constraint(
    render: &impl Render,
    table: &TableName,
    constraint: &Constraint,
    sql: &mut Sql,
) -> Result<(), RenderError> {
    let name = render.quote(&constraint.name(table, render.name_limit()));
    let start = format!("ALTER TABLE {}", render.table_name(table));
    match constraint {
        Constraint::ForeignKey(ForeignKey { .. }) => {
            sql.statement(format!("{start} DROP FOREIGN KEY {name}"));
            sql.comment(&format!("only-if: index {name}"));
            sql.statement(format!("{start} DROP INDEX {name}"));
        }
        Constraint::Check { .. } => sql.statement(format!("{start} DROP CONSTRAINT {name}")),
    }
    Ok(())
}

/// What must be asked to know the column that would otherwise be lost, or whose definition must be written again.
pub(super) fn asks(render: &impl Render, operation: &Operation) -> Vec<(String, Vec<Value>)> {
    let ask = |(table, _): (&TableName, &str)| {
        (format!("SHOW CREATE TABLE {}", render.table_name(table)), Vec::new())
    };
    wanted(operation).map(ask).into_iter().collect()
}

fn wanted(operation: &Operation) -> Option<(&TableName, &str)> {
    match operation {
        Operation::DropColumn { table, column, was: None } => Some((table, column)),
        Operation::AlterColumn { table, column, was: None, to, .. }
            if !only_default(to) || operation.reverse().is_err() =>
        {
            Some((table, column))
        }
        _ => None,
    }
}

/// Reads the answer to [`asks`].
///
/// # Errors
/// That the table has no such column.
pub(super) fn known(operation: &Operation, answers: &[Vec<Row>]) -> Result<Option<Column>, RenderError> {
    let (Some(row), Some((table, name))) = (answers.first().and_then(|rows| rows.first()), wanted(operation))
    else {
        return Ok(None);
    };
    match read::column(row.text(1), name) {
        Some(column) => Ok(Some(column)),
        None => Err(RenderError::NoColumn { table: table.clone(), column: name.to_owned() }),
    }
}
