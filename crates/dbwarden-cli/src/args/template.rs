//! Options of `template`.

use clap::{Args, Subcommand};

/// The usual changes.
#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Add a column to a table
    #[command(
        alias = "add_column",
        after_help = "\
Examples:
  dbwarden template add-column --table users --column phone --type 'string(20)' --comment 'for calls'
  dbwarden template add-column --table users --column age:integer:null:0 --write \"add age\""
    )]
    AddColumn(AddColumn),
    /// Drop a column; its type, for the way back, is read from the database unless it is given
    #[command(
        alias = "drop_column",
        after_help = "\
Examples:
  dbwarden template drop-column --table users --column phone
  dbwarden template drop-column --table users --column phone --type 'string(20)' --write \"drop phone\""
    )]
    DropColumn(DropColumn),
    /// Change a column's type, nullability, default or comment
    #[command(
        alias = "alter_column",
        after_help = "\
Examples:
  dbwarden template alter-column --table users --column age --type bigint
  dbwarden template alter-column --table users --column age --not-null --default 0 --from-default none"
    )]
    AlterColumn(AlterColumn),
    /// Add an index
    #[command(
        alias = "add_index",
        after_help = "\
Examples:
  dbwarden template add-index --table users --column email --unique
  dbwarden template add-index --table events --column at:desc --where 'done = 0' --concurrently"
    )]
    AddIndex(AddIndex),
    /// Add a foreign key
    #[command(
        alias = "add_foreign_key",
        after_help = "\
Examples:
  dbwarden template add-foreign-key --table posts --column user_id --references users.id --on-delete cascade
  dbwarden template add-foreign-key --table posts --column user_id --references users.id --write \"posts have users\""
    )]
    AddForeignKey(AddForeignKey),
    /// Make a table
    #[command(
        alias = "create_table",
        after_help = "\
Examples:
  dbwarden template create-table --table users --column 'email:string(255)' --column age:integer:null:0
  dbwarden template create-table --table users --column name:text --with-timestamps --with-soft-delete"
    )]
    CreateTable(CreateTable),
    /// Give a column another name
    #[command(
        alias = "rename_column",
        after_help = "\
Examples:
  dbwarden template rename-column --table users --column name --name full_name
  dbwarden template rename-column --table users --column name --name full_name --write \"full names\""
    )]
    RenameColumn(RenameColumn),
    /// Add a check
    #[command(aliases = ["add_check", "add-check-constraint", "add_check_constraint"], after_help = "\
Examples:
  dbwarden template add-check --table users --name check_age_positive --condition 'age >= 0'
  dbwarden template add-check --table users --name check_age_positive --condition 'age >= 0' --write \"ages\"")]
    AddCheck(AddCheck),
    /// Make a type whose values are some texts
    #[command(
        alias = "create_enum",
        after_help = "\
Examples:
  dbwarden template create-enum --name status --value active --value paused
  dbwarden template create-enum --name status --value active --write \"status\""
    )]
    CreateEnum(CreateEnum),
    /// Change rows, with SQL of your own
    #[command(aliases = ["data-migration", "data_migration"], after_help = "\
Examples:
  dbwarden template data --up \"UPDATE users SET status = 'active' WHERE status IS NULL\"
  dbwarden template data --up \"UPDATE t SET a = 1\" --down \"UPDATE t SET a = 0\" --write \"set a\"")]
    Data(Data),
}

/// What every kind takes.
#[derive(Debug, Args)]
pub(crate) struct Write {
    /// Write a migration with this description, rather than print it
    #[arg(long, value_name = "TEXT")]
    pub(crate) write: Option<String>,
}

/// Whether a column may hold nothing.
#[derive(Debug, Args)]
pub(crate) struct Null {
    /// It may hold nothing
    #[arg(long, conflicts_with = "not_null")]
    null: bool,
    /// It may not hold nothing
    #[arg(long)]
    not_null: bool,
}

impl Null {
    /// What was said of it, where something was.
    pub(crate) fn said(&self) -> Option<bool> {
        (self.null || self.not_null).then_some(self.null)
    }
}

