//! Operations in MySQL's words, and in MariaDB's, which are the same here
//! (<https://dev.mysql.com/doc/refman/8.4/en/alter-table.html>).

use super::{Mariadb, Mysql, read};
use crate::dialect::Dialect;
use crate::dialect::render::{Comments, Lack, Render, RenderError, Rendering, Sql, knowing};
use crate::operation::{
    Alteration, Column, Constraint, DataType, DefaultValue, ForeignKey, Index, IndexPart, Operation, OwnType,
    TableName,
};
use crate::sql::{Rules, Syntax, TokenKind, tokens};
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
        // Without its digits it has 10, none of them behind the point (https://dev.mysql.com/doc/refman/8.4/en/fixed-point-types.html).
        DataType::Numeric(None) => "DECIMAL(38, 9)".to_owned(),
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
    if let Some(change) = default_alone(to, was) {
        sql.statement(format!("{start} ALTER COLUMN {} {change}", render.quote(column)));
        return Ok(());
    }
    let whole = match (was, &to.data_type) {
        (Some(was), Some(data_type)) => {
            Column { data_type: with_characters(data_type, &was.data_type), ..to.applied_to(was) }
        }
        (Some(was), None) => to.applied_to(was),
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

/// What changes a default and nothing else, also where the rest of the column has changed since it was looked at. Of what is computed
/// only the whole definition is taken everywhere.
fn default_alone(to: &Alteration, was: Option<&Column>) -> Option<String> {
    if !only_default(to) {
        return None;
    }
    let computed = |default: &DefaultValue| match default {
        DefaultValue::Expression(expression) => !is_literal(expression.as_str()),
        DefaultValue::Now => true,
        DefaultValue::Text(_) => was.is_some_and(|was| was.data_type.is_large()),
        DefaultValue::Number(_) | DefaultValue::Keyword(_) => false,
    };
    match (to.default.as_ref()?, was) {
        (Some(default), Some(was)) if computed(default) || was.default.as_ref().is_some_and(computed) => None,
        (Some(default), was) => {
            let value = default_value(was.map(|was| &was.data_type), default);
            Some(format!("SET DEFAULT {value}"))
        }
        (None, Some(was)) if was.default.as_ref().is_some_and(computed) => None,
        // Without any, an INSERT must name the column.
        (None, Some(was)) if was.nullable => Some("SET DEFAULT NULL".to_owned()),
        (None, _) => Some("DROP DEFAULT".to_owned()),
    }
}

/// Whether a default, as the server writes it, is a number or a text.
fn is_literal(text: &str) -> bool {
    let tokens: Vec<_> = tokens(text, Rules::new(Syntax::Mysql)).collect();
    match &tokens[..] {
        [value] => matches!(value.kind, TokenKind::String | TokenKind::Number),
        [sign, value] => sign.text == "-" && value.kind == TokenKind::Number,
        _ => false,
    }
}

/// A type of texts with the character set and collation of the type before it, where it says none: without them it would get those of
/// the table.
fn with_characters(data_type: &DataType, was: &DataType) -> DataType {
    let (DataType::Own(was), name) = (was, type_of(data_type)) else { return data_type.clone() };
    let words = |text: &str| -> Vec<(usize, String)> {
        let tokens = tokens(text, Rules::new(Syntax::Mysql));
        let words = tokens.filter(|token| token.kind == TokenKind::Word);
        words.map(|token| (token.start, token.text.to_ascii_uppercase())).collect()
    };
    let says = |(_, word): &&(usize, String)| ["CHARACTER", "CHARSET", "COLLATE"].contains(&word.as_str());
    let texts = ["CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM", "SET"];
    let new = words(&name);
    let is_text = new.first().is_some_and(|(_, word)| texts.contains(&word.as_str()));
    let (true, None) = (is_text && !matches!(data_type, DataType::Uuid), new.iter().find(says)) else {
        return data_type.clone();
    };
    match words(was.as_str()).iter().find(says) {
        Some((start, _)) => DataType::Own(OwnType::written(format!("{name} {}", &was.as_str()[*start..]))),
        None => data_type.clone(),
    }
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

fn drop_foreign_key(render: &impl Render, table: &TableName, name: &str) -> String {
    format!("ALTER TABLE {} DROP FOREIGN KEY {name}", render.table_name(table))
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
            sql.statement(drop_foreign_key(render, table, &name));
            sql.comment(&format!("only-if: index {name}"));
            sql.statement(format!("{start} DROP INDEX {name}"));
        }
        Constraint::Check { .. } => sql.statement(format!("{start} DROP CONSTRAINT {name}")),
    }
    Ok(())
}

