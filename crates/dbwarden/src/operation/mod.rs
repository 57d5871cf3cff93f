//! What is to be changed in a schema, as plain data. Knows no engine's SQL: a dialect renders it.

mod column;
mod error;
mod expression;
mod name;
mod types;

pub use column::{Column, ColumnText, IndexPart};
pub use error::{Irreversible, OperationError};
pub use expression::{DefaultValue, Expression};
pub use name::{NameLimit, TableName, parse_name};
pub use types::{DataType, OwnType};

use name::check;

/// One change of a schema.
///
/// What takes something away may hold what it `was`: only then there is a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Makes a table.
    CreateTable {
        /// The table.
        table: Table,
    },
    /// Drops a table.
    DropTable {
        /// The table.
        table: TableName,
        /// What it is.
        was: Option<Table>,
    },
    /// Adds a column.
    AddColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: Column,
    },
    /// Drops a column.
    DropColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// What it is.
        was: Option<Column>,
    },
    /// Changes a column.
    AlterColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// What changes, and what it is then.
        to: Box<Alteration>,
        /// What is known of these before.
        from: Box<Alteration>,
        /// All of the column before, where that is known.
        was: Option<Box<Column>>,
    },
    /// Gives a column another name.
    RenameColumn {
        /// The table.
        table: TableName,
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Makes an index.
    AddIndex {
        /// The table.
        table: TableName,
        /// The index.
        index: Index,
    },
    /// Drops an index.
    DropIndex {
        /// The table.
        table: TableName,
        /// The index.
        index: Index,
    },
    /// Adds a foreign key or a check.
    AddConstraint {
        /// The table.
        table: TableName,
        /// The constraint.
        constraint: Constraint,
    },
    /// Drops a foreign key or a check.
    DropConstraint {
        /// The table.
        table: TableName,
        /// The constraint.
        constraint: Constraint,
    },
    /// Makes a type whose values are some texts.
    CreateEnum {
        /// The type.
        name: TableName,
        /// The texts, in order.
        values: Vec<String>,
    },
    /// Drops such a type.
    DropEnum {
        /// The type.
        name: TableName,
        /// The texts, in order.
        values: Option<Vec<String>>,
    },
    /// Runs SQL, such as what changes rows.
    Execute {
        /// The statements.
        up: String,
        /// The statements that undo them.
        down: Option<String>,
    },
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// What it is for.
    pub comment: Option<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name; without one it is `ix_<table>_<columns>`, or `uix_…` where it is unique.
    pub name: Option<String>,
    /// What it is of, in order.
    pub parts: Vec<IndexPart>,
    /// No two rows have the same.
    pub unique: bool,
    /// Only rows for which this holds.
    pub condition: Option<Expression>,
    /// How it is built: `gin`, `hash`, …
    pub method: Option<String>,
    /// While others go on writing to the table.
    pub concurrently: bool,
}

/// A rule of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// Columns that name a row of another table.
    ForeignKey(ForeignKey),
    /// A condition that holds for each row.
    Check {
        /// Its name.
        name: String,
        /// The condition.
        condition: Expression,
    },
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name; without one it is `fk_<table>_<column>_<other table>`.
    pub name: Option<String>,
    /// The column.
    pub column: String,
    /// The other table.
    pub references: TableName,
    /// The column there.
    pub referenced: String,
    /// What becomes of a row whose row there is deleted.
    pub on_delete: Option<Action>,
    /// What becomes of a row whose row there gets another key.
    pub on_update: Option<Action>,
}

/// What becomes of a row when the row that it refers to is gone or has another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It goes too.
    Cascade,
    /// It refers to nothing.
    SetNull,
    /// It refers to its default.
    SetDefault,
    /// It keeps the other from going.
    Restrict,
    /// The same, looked at when the statement is done.
    NoAction,
}

