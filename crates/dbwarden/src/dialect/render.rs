//! Operations as SQL: what the engines have in common, and a hook for each thing in which they differ.

use super::Dialect;
pub(super) use super::rendering::{Lack, RenderError, Rendering, Sql};
use crate::operation::{
    Alteration, Column, Constraint, DataType, DefaultValue, ForeignKey, Index, IndexPart, Irreversible,
    Operation, Table, TableName,
};

/// What is said before a column that rows have no value for.
pub(super) const UNFILLED: &str =
    "A table that has rows refuses this: they have no value for the column. A default gives them one.";

/// Where an engine keeps comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comments {
    /// In statements of their own: `COMMENT ON COLUMN`.
    Statements,
    /// In the definition.
    Inline,
    /// Nowhere.
    Nowhere,
}

/// How an engine writes operations. What is not overridden is as PostgreSQL has it.
pub(super) trait Render: Dialect {
    /// Returns the engine's word for a type of a column.
    fn type_of(&self, table: &TableName, column: &str, data_type: &DataType) -> String;

    /// Returns what stands behind the name of a column that numbers the rows.
    fn identity(&self, table: &TableName, column: &str) -> String;

    /// Where comments are kept.
    fn comments(&self) -> Comments {
        Comments::Statements
    }

    /// Whether a list of texts is a type with a name.
    fn makes_types(&self) -> bool {
        true
    }