/// What must be asked to know the column that would otherwise be lost, or whose definition must be written again, and whether it is
/// that one still when the script runs.
pub(super) fn asks(render: &impl Render, operation: &Operation) -> Vec<(String, Vec<Value>)> {
    if let Some((table, name)) = named_key(render, operation) {
        // A foreign key makes no index where one does, and that one is not its own.
        let query = "SELECT 1 FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? \
                     AND index_name = ? LIMIT 1";
        let parameters = [table.schema.clone().into(), table.name.as_str().into(), name.into()];
        return vec![(query.to_owned(), parameters.into())];
    }
    let Some((table, column)) = wanted(operation) else { return Vec::new() };
    let mut queries = vec![(format!("SHOW CREATE TABLE {}", render.table_name(table)), Vec::new())];
    if matches!(operation, Operation::AlterColumn { .. }) {
        let parameters = [table.schema.clone().into(), table.name.as_str().into(), column.into()];
        queries.push((format!("SELECT {SUM}{}", of_column(["?", "?", "?"])), parameters.into()));
    }
    queries
}

/// What `information_schema` says of a column, but for its place, as one value.
const SUM: &str = "MD5(CONCAT_WS('|', c.column_type, c.is_nullable, COALESCE(c.column_default, '-'), c.extra, \
                   c.generation_expression, c.column_comment, NULLIF(c.collation_name, t.table_collation)))";

fn of_column([schema, table, column]: [&str; 3]) -> String {
    format!(
        " FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name) \
         WHERE c.table_schema = COALESCE({schema}, DATABASE()) AND c.table_name = {table} AND c.column_name = {column}"
    )
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

/// The table and the name of a foreign key that is added.
fn named_key<'a>(render: &impl Render, operation: &'a Operation) -> Option<(&'a TableName, String)> {
    match operation {
        Operation::AddConstraint { table, constraint: constraint @ Constraint::ForeignKey(_) } => {
            Some((table, constraint.name(table, render.name_limit())))
        }
        _ => None,
    }
}

/// Renders an operation with what the database said of it.
///
/// # Errors
/// What the engine has not; that the table has no such column.
pub(super) fn render(
    render: &impl Render,
    operation: &Operation,
    answers: Option<&[Vec<Row>]>,
) -> Result<Rendering, RenderError> {
    let rows = |at: usize| answers.and_then(|answers| answers.get(at)?.first());
    if let (Some((table, name)), Some(_)) = (named_key(render, operation), rows(0)) {
        let mut downgrade = Sql::default();
        downgrade.statement(drop_foreign_key(render, table, &render.quote(&name)));
        return Ok(Rendering { downgrade: Ok(downgrade), ..render.both(operation)? });
    }
    let (Some(row), Some((table, name))) = (rows(0), wanted(operation)) else {
        return render.both(operation);
    };
    let no_column = || RenderError::NoColumn { table: table.clone(), column: name.to_owned() };
    let column = read::column(row.text(1), name).ok_or_else(no_column)?;
    let whole = match operation {
        Operation::AlterColumn { to, .. } => default_alone(to, Some(&column)).is_none(),
        _ => false,
    };
    let mut rendering = render.both(&knowing(operation, Some(column)))?;
    if let Some(sum) = rows(1).filter(|_| whole) {
        let mut sql = Sql::default();
        let schema = table.schema.as_ref().map_or_else(|| "NULL".to_owned(), |schema| literal(schema));
        let of = of_column([&schema, &literal(&table.name), &literal(name)]);
        sql.comment(&format!(
            "The whole definition of {table}.{name} is written below. Where it is not what this was written for, this stops: \"Subquery \
             returns more than 1 row\"."
        ));
        sql.statement(format!(
            "SELECT IF(COUNT(*) = 1, 1, (SELECT 1 UNION ALL SELECT 2)){of} AND {SUM} = {}",
            literal(sum.text(0))
        ));
        sql.append(rendering.upgrade);
        rendering.upgrade = sql;
    }
    if let (Operation::DropColumn { .. }, Ok(downgrade)) = (operation, &mut rendering.downgrade) {
        // All in one: a column that counts up must have its key at once.
        for change in read::taken_along(row.text(1), name) {
            downgrade.add_to_last(&format!(", {change}"));
        }
    }
    Ok(rendering)
}