impl Action {
    const ALL: [(&'static str, Self); 5] = [
        ("CASCADE", Action::Cascade),
        ("SET NULL", Action::SetNull),
        ("SET DEFAULT", Action::SetDefault),
        ("RESTRICT", Action::Restrict),
        ("NO ACTION", Action::NoAction),
    ];

    /// Reads an action in any case, with spaces, dashes or underscores between its words.
    ///
    /// # Errors
    /// A word that is none.
    pub fn parse(text: &str) -> Result<Self, OperationError> {
        let plain: String = text
            .trim()
            .chars()
            .map(|c| if c == '-' || c == '_' { ' ' } else { c.to_ascii_uppercase() })
            .collect();
        let found = Self::ALL.iter().find(|(name, _)| *name == plain).map(|(_, action)| *action);
        let known = "CASCADE, SET NULL, SET DEFAULT, RESTRICT, NO ACTION";
        found.ok_or_else(|| OperationError::Action { text: text.to_owned(), known })
    }

    /// Returns the words of SQL.
    pub fn sql(self) -> &'static str {
        Self::ALL.iter().find(|(_, action)| *action == self).map_or("NO ACTION", |(name, _)| name)
    }
}

/// What changes of a column. What is nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alteration {
    /// What it holds.
    pub data_type: Option<DataType>,
    /// Whether it may hold nothing.
    pub nullable: Option<bool>,
    /// What it holds where nothing is said; nothing in it: no default.
    pub default: Option<Option<DefaultValue>>,
    /// What it is for; nothing in it: no comment.
    pub comment: Option<Option<String>>,
    /// How a value of the new type comes of one of the old, where the engine wants it said.
    pub using: Option<Expression>,
}

impl Alteration {
    /// Returns what `column` is where this changes something.
    pub fn of(&self, column: &Column) -> Self {
        Self {
            data_type: self.data_type.as_ref().map(|_| column.data_type.clone()),
            nullable: self.nullable.map(|_| column.nullable),
            default: self.default.as_ref().map(|_| column.default.clone()),
            comment: self.comment.as_ref().map(|_| column.comment.clone()),
            using: None,
        }
    }

    /// Returns `column` with the changes.
    pub fn applied_to(&self, column: &Column) -> Column {
        let mut column = column.clone();
        if let Some(data_type) = &self.data_type {
            column.data_type = data_type.clone();
        }
        if let Some(nullable) = self.nullable {
            column.nullable = nullable;
        }
        if let Some(default) = &self.default {
            column.default = default.clone();
        }
        if let Some(comment) = &self.comment {
            column.comment = comment.clone();
        }
        column
    }

    /// Returns whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { data_type, nullable, default, comment, using: _ } = self;
        data_type.is_none() && nullable.is_none() && default.is_none() && comment.is_none()
    }
}

impl Index {
    /// Returns its name: its own, or one of its table and columns, cut to `limit`.
    pub fn name(&self, table: &TableName, limit: NameLimit) -> String {
        self.name.clone().unwrap_or_else(|| {
            let columns: Vec<_> = self
                .parts
                .iter()
                .map(|part| match part {
                    IndexPart::Column { name, .. } => name.as_str(),
                    IndexPart::Expression(_) => "expression",
                })
                .collect();
            let prefix = if self.unique { "uix" } else { "ix" };
            limit.fit(format!("{prefix}_{}_{}", table.name, columns.join("_")))
        })
    }
}

impl Constraint {
    /// Returns its name: its own, or one of its tables and column, cut to `limit`.
    pub fn name(&self, table: &TableName, limit: NameLimit) -> String {
        match self {
            Constraint::Check { name, .. } => name.clone(),
            Constraint::ForeignKey(key) => key.name.clone().unwrap_or_else(|| {
                limit.fit(format!("fk_{}_{}_{}", table.name, key.column, key.references.name))
            }),
        }
    }
}

