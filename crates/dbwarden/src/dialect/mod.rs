//! Knowledge: what an engine's SQL means and what its records look like in SQL. Never touches a server.
//!
//! A dialect is one folder and one line in [`of`].

use crate::database::Database;
use crate::operation::{NameLimit, Operation};
use crate::project::Tables;
use crate::sql::Syntax;
use crate::value::{Row, Value};

pub(crate) mod duckdb;
mod fingerprint;
pub(crate) mod mysql;
mod postgres;
mod records;
mod render;
mod rendering;
mod sqlite;

pub use self::fingerprint::{Catalog, Entry, Fingerprinting, Scratching, Then};
pub use self::records::{
    Fence, Records, Restoring, TOLD_TO_STOP, aside_table, foreign_tables, restoring_table,
};
pub use self::rendering::{Lack, RenderError, Rendering, Sql};

/// What is known of one engine.
pub trait Dialect: Sync + std::fmt::Debug {
    /// Returns the engine.
    fn database(&self) -> Database;

    /// Returns what the engine can do, as data.
    fn capabilities(&self) -> Capabilities;

    /// Returns how `statement` stands to transactions.
    fn manner(&self, statement: &str) -> Manner;

    /// Returns what `statement` does to its transaction so that some others cannot follow in it, or that it is one of those.
    fn table_state(&self, _statement: &str) -> TableState {
        TableState::Same
    }

    /// Returns what `statement` leaves behind in its session, which a later session would lack.
    fn session_trace(&self, statement: &str) -> SessionTrace;

    /// Returns whether `statement` may leave something in its session that a rollback does not take back, so that it is not to be run a
    /// second time there.
    fn outlives_rollback(&self, _statement: &str) -> bool {
        false
    }

    /// Returns whether `statement` changes how the text behind it is read, so that the server must have run it before it sees that.
    fn changes_reading(&self, _statement: &str) -> bool {
        false
    }

    /// Returns whether `statement` gives the session another role, by whom our records are not to be written.
    fn changes_role(&self, _statement: &str) -> bool {
        false
    }

    /// Returns the modes that `statement`, which opens a transaction, asks for, as `SET TRANSACTION` takes them.
    fn transaction_modes(&self, _statement: &str) -> Option<String> {
        None
    }

    /// Returns the SQL of our own tables.
    fn records(&self, tables: &Tables) -> Records;

    /// Returns a statement of [`Dialect::records`] as it stands in a script that somebody else runs.
    fn standalone(&self, sql: &str) -> String {
        sql.to_owned()
    }

    /// Returns how to find out whether `object` exists.
    fn existence(&self, object: &Object) -> Existence;

    /// Returns how to find out whether `statement`, which ran outside a transaction, was done when its run was killed.
    fn settle(&self, statement: &str) -> Settle {
        let _ = statement;
        Settle::Again
    }

    /// Returns how to find out whether the table is there that `statement` takes away before it makes it anew, so that it may be gone
    /// where the statement is refused.
    fn replaced(&self, statement: &str) -> Option<Existence> {
        let _ = statement;
        None
    }

    /// Returns whether `statement` waits for every session that began before it, so that a limit for locks would end it half done.
    fn waits_for_everybody(&self, _statement: &str) -> bool {
        false
    }

    /// Returns whether a statement that the engine refused has changed nothing at all, also outside a transaction.
    fn refusal_leaves_nothing(&self) -> bool {
        false
    }

    /// Returns how to find out what the server still does for `statement`, which ran outside a transaction and was answered: a query
    /// whose rows are read by [`Settled::read`], `busy` while it works on it and `ask` where it failed at it. A third column says how
    /// old each is, in milliseconds: what is older than the statement is not of it.
    fn background(&self, statement: &str) -> Option<(String, Vec<Value>)> {
        let _ = statement;
        None
    }

    /// Returns the query whose rows are violated foreign keys, where the engine can be left with some.
    fn foreign_key_violations(&self) -> Option<&'static str>;

    /// Returns what is asked of the engine for a fingerprint of a database.
    fn fingerprint(&self) -> &'static Fingerprinting;