/// Options of `template add-column`.
#[derive(Debug, Args)]
pub(crate) struct AddColumn {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column; NAME[:TYPE[:null][:DEFAULT]] says it all at once
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// Its type: integer, string(20), sa.String(20), or the engine's own
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) data_type: Option<String>,
    #[command(flatten)]
    pub(crate) null: Null,
    /// What it holds where nothing is said: a number, NULL, TRUE, now(), (an expression), or else a text
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) default: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// No two rows have the same: makes a unique index
    #[arg(long)]
    pub(crate) unique: bool,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template drop-column`.
#[derive(Debug, Args)]
pub(crate) struct DropColumn {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column; NAME[:TYPE[:null][:DEFAULT]] says what it is, for the way back
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// Its type, for the way back
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) data_type: Option<String>,
    #[command(flatten)]
    pub(crate) null: Null,
    /// Its default, for the way back
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) default: Option<String>,
    /// Its comment, for the way back
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template alter-column`.
#[derive(Debug, Args)]
pub(crate) struct AlterColumn {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// Its new type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) data_type: Option<String>,
    #[command(flatten)]
    pub(crate) null: Null,
    /// Its new default; none takes it away
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) default: Option<String>,
    /// Its new comment; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// How a new value comes of an old one: an expression
    #[arg(long, value_name = "EXPRESSION", requires = "data_type")]
    pub(crate) using: Option<String>,
    /// Its type now, for the way back, where the database is not to be asked
    #[arg(long, value_name = "TYPE")]
    pub(crate) from_type: Option<String>,
    /// Its default now, for the way back; none where it has none
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) from_default: Option<String>,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template add-index`.
#[derive(Debug, Args)]
pub(crate) struct AddIndex {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// A column, NAME:desc, or (an expression); may stand several times
    #[arg(long, value_name = "COLUMN", required = true)]
    pub(crate) column: Vec<String>,
    /// No two rows have the same
    #[arg(long)]
    pub(crate) unique: bool,
    /// Its name [default: ix_TABLE_COLUMN, uix_TABLE_COLUMN]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only rows for which this holds
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
    /// How it is built: gin, hash, …
    #[arg(long, value_name = "METHOD")]
    pub(crate) using: Option<String>,
    /// While others go on writing to the table
    #[arg(long)]
    pub(crate) concurrently: bool,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template add-foreign-key`.
#[derive(Debug, Args)]
pub(crate) struct AddForeignKey {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// What it refers to: TABLE.COLUMN
    #[arg(long, value_name = "T.C")]
    pub(crate) references: String,
    /// What becomes of the row when that one is deleted: cascade, set-null, set-default, restrict, no-action
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_delete: Option<String>,
    /// What becomes of the row when that one gets another key
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_update: Option<String>,
    /// Its name [default: fk_TABLE_COLUMN_OTHER]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template create-table`.
#[derive(Debug, Args)]
pub(crate) struct CreateTable {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// A column, NAME:TYPE[:null][:DEFAULT]; may stand several times
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: Vec<String>,
    /// What the table is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// With created_at and updated_at
    #[arg(long)]
    pub(crate) with_timestamps: bool,
    /// With deleted_at
    #[arg(long)]
    pub(crate) with_soft_delete: bool,
    /// Without a key called id
    #[arg(long)]
    pub(crate) no_id: bool,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template rename-column`.
#[derive(Debug, Args)]
pub(crate) struct RenameColumn {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// Its new name
    #[arg(long, value_name = "NAME", visible_alias = "to")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template add-check`.
#[derive(Debug, Args)]
pub(crate) struct AddCheck {
    /// The table
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// Its name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What holds for each row
    #[arg(long, value_name = "CONDITION")]
    pub(crate) condition: String,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template create-enum`.
#[derive(Debug, Args)]
pub(crate) struct CreateEnum {
    /// The type
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// A value; may stand several times
    #[arg(long, value_name = "TEXT", required = true)]
    pub(crate) value: Vec<String>,
    #[command(flatten)]
    pub(crate) write: Write,
}

/// Options of `template data`.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The statements
    #[arg(long, value_name = "SQL", allow_hyphen_values = true)]
    pub(crate) up: String,
    /// The statements that undo them
    #[arg(long, value_name = "SQL", allow_hyphen_values = true)]
    pub(crate) down: Option<String>,
    #[command(flatten)]
    pub(crate) write: Write,
}