impl Operation {
    /// Returns the operation that undoes this one.
    ///
    /// # Errors
    /// What would have to be known of what is taken away.
    pub fn reverse(&self) -> Result<Self, Irreversible> {
        Ok(match self.clone() {
            Operation::CreateTable { table } => {
                Operation::DropTable { table: table.name.clone(), was: Some(table) }
            }
            Operation::DropTable { table, was } => {
                let unknown = || Irreversible(format!("the definition of the table {table} is not known"));
                Operation::CreateTable { table: was.ok_or_else(unknown)? }
            }
            Operation::AddColumn { table, column } => {
                Operation::DropColumn { table, column: column.name.clone(), was: Some(column) }
            }
            Operation::DropColumn { table, column, was } => {
                let unknown =
                    || Irreversible(format!("the definition of the column {table}.{column} is not known"));
                Operation::AddColumn { column: was.ok_or_else(unknown)?, table }
            }
            Operation::AlterColumn { table, column, to, from, was } => {
                let unknown =
                    |what: &str| Irreversible(format!("the present {what} of {table}.{column} is not known"));
                let known = match &was {
                    Some(was) => to.of(was),
                    None => *from,
                };
                if to.data_type.is_some() && known.data_type.is_none() {
                    return Err(unknown("type"));
                }
                if to.default.is_some() && known.default.is_none() {
                    return Err(unknown("default"));
                }
                if to.comment.is_some() && known.comment.is_none() {
                    return Err(unknown("comment"));
                }
                if to.nullable.is_some() && known.nullable.is_none() {
                    return Err(Irreversible(format!(
                        "whether {table}.{column} may hold nothing now is not known"
                    )));
                }
                let was = was.map(|was| Box::new(to.applied_to(&was)));
                let from = Box::new(Alteration { using: None, ..*to });
                Operation::AlterColumn { table, column, to: Box::new(known), from, was }
            }
            Operation::RenameColumn { table, from, to } => {
                Operation::RenameColumn { table, from: to, to: from }
            }
            Operation::AddIndex { table, index } => Operation::DropIndex { table, index },
            Operation::DropIndex { table, index } => Operation::AddIndex { table, index },
            Operation::AddConstraint { table, constraint } => Operation::DropConstraint { table, constraint },
            Operation::DropConstraint { table, constraint } => Operation::AddConstraint { table, constraint },
            Operation::CreateEnum { name, values } => Operation::DropEnum { name, values: Some(values) },
            Operation::DropEnum { name, values } => {
                let unknown = || Irreversible(format!("the values of the type {name} are not known"));
                Operation::CreateEnum { values: values.ok_or_else(unknown)?, name }
            }
            Operation::Execute { up, down } => {
                let unknown = || Irreversible("no SQL is given that undoes it".to_owned());
                Operation::Execute { up: down.ok_or_else(unknown)?, down: Some(up) }
            }
        })
    }

