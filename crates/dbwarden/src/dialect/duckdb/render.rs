//! Operations in DuckDB's words (<https://duckdb.org/docs/stable/sql/statements/alter_table>).

use super::Duckdb;
use crate::dialect::Dialect;
use crate::dialect::render::{Lack, Render, RenderError, Sql, unknown_column};
use crate::operation::{
    Column, Constraint, DataType, DefaultValue, Expression, Index, Operation, OwnType, Table, TableName,
};
use crate::value::{Row, Value};

impl Render for Duckdb {
    fn type_of(&self, table: &TableName, column: &str, data_type: &DataType) -> String {
        let length = |word: &str, length: &Option<u32>| match length {
            Some(length) => format!("{word}({length})"),
            None => word.to_owned(),
        };
        match data_type {
            DataType::Enum { name, .. } => self.table_name(&self.type_name(table, column, name.as_ref())),
            DataType::SmallInt => "SMALLINT".to_owned(),
            DataType::Integer => "INTEGER".to_owned(),
            DataType::BigInt => "BIGINT".to_owned(),
            DataType::Boolean => "BOOLEAN".to_owned(),
            DataType::Real => "FLOAT".to_owned(),
            DataType::Double => "DOUBLE".to_owned(),
            // Without its digits it has 18, 3 of them behind the point (https://duckdb.org/docs/stable/sql/data_types/numeric).
            DataType::Numeric(None) => "DECIMAL(38, 9)".to_owned(),
            DataType::Numeric(Some((digits, behind))) => format!("DECIMAL({digits}, {behind})"),
            // Lengths are taken, and mean nothing (https://duckdb.org/docs/stable/sql/data_types/text).
            DataType::String(characters) => length("VARCHAR", characters),
            DataType::Char(characters) => format!("VARCHAR({characters})"),
            DataType::Text => "VARCHAR".to_owned(),
            DataType::Binary(_) => "BLOB".to_owned(),
            DataType::Date => "DATE".to_owned(),
            DataType::Time => "TIME".to_owned(),
            DataType::DateTime { zone, .. } | DataType::Timestamp { zone, .. } => {
                if *zone { "TIMESTAMPTZ" } else { "TIMESTAMP" }.to_owned()
            }
            DataType::Interval => "INTERVAL".to_owned(),
            DataType::Uuid => "UUID".to_owned(),
            DataType::Json => "JSON".to_owned(),
            DataType::Own(own) => own.as_str().to_owned(),
        }
    }

    fn identity(&self, table: &TableName, column: &str) -> String {
        let sequence = self.literal(&self.table_name(&sequence(table, column)));
        format!("BIGINT PRIMARY KEY DEFAULT nextval({sequence})")
    }

    fn now(&self) -> &'static str {
        "now()"
    }

    /// No column numbers its rows by itself: a sequence does.
    fn create_table(&self, table: &Table, sql: &mut Sql) -> Result<(), RenderError> {
        for column in table.columns.iter().filter(|column| column.identity) {
            let sequence = self.table_name(&sequence(&table.name, &column.name));
            sql.statement(format!("CREATE SEQUENCE {sequence}"));
        }
        self.make_table(table, sql);
        Ok(())
    }

    fn drop_table(&self, table: &TableName, was: Option<&Table>, sql: &mut Sql) -> Result<(), RenderError> {
        sql.statement(format!("DROP TABLE {}", self.table_name(table)));
        for column in was.iter().flat_map(|was| &was.columns) {
            self.drop_type(table, &column.name, &column.data_type, sql);
            if column.identity {
                sql.statement(format!("DROP SEQUENCE {}", self.table_name(&sequence(table, &column.name))));
            }
        }
        Ok(())
    }

    /// A column that is added may have no constraint; it gets it afterwards.
    fn add_column(&self, table: &TableName, column: &Column, sql: &mut Sql) -> Result<(), RenderError> {
        if column.identity {
            return Err(self.lacks(Lack::AddedKeys));
        }
        self.create_type(table, &column.name, &column.data_type, sql);
        self.unfilled(column, sql);
        let (name, table_name) = (self.quote(&column.name), self.table_name(table));
        let loose = Column { nullable: true, ..column.clone() };
        sql.statement(format!("ALTER TABLE {table_name} ADD COLUMN {}", self.column(table, &loose)));
        if !column.nullable {
            sql.statement(format!("ALTER TABLE {table_name} ALTER COLUMN {name} SET NOT NULL"));
        }
        self.comment_on(table, &column.name, column.comment.as_deref(), sql);
        Ok(())
    }

    fn set_type(&self) -> &'static str {
        "SET DATA TYPE"
    }

    /// It converts by itself what it can.
    fn casts(&self, _: &DataType) -> bool {
        false
    }

    fn add_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
        if index.condition.is_some() {
            return Err(self.lacks(Lack::PartialIndexes));
        }
        if index.concurrently {
            sql.comment("DuckDB has no other sessions that an index would keep waiting.");
        }
        let unique = if index.unique { "UNIQUE " } else { "" };
        let method = index.method.as_ref().map_or_else(String::new, |method| format!(" USING {method}"));
        let name = self.quote(&index.name(table, self.name_limit()));
        let (table, parts) = (self.table_name(table), self.index_parts(index));
        sql.statement(format!("CREATE {unique}INDEX {name} ON {table}{method} {parts}"));
        Ok(())
    }

    fn drop_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError> {
        sql.statement(format!("DROP INDEX {}", self.index_name(table, index)));
        Ok(())
    }

    fn add_constraint(&self, _: &TableName, constraint: &Constraint, _: &mut Sql) -> Result<(), RenderError> {
        Err(self.lacks(match constraint {
            Constraint::ForeignKey(_) => Lack::AddedForeignKeys,
            Constraint::Check { .. } => Lack::AddedChecks,
        }))
    }
}

fn sequence(table: &TableName, column: &str) -> TableName {
    // `nextval` reads the name as a text, and knows no quotes within quotes.
    let name = format!("{}_{column}_seq", table.name).replace('"', "_");
    TableName { schema: table.schema.clone(), name }
}

/// What must be asked to know the column that would otherwise be lost.
pub(super) fn asks(operation: &Operation) -> Vec<(String, Vec<Value>)> {
    const COLUMN: &str = "SELECT data_type, CASE WHEN is_nullable THEN 1 ELSE 0 END, column_default, comment FROM duckdb_columns() \
         WHERE lower(table_name) = lower(?) AND lower(column_name) = lower(?) \
         AND lower(schema_name) = lower(coalesce(?, current_schema())) AND database_name = current_database()";
    let ask = |(table, column): (&TableName, &str)| {
        (COLUMN.to_owned(), vec![table.name.as_str().into(), column.into(), table.schema.clone().into()])
    };
    unknown_column(operation).map(ask).into_iter().collect()
}

/// Reads the answer to [`asks`].
pub(super) fn read(operation: &Operation, answers: &[Vec<Row>]) -> Option<Column> {
    let row = answers.first()?.first()?;
    let (_, name) = unknown_column(operation)?;
    let default = row.optional_text(2).filter(|default| default != "NULL");
    Some(Column {
        nullable: row.integer(1) == Some(1),
        default: default.map(|default| DefaultValue::Expression(Expression::written(default))),
        comment: row.optional_text(3),
        ..Column::new(name, DataType::Own(OwnType::written(row.text(0))))
    })
}