    /// Returns how a database is made beside another one; nothing where one is a file.
    fn scratch(&self) -> Option<&'static Scratching> {
        None
    }

    /// Returns whether [`Tables::schema`] may be outside the database, so that a copy of it would have the same tables.
    fn records_may_be_outside(&self) -> bool {
        false
    }

    /// Returns `expression` as the text that the engine shows of it.
    fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS TEXT)")
    }

    /// Returns what gives tables other names, from and to, all of them in `home` ([`Records::home`]). Where definitions commit by
    /// themselves it is one statement, if the engine has one that is all or nothing.
    fn rename_tables(&self, home: &str, names: &[(String, String)]) -> Vec<String> {
        let rename = |(from, to): &(String, String)| {
            format!("ALTER TABLE {home}{} RENAME TO {}", self.quote(from), self.quote(to))
        };
        names.iter().map(rename).collect()
    }

    /// Returns how long a name may be.
    fn name_limit(&self) -> NameLimit {
        NameLimit::None
    }

    /// Returns the queries whose rows [`Dialect::render`] would like to know, in order; none where it needs no database.
    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)>;

    /// Returns whether what it asks is of a whole table, so that any change of that table makes the answers untrue; otherwise they are
    /// of one column.
    fn asks_whole_tables(&self) -> bool {
        false
    }

    /// Returns the SQL of `operation`, both ways. `known` are the rows that a database answered to [`Dialect::asks`], a list for each
    /// query; nothing where none was asked.
    ///
    /// # Errors
    /// That the engine cannot do it, or that it must be known what is there.
    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError>;

    /// Returns `name` quoted as an identifier.
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// Returns the lexical rules.
    fn syntax(&self) -> Syntax {
        self.database().syntax()
    }
}

/// Returns the dialect of `database`, or nothing where this version knows only how it writes.
pub fn of(database: Database) -> Option<&'static dyn Dialect> {
    match database {
        Database::Sqlite => Some(&sqlite::Sqlite),
        Database::Postgres => Some(&postgres::Postgres),
        Database::Cockroach => Some(&postgres::Cockroach),
        Database::Duckdb => Some(&duckdb::Duckdb),
        Database::Mysql => Some(&mysql::Mysql),
        Database::Mariadb => Some(&mysql::Mariadb),
    }
}

/// What an engine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Schema changes are part of the transaction around them.
    pub transactional_ddl: bool,
    /// A statement that refuses a transaction may refuse other sessions too, even idle ones of our own.
    pub alone_refuses_company: bool,
    /// So many bytes of a script may go to the server in one packet with its transaction and its records; 0 where statements go
    /// one by one.
    pub packet: u64,
    /// So many bytes of a script may go to the server in one packet with the journal's rows between its statements; 0 where they
    /// go one by one.
    pub journalled_packet: u64,
}

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Runs in a transaction like any other.
    Plain,
    /// Runs in a transaction, which must be committed before what the statement made can be used.
    Ends,
    /// Runs in a transaction of its own, unless the file opens one around it.
    Apart,
    /// Runs in a transaction like any other; where the file asks for none it runs by itself, since it may commit.
    MayCommit,
    /// Opens the file's own transaction.
    Begin,
    /// Commits the file's own transaction.
    Commit,
    /// Rolls the file's own transaction back.
    Rollback,
    /// Refuses a transaction, and changes the database.
    Alone,
    /// Refuses a transaction, and changes the session alone.
    Session,
    /// Changes the session alone, and bears a transaction: it goes with the open one, else by itself.
    Either,
    /// Turns foreign keys on or off, which has no effect inside a transaction.
    ForeignKeys(bool),
    /// Does to the transaction what a migration cannot have; why.
    Refused(&'static str),
}

/// What statements of one transaction mean to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableState {
    /// Nothing.
    Same,
    /// It leaves a table in a state that some statements refuse until it is committed.
    Unsettled,
    /// It refuses that state: what is unsettled is committed before it.
    WantsSettled,
}

/// What a statement leaves behind in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionTrace {
    /// Nothing.
    None,
    /// A setting: it can be run again in another session.
    Setting,
    /// A temporary object: it cannot be had again.
    Temporary,
}

/// How to find out whether a statement was done that ran outside a transaction when its run was killed.
#[derive(Debug, Clone, PartialEq)]
pub enum Settle {
    /// There is no need: it may be run again, and does no harm.
    Again,
    /// The query's rows say it, read by [`Settled::read`].
    Look {
        /// The query: an answer and a text in each row.
        query: String,
        /// Its parameters.
        parameters: Vec<Value>,
        /// Ask before the statement is run for the first time too: it believes what an earlier failure left. Only
        /// [`Settled::Busy`] and [`Settled::Clear`] mean something then.
        before: bool,
    },
    /// What the catalogue says of it was recorded before it was run.
    Compare(Comparison),
    /// Nothing tells: a person must look.
    Ask,
}