    /// Returns the table that it changes, where it is one.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Operation::CreateTable { table } => Some(&table.name),
            Operation::DropTable { table, .. }
            | Operation::AddColumn { table, .. }
            | Operation::DropColumn { table, .. }
            | Operation::AlterColumn { table, .. }
            | Operation::RenameColumn { table, .. }
            | Operation::AddIndex { table, .. }
            | Operation::DropIndex { table, .. }
            | Operation::AddConstraint { table, .. }
            | Operation::DropConstraint { table, .. } => Some(table),
            Operation::CreateEnum { .. } | Operation::DropEnum { .. } | Operation::Execute { .. } => None,
        }
    }

    /// Sees that the names in it are names, and not longer than the engine takes them.
    ///
    /// # Errors
    /// A name that is none or too long; a table without columns, a type without values.
    pub fn check(&self, limit: NameLimit) -> Result<(), OperationError> {
        let name = |what, name: &str| check(what, name).and_then(|()| limit.check(name));
        let table_name = |what, of: &TableName| {
            of.schema
                .iter()
                .try_for_each(|schema| name("a schema", schema))
                .and_then(|()| name(what, &of.name))
        };
        let column = |column: &Column| {
            if let DataType::Enum { name: Some(of), .. } = &column.data_type {
                table_name("a type", of)?;
            }
            name("a column", &column.name)
        };
        if let Some(table) = self.table() {
            table_name("a table", table)?;
        }
        match self {
            Operation::CreateTable { table } => {
                for (at, of) in table.columns.iter().enumerate() {
                    column(of)?;
                    if table.columns[..at].iter().any(|it| it.name.eq_ignore_ascii_case(&of.name)) {
                        let reason = "the table has another column of that name";
                        return Err(OperationError::Column { text: of.name.clone(), reason });
                    }
                }
                match table.columns.is_empty() {
                    true => Err(OperationError::Nothing { what: "a table has a column at least" }),
                    false => Ok(()),
                }
            }
            Operation::AddColumn { column: of, .. } => column(of),
            Operation::DropColumn { column: of, was, .. } => {
                was.as_ref().map_or(Ok(()), column)?;
                name("a column", of)
            }
            Operation::AlterColumn { column: of, to, .. } => {
                if to.is_empty() {
                    return Err(OperationError::Nothing { what: "nothing of the column is to change" });
                }
                name("a column", of)
            }
            Operation::RenameColumn { from, to, .. } => {
                name("a column", from)?;
                name("a column", to)
            }
            Operation::AddIndex { index, .. } | Operation::DropIndex { index, .. } => {
                if index.parts.is_empty() {
                    return Err(OperationError::Nothing { what: "an index has a column at least" });
                }
                index.parts.iter().try_for_each(IndexPart::check)?;
                if let Some(method) = &index.method
                    && !method.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                {
                    let reason = "it is one word";
                    return Err(OperationError::Name {
                        what: "a way to build an index",
                        name: method.clone(),
                        reason,
                    });
                }
                index.name.iter().try_for_each(|of| name("an index", of))
            }
            Operation::AddConstraint { constraint, .. } | Operation::DropConstraint { constraint, .. } => {
                match constraint {
                    Constraint::Check { name: of, .. } => name("a check", of),
                    Constraint::ForeignKey(key) => {
                        name("a column", &key.column)?;
                        table_name("a table", &key.references)?;
                        name("a column", &key.referenced)?;
                        key.name.iter().try_for_each(|of| name("a foreign key", of))
                    }
                }
            }
            Operation::CreateEnum { name: of, values } => {
                if values.is_empty() {
                    return Err(OperationError::Nothing { what: "a type has a value at least" });
                }
                table_name("a type", of)
            }
            Operation::DropEnum { name: of, .. } => table_name("a type", of),
            Operation::DropTable { .. } | Operation::Execute { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Syntax;

    #[test]
    fn what_is_undone_twice_is_done() {
        let table = TableName::new("users");
        let column = Column::new("age", DataType::Integer);
        let condition = Expression::parse("condition", "age > 0", Syntax::Sqlite).unwrap();
        let operations = [
            Operation::CreateTable {
                table: Table { name: table.clone(), columns: vec![Column::id()], comment: None },
            },
            Operation::AddColumn { table: table.clone(), column: column.clone() },
            Operation::RenameColumn { table: table.clone(), from: "a".into(), to: "b".into() },
            Operation::AddConstraint {
                table: table.clone(),
                constraint: Constraint::Check { name: "c".into(), condition },
            },
            Operation::CreateEnum { name: TableName::new("status"), values: vec!["a".into()] },
            Operation::Execute { up: "SELECT 1".into(), down: Some("SELECT 2".into()) },
            Operation::AlterColumn {
                table: table.clone(),
                column: "age".into(),
                to: Box::new(Alteration { nullable: Some(false), ..Alteration::default() }),
                from: Box::new(Alteration { nullable: Some(true), ..Alteration::default() }),
                was: Some(Box::new(column)),
            },
        ];
        for operation in operations {
            assert_eq!(operation.reverse().unwrap().reverse().unwrap(), operation);
        }
    }

    #[test]
    fn what_is_not_known_has_no_way_back() {
        let table = TableName::new("users");
        let alter = |to: Alteration| Operation::AlterColumn {
            table: table.clone(),
            column: "age".into(),
            to: Box::new(to),
            from: Box::default(),
            was: None,
        };
        let said: Vec<_> = [
            Operation::DropTable { table: table.clone(), was: None },
            Operation::DropColumn { table: table.clone(), column: "age".into(), was: None },
            Operation::DropEnum { name: TableName::new("status"), values: None },
            Operation::Execute { up: "SELECT 1".into(), down: None },
            alter(Alteration { data_type: Some(DataType::Text), ..Alteration::default() }),
            alter(Alteration { default: Some(None), ..Alteration::default() }),
            alter(Alteration { comment: Some(None), ..Alteration::default() }),
            alter(Alteration { nullable: Some(true), ..Alteration::default() }),
        ]
        .iter()
        .map(|operation| operation.reverse().unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn an_action_is_one_of_five() {
        assert_eq!(Action::parse("set-null"), Ok(Action::SetNull));
        assert_eq!(Action::parse("No Action").unwrap().sql(), "NO ACTION");
        assert!(Action::parse("CASCADE; DROP TABLE y").is_err());
    }
}