    /// What makes each UPDATE set a column to the time.
    fn touch(&self) -> Option<&'static str> {
        None
    }

    /// Whether an index may be of an expression.
    fn indexes_expressions(&self) -> bool {
        true
    }

    /// The time now, as a default.
    fn now(&self) -> &'static str {
        "CURRENT_TIMESTAMP"
    }

    fn literal(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    fn default_value(&self, _data_type: Option<&DataType>, default: &DefaultValue) -> String {
        match default {
            DefaultValue::Number(number) => number.clone(),
            DefaultValue::Text(text) => self.literal(text),
            DefaultValue::Keyword(word) => (*word).to_owned(),
            DefaultValue::Now => self.now().to_owned(),
            DefaultValue::Expression(expression) => expression.as_str().to_owned(),
        }
    }

    fn table_name(&self, table: &TableName) -> String {
        let name = self.quote(&table.name);
        table.schema.as_ref().map_or_else(|| name.clone(), |schema| format!("{}.{name}", self.quote(schema)))
    }

    fn values(&self, values: &[String]) -> String {
        values.iter().map(|value| self.literal(value)).collect::<Vec<_>>().join(", ")
    }

    /// The definition of a column.
    fn column(&self, table: &TableName, column: &Column) -> String {
        let name = self.quote(&column.name);
        if column.identity {
            return format!("{name} {}", self.identity(table, &column.name));
        }
        let mut text = format!("{name} {}", self.type_of(table, &column.name, &column.data_type));
        if let Some(rest) = &column.rest {
            text.push_str(&format!(" {}", rest.as_str()));
        }
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &column.default {
            text.push_str(&format!(" DEFAULT {}", self.default_value(Some(&column.data_type), default)));
        }
        if let Some(touch) = self.touch().filter(|_| column.touched) {
            text.push_str(&format!(" {touch}"));
        }
        text
    }

    /// Renders one operation, one way.
    fn one(&self, operation: &Operation, sql: &mut Sql) -> Result<(), RenderError> {
        match operation {
            Operation::CreateTable { table } => self.create_table(table, sql),
            Operation::DropTable { table, was } => self.drop_table(table, was.as_ref(), sql),
            Operation::AddColumn { table, column } => self.add_column(table, column, sql),
            Operation::DropColumn { table, column, was } => {
                sql.comment(&format!(
                    "This drops what {table}.{column} holds: no rollback brings that back."
                ));
                sql.statement(self.drop_column(table, column));
                if let Some(was) = was {
                    self.drop_type(table, &was.name, &was.data_type, sql);
                }
                Ok(())
            }
            Operation::AlterColumn { table, column, to, from, was } => {
                self.alter_column(table, column, to, from, was.as_deref(), sql)
            }
            Operation::RenameColumn { table, from, to } => {
                let (table, from, to) = (self.table_name(table), self.quote(from), self.quote(to));
                sql.statement(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"));
                Ok(())
            }
            Operation::AddIndex { table, index } => self.add_index(table, index, sql),
            Operation::DropIndex { table, index } => self.drop_index(table, index, sql),
            Operation::AddConstraint { table, constraint } => self.add_constraint(table, constraint, sql),
            Operation::DropConstraint { table, constraint } => self.drop_constraint(table, constraint, sql),
            Operation::CreateEnum { name, values } => {
                self.has_types()?;
                let (name, values) = (self.table_name(name), self.values(values));
                sql.statement(format!("CREATE TYPE {name} AS ENUM ({values})"));
                Ok(())
            }
            Operation::DropEnum { name, .. } => {
                self.has_types()?;
                sql.statement(format!("DROP TYPE {}", self.table_name(name)));
                Ok(())
            }
            Operation::Execute { up, .. } => {
                let up = up.trim().trim_end_matches(';').trim_end();
                // A comment at its end would swallow the semicolon.
                let last = up.lines().next_back().unwrap_or_default();
                let end = if last.contains("--") || last.contains('#') { "\n" } else { "" };
                sql.statement(format!("{up}{end}"));
                Ok(())
            }
        }
    }

    /// Renders an operation both ways, the way back as its reverse.
    fn both(&self, operation: &Operation) -> Result<Rendering, RenderError> {
        let mut upgrade = Sql::default();
        self.one(operation, &mut upgrade)?;
        let back = |operation: Operation| {
            let mut sql = Sql::default();
            match self.one(&operation, &mut sql) {
                Err(error @ (RenderError::NeedsTable { .. } | RenderError::NeedsColumn { .. })) => {
                    Ok(Err(Irreversible(error.to_string())))
                }
                other => other.map(|()| Ok(sql)),
            }
        };
        let downgrade = operation.reverse().map_or_else(|why| Ok(Err(why)), back)?;
        Ok(Rendering { upgrade, downgrade })
    }

    fn lacks(&self, lack: Lack) -> RenderError {
        RenderError::Unsupported { lack, database: self.database() }
    }

    fn has_types(&self) -> Result<(), RenderError> {
        if self.makes_types() { Ok(()) } else { Err(self.lacks(Lack::EnumTypes)) }
    }

    fn create_table(&self, table: &Table, sql: &mut Sql) -> Result<(), RenderError> {
        self.make_table(table, sql);
        Ok(())
    }

    /// The statement that makes a table, with its types before it and comments around it.
    fn make_table(&self, table: &Table, sql: &mut Sql) {
        for column in &table.columns {
            self.create_type(&table.name, &column.name, &column.data_type, sql);
            if column.touched && self.touch().is_none() {
                sql.comment(&format!(
                    "{} does not set {} by itself: set it in each UPDATE.",
                    self.database(),
                    column.name
                ));
            }
        }
        let lost = |what: &str, comment: &Option<String>, sql: &mut Sql| {
            if let (Comments::Nowhere, Some(comment)) = (self.comments(), comment) {
                sql.comment(&format!("{} keeps no comments; this is of {what}: {comment}", self.database()));
            }
        };
        lost(&format!("the table {}", table.name), &table.comment, sql);
        for column in &table.columns {
            lost(&format!("the column {}.{}", table.name, column.name), &column.comment, sql);
        }
        let columns: Vec<_> =
            table.columns.iter().map(|column| format!("    {}", self.column(&table.name, column))).collect();
        let behind = match (self.comments(), &table.comment) {
            (Comments::Inline, Some(comment)) => format!(" COMMENT={}", self.literal(comment)),
            _ => String::new(),
        };
        let name = self.table_name(&table.name);
        sql.statement(format!("CREATE TABLE {name} (\n{}\n){behind}", columns.join(",\n")));
        if self.comments() == Comments::Statements {
            if let Some(comment) = &table.comment {
                sql.statement(format!("COMMENT ON TABLE {name} IS {}", self.literal(comment)));
            }
            for column in &table.columns {
                self.comment_on(&table.name, &column.name, column.comment.as_deref(), sql);
            }
        }
    }

    fn drop_table(&self, table: &TableName, was: Option<&Table>, sql: &mut Sql) -> Result<(), RenderError> {
        sql.statement(format!("DROP TABLE {}", self.table_name(table)));
        for column in was.iter().flat_map(|was| &was.columns) {
            self.drop_type(table, &column.name, &column.data_type, sql);
        }
        Ok(())
    }

    fn add_column(&self, table: &TableName, column: &Column, sql: &mut Sql) -> Result<(), RenderError> {
        if column.identity {
            return Err(self.lacks(Lack::AddedKeys));
        }
        self.create_type(table, &column.name, &column.data_type, sql);
        self.unfilled(column, sql);
        if let (Comments::Nowhere, Some(comment)) = (self.comments(), &column.comment) {
            let of = format!("the column {table}.{}", column.name);
            sql.comment(&format!("{} keeps no comments; this is of {of}: {comment}", self.database()));
        }
        sql.statement(format!(
            "ALTER TABLE {} ADD COLUMN {}",
            self.table_name(table),
            self.column(table, column)
        ));
        if self.comments() == Comments::Statements {
            self.comment_on(table, &column.name, column.comment.as_deref(), sql);
        }
        Ok(())
    }

    /// Says what becomes of rows that have no value for a new column.
    fn unfilled(&self, column: &Column, sql: &mut Sql) {
        let null = matches!(&column.default, None | Some(DefaultValue::Keyword("NULL")));
        if !column.nullable && null && column.rest.is_none() {
            sql.comment(UNFILLED);
        }
    }

    fn drop_column(&self, table: &TableName, column: &str) -> String {
        format!("ALTER TABLE {} DROP COLUMN {}", self.table_name(table), self.quote(column))
    }

    /// Makes the type of a list of texts.
    fn create_type(&self, table: &TableName, column: &str, data_type: &DataType, sql: &mut Sql) {
        if let Some((name, values)) = self.own_type(table, column, data_type) {
            sql.statement(format!("CREATE TYPE {} AS ENUM ({values})", self.table_name(&name)));
        }
    }

    /// Drops it.
    fn drop_type(&self, table: &TableName, column: &str, data_type: &DataType, sql: &mut Sql) {
        if let Some((name, _)) = self.own_type(table, column, data_type) {
            sql.statement(format!("DROP TYPE {}", self.table_name(&name)));
        }
    }

    /// The name and values of the type that a column brings with it.
    fn own_type(&self, table: &TableName, column: &str, data_type: &DataType) -> Option<(TableName, String)> {
        match data_type {
            DataType::Enum { name, values } if self.makes_types() => {
                Some((self.type_name(table, column, name.as_ref()), self.values(values)))
            }
            _ => None,
        }
    }

    /// The name of a list of texts: its own, or `<table>_<column>`.
    fn type_name(&self, table: &TableName, column: &str, name: Option<&TableName>) -> TableName {
        name.cloned().unwrap_or_else(|| TableName {
            schema: table.schema.clone(),
            name: self.name_limit().fit(format!("{}_{column}", table.name)),
        })
    }

    fn comment_on(&self, table: &TableName, column: &str, comment: Option<&str>, sql: &mut Sql) {
        if let Some(comment) = comment {
            let place = format!("{}.{}", self.table_name(table), self.quote(column));
            sql.statement(format!("COMMENT ON COLUMN {place} IS {}", self.literal(comment)));
        }
    }

    fn alter_column(
        &self,
        table: &TableName,
        column: &str,
        to: &Alteration,
        from: &Alteration,
        was: Option<&Column>,
        sql: &mut Sql,
    ) -> Result<(), RenderError> {
        let start = format!("ALTER TABLE {} ALTER COLUMN {}", self.table_name(table), self.quote(column));
        let old_type = was.map(|was| &was.data_type).or(from.data_type.as_ref());
        if let Some(data_type) = &to.data_type {
            // The engine would try to make the old default one of the new type.
            if to.default.is_some() {
                sql.statement(format!("{start} DROP DEFAULT"));
            }
            self.create_type(table, column, data_type, sql);
            let name = self.type_of(table, column, data_type);
            let using = match &to.using {
                Some(using) => format!(" USING {}", using.as_str()),
                None if self.casts(data_type) => format!(" USING {}", self.cast(column, data_type, &name)),
                None => String::new(),
            };
            sql.statement(format!("{start} {} {name}{using}", self.set_type()));
            if let Some(old_type) = old_type {
                self.drop_type(table, column, old_type, sql);
            }
        }
        let data_type = to.data_type.as_ref().or(old_type);
        match &to.default {
            Some(Some(default)) => {
                sql.statement(format!("{start} SET DEFAULT {}", self.default_value(data_type, default)));
            }
            Some(None) if to.data_type.is_none() => sql.statement(format!("{start} DROP DEFAULT")),
            _ => {}
        }
        match to.nullable {
            Some(true) => sql.statement(format!("{start} DROP NOT NULL")),
            Some(false) => sql.statement(format!("{start} SET NOT NULL")),
            None => {}
        }
        if let Some(comment) = &to.comment {
            let comment = comment.as_ref().map_or_else(|| "NULL".to_owned(), |comment| self.literal(comment));
            let place = format!("{}.{}", self.table_name(table), self.quote(column));
            sql.statement(format!("COMMENT ON COLUMN {place} IS {comment}"));
        }
        Ok(())
    }

    /// What stands between a column and its new type.
    fn set_type(&self) -> &'static str {
        "TYPE"
    }

    /// Whether a value is cast to a new type: the engine itself converts a few types alone. A cast to a text of some length would cut
    /// what is too long, where without it that is an error.
    fn casts(&self, data_type: &DataType) -> bool {
        match data_type {
            DataType::String(_) | DataType::Char(_) | DataType::Text => false,
            DataType::Own(own) => {
                let name = own.as_str().to_ascii_lowercase();
                !["char", "varchar", "character", "text", "bit", "varbit", "name", "bpchar"]
                    .iter()
                    .any(|text| name.starts_with(text))
            }
            _ => true,
        }
    }

    fn cast(&self, column: &str, data_type: &DataType, name: &str) -> String {
        let text = if matches!(data_type, DataType::Enum { .. }) { "::text" } else { "" };
        format!("{}{text}::{name}", self.quote(column))
    }

    /// `(a, b DESC)`.
    fn index_parts(&self, index: &Index) -> String {
        let parts = index.parts.iter().map(|part| match part {
            IndexPart::Column { name, descending } => {
                format!("{}{}", self.quote(name), if *descending { " DESC" } else { "" })
            }
            IndexPart::Expression(expression) => expression.enclosed(self.syntax()),
        });
        format!("({})", parts.collect::<Vec<_>>().join(", "))
    }

    /// ` WHERE …`.
    fn index_condition(&self, index: &Index) -> String {
        let condition = index.condition.as_ref();
        condition.map_or_else(String::new, |condition| format!(" WHERE {}", condition.as_str()))
    }

    fn add_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError>;

    fn drop_index(&self, table: &TableName, index: &Index, sql: &mut Sql) -> Result<(), RenderError>;

    /// The name of an index behind the schema of its table.
    fn index_name(&self, table: &TableName, index: &Index) -> String {
        let name = index.name(table, self.name_limit());
        self.table_name(&TableName { schema: table.schema.clone(), name })
    }

    /// `CONSTRAINT name FOREIGN KEY (…) REFERENCES …`.
    fn constraint(&self, table: &TableName, constraint: &Constraint) -> String {
        let name = self.quote(&constraint.name(table, self.name_limit()));
        match constraint {
            Constraint::Check { condition, .. } => {
                format!("CONSTRAINT {name} CHECK {}", condition.enclosed(self.syntax()))
            }
            Constraint::ForeignKey(ForeignKey {
                column,
                references,
                referenced,
                on_delete,
                on_update,
                ..
            }) => {
                let mut text = format!(
                    "CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({})",
                    self.quote(column),
                    self.table_name(references),
                    self.quote(referenced)
                );
                for (when, action) in [("DELETE", on_delete), ("UPDATE", on_update)] {
                    if let Some(action) = action {
                        text.push_str(&format!(" ON {when} {}", action.sql()));
                    }
                }
                text
            }
        }
    }

    fn add_constraint(
        &self,
        table: &TableName,
        constraint: &Constraint,
        sql: &mut Sql,
    ) -> Result<(), RenderError> {
        let text = self.constraint(table, constraint);
        sql.statement(format!("ALTER TABLE {} ADD {text}", self.table_name(table)));
        Ok(())
    }

    fn drop_constraint(
        &self,
        table: &TableName,
        constraint: &Constraint,
        sql: &mut Sql,
    ) -> Result<(), RenderError> {
        let name = self.quote(&constraint.name(table, self.name_limit()));
        sql.statement(format!("ALTER TABLE {} DROP CONSTRAINT {name}", self.table_name(table)));
        Ok(())
    }
}

/// Returns the operation with what the live `column` is, where it does not say that itself.
pub(super) fn knowing(operation: &Operation, column: Option<Column>) -> Operation {
    match (operation.clone(), column) {
        (Operation::DropColumn { table, column, was: None }, Some(live)) => {
            Operation::DropColumn { table, column, was: Some(live) }
        }
        (Operation::AlterColumn { table, column, to, from, was: None }, Some(live)) => {
            Operation::AlterColumn { table, column, to, from, was: Some(Box::new(live)) }
        }
        (operation, _) => operation,
    }
}

/// The column whose live definition would be good to know: without it there is no way back.
pub(super) fn unknown_column(operation: &Operation) -> Option<(&TableName, &str)> {
    match operation {
        Operation::DropColumn { table, column, was: None } => Some((table, column)),
        Operation::AlterColumn { table, column, was: None, .. } if operation.reverse().is_err() => {
            Some((table, column))
        }
        _ => None,
    }
}
