//! What to type next after an error of `template`.

use dbwarden::dialect::{Lack, RenderError};
use dbwarden::operation::OperationError;

/// What to type next.
pub(super) fn after(error: &RenderError) -> String {
    match error {
        RenderError::Unsupported { lack, .. } => after_lack(*lack).to_owned(),
        RenderError::NeedsTable { table, .. } => {
            format!("let the database be reached, as `dbwarden doctor` sees it, with {table} in it: `dbwarden migrate` first")
        }
        RenderError::NeedsColumn { .. } => {
            "let the database be reached, as `dbwarden doctor` sees it; or say it all: --type with --null or --not-null, and --default"
                .to_owned()
        }
        RenderError::NoTable { .. } => {
            "where a pending migration makes it, `dbwarden migrate` first; else look at its name".to_owned()
        }
        RenderError::NoColumn { .. } => {
            "where a pending migration makes it, `dbwarden migrate` first; else look at its name".to_owned()
        }
        RenderError::Stubborn { .. } => {
            "take that out of the way first, in a migration of its own; or write this one by hand: `dbwarden new \"…\"`".to_owned()
        }
        RenderError::Outdated { .. } => "give it a migration of its own, behind `dbwarden migrate`".to_owned(),
        RenderError::Operation(error) => after_operation(error).to_owned(),
        _ => String::new(),
    }
}

fn after_lack(lack: Lack) -> &'static str {
    match lack {
        Lack::EnumTypes => "give the column the list: --type \"enum('a','b')\"",
        Lack::AddedForeignKeys | Lack::AddedChecks => {
            "write it into the CREATE TABLE of a new table, copy the rows, and drop the old one: `dbwarden new \"…\"`"
        }
        Lack::ForeignKeyActions => "leave --on-delete and --on-update out",
        Lack::PartialIndexes => "leave --where out: the index is of all rows then",
        Lack::IndexMethods => "leave --using out",
        Lack::ExpressionIndexes => "make a generated column of the expression, and index that",
        Lack::Comments => "write it into the migration that makes the column, as a comment of SQL",
        Lack::AddedKeys => "make a table with the key, and copy the rows: `dbwarden new \"…\"`",
    }
}

fn after_operation(error: &OperationError) -> &'static str {
    match error {
        OperationError::Name { .. } => {
            "give the name alone; quotes are put around it where they are needed, and a dot stands behind a schema"
        }
        OperationError::LongName { .. } => "give a shorter name",
        OperationError::DataType { .. } => {
            "a type is written integer, string(20), numeric(10,2), sa.String(20), or as the engine has it; --null, --not-null and --default \
             say the rest"
        }
        OperationError::Expression { .. } => {
            "give one expression, without a semicolon, a comment or a comma outside parentheses; a default that is a text is written in single quotes"
        }
        OperationError::Column { .. } => {
            "a column is written NAME:TYPE, NAME:TYPE:null or NAME:TYPE:null:DEFAULT"
        }
        OperationError::Reference { .. } => "--references users.id",
        OperationError::Action { .. } => "it is one of CASCADE, SET NULL, SET DEFAULT, RESTRICT, NO ACTION",
        OperationError::Sql { .. } => "correct the SQL, then run the same command again",
        OperationError::Nothing { .. } => {
            "`dbwarden template --help` lists the kinds, and the help of each what it takes"
        }
        _ => "",
    }
}