/// How the catalogue before a statement and the catalogue now tell whether it was done. The engine does it whole or not at all,
/// unless it says otherwise here.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// An expression that says what the catalogue knows of what the statement touches.
    pub evidence: String,
    /// Its parameters.
    pub parameters: Vec<Value>,
    /// Where nothing has changed the statement may have been done all the same, and doing it twice is not doing it once.
    pub blind: bool,
    /// What is said where it was done to the last part, and the statement that finishes it else.
    pub parts: Option<(String, String)>,
}

impl Comparison {
    /// Tells what became of the statement, by what was recorded `before` it and what is said `now`.
    pub fn read(&self, before: Option<&str>, now: &str) -> Settled {
        match (before, &self.parts) {
            (None, _) => Settled::Ask("nothing was recorded before it".to_owned()),
            (Some(before), _) if before == now && self.blind => {
                Settled::Ask("the catalogue looks the same before and after it".to_owned())
            }
            (Some(before), _) if before == now => Settled::Again,
            (Some(_), Some((whole, finish))) if now != whole => Settled::Finish(finish.clone()),
            (Some(_), _) => Settled::Done,
        }
    }
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was done.
    Done,
    /// It was not done, or may be done twice: run it.
    Again,
    /// A server's session still works on it, named here: wait and look again.
    Busy(String),
    /// It left something half made: run these, each outside a transaction, then the statement.
    Clear(Vec<String>),
    /// It was half done: run this, outside a transaction, and it is done.
    Finish(String),
    /// It cannot be told: what a person should know.
    Ask(String),
}

impl Settled {
    /// Reads the rows that the query of a [`Settle::Look`] returned. What is not known is for a person to see.
    pub fn read(rows: &[Row]) -> Self {
        let text = |row: &Row| row.text(1).to_owned();
        let said = |answer: &str| rows.iter().find(|row| row.text(0) == answer);
        if let Some(row) = said("busy") {
            return Settled::Busy(text(row));
        }
        if let Some(row) =
            rows.iter().find(|row| !["done", "again", "clear", "finish"].contains(&row.text(0)))
        {
            return Settled::Ask(text(row));
        }
        if said("clear").is_some() {
            return Settled::Clear(rows.iter().filter(|row| row.text(0) == "clear").map(text).collect());
        }
        if let Some(row) = said("finish") {
            return Settled::Finish(text(row));
        }
        if said("done").is_some() { Settled::Done } else { Settled::Again }
    }
}

/// Something whose existence a directive asks for. Names stand as they are written, with their quotes and their schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A table.
    Table(String),
    /// A view.
    View(String),
    /// An index.
    Index(String),
    /// A column of a table.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A named constraint.
    Constraint(String),
    /// A type.
    Type(String),
}

/// How to find out whether something exists.
#[derive(Debug, Clone, PartialEq)]
pub enum Existence {
    /// It exists where the query has a row.
    Rows(&'static str, Vec<Value>),
    /// It exists where one of the texts that the query returns names it behind the word CONSTRAINT.
    ConstraintInText(&'static str, String),
    /// The engine has nothing of that sort.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubtful_statement_is_settled_by_what_weighs_most() {
        let read = |rows: &[(&str, &str)]| {
            let rows: Vec<_> = rows.iter().map(|(a, b)| Row(vec![(*a).into(), (*b).into()])).collect();
            Settled::read(&rows)
        };
        assert_eq!(read(&[]), Settled::Again);
        assert_eq!(read(&[("done", "")]), Settled::Done);
        assert_eq!(read(&[("clear", "a"), ("clear", "b")]), Settled::Clear(vec!["a".into(), "b".into()]));
        assert_eq!(read(&[("clear", "a"), ("busy", "7")]), Settled::Busy("7".into()));
        assert_eq!(read(&[("finish", "a")]), Settled::Finish("a".into()));
        assert_eq!(read(&[("done", ""), ("ask", "why")]), Settled::Ask("why".into()));
    }
}
