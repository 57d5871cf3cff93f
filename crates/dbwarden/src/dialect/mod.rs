//! Knowledge: what an engine's SQL means and what its records look like in SQL. Never touches a server.
//!
//! A dialect is one folder and one line in [`of`].

use crate::database::Database;
use crate::project::Tables;
use crate::sql::Syntax;
use crate::value::{Row, Value};

pub(crate) mod duckdb;
mod mysql;
mod postgres;
mod sqlite;

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

/// A query that tells inside a transaction, and so that no takeover can slip in behind it, whose the token is: its one number is 0
/// where it is another's by now, or it fails with `code`, which aborts the transaction around it.
#[derive(Debug, Clone)]
pub struct Fence {
    /// token.
    pub sql: String,
    /// The code of its failure.
    pub code: &'static str,
    /// token: changes the token's row and not the token, before the query. Only where the engine asks for it.
    pub write: Option<String>,
}

/// The SQL of our own tables, in one engine's words. Parameters stand in the order that each docstring names.
#[derive(Debug, Clone)]
pub struct Records {
    /// The lock's table, by which the engine's locks of sessions are told apart.
    pub lock_name: String,
    /// What lets the role `{role}` make the tables; empty where there are no roles.
    pub rights: String,
    /// Names the objects that are ours or another tool's: type, name, table, columns separated by commas. The type
    /// `stranger-owned` is a table of ours that belongs to a role which is not to be trusted, with that role in the place of
    /// the columns.
    pub probe: String,
    /// Has a row where all tables are there. Only where what makes them does not belong into the transaction that takes the lock, as
    /// where the engine commits it by itself: they are made before that then.
    pub made: Option<String>,
    /// Makes the tables, and nothing where they are there. To be run by one session at a time: two at once may get 23505 or
    /// 42P07 on PostgreSQL, whose `IF NOT EXISTS` does not wait for another's transaction, and try again.
    pub create: Vec<String>,
    /// Its rows are statements that take from others what default privileges gave them on the tables just made.
    pub strip: Option<String>,
    /// Writes the lock's rows where they are missing; none where they come with their table in one transaction.
    pub fill: Option<String>,
    /// version, description, kind, checksum, `file_hash`, `applied_at`, `duration_ms`, `applied_by`, `tool_version`, `run_id`,
    /// statements, `has_down`, note; oldest first.
    pub history: String,
    /// version, kind, checksum, `file_hash`, note: what tells whether something is to be done; oldest first.
    pub glance: String,
    /// version → `down_script`.
    pub down_script: String,
    /// version, description, kind, checksum, `file_hash`, `applied_at`, `duration_ms`, `applied_by`, `tool_version`,
    /// `run_id`, statements, `down_script`, note.
    pub insert: String,
    /// version.
    pub delete: String,
    /// checksum, `file_hash`, note, version.
    pub accept: String,
    /// new version, old version.
    pub rename: String,
    /// holder's token, owner, since; the heartbeat's beat, doing.
    pub lock: String,
    /// token, owner, since, the token it was.
    pub take: String,
    /// token, doing: sets the heartbeat to 0 for a new holder.
    pub reset_beat: String,
    /// doing, token: changes one row while the token is the holder's. Where there is a fence, nobody asks for it.
    pub renew: String,
    /// Checks the token inside a transaction, and keeps it from being taken until the commit; none where `renew` does both.
    pub fence: Option<Fence>,
    /// doing, token: moves the counter of the holder; what it does stays where that is NULL.
    pub beat: String,
    /// token: frees the lock where the token is the holder's.
    pub release: String,
    /// version, direction, first, count, hash, state, `started_at`, `finished_at`, error, `run_id`, summary, and what `see_unit`
    /// wrote; in order.
    pub journal: String,
    /// version, direction, first, count, hash, `started_at`, `run_id`, summary.
    pub begin_unit: String,
    /// The parameters of the evidence that stands for `{evidence}`, version, first: records what the catalogue says of a unit before
    /// it is run.
    pub see_unit: Option<String>,
    /// `finished_at`, version, first.
    pub finish_unit: String,
    /// error, `finished_at`, version, first.
    pub fail_unit: String,
    /// version.
    pub clear_journal: String,
    /// What says of a database that it is half restored, where a restore is not all or nothing.
    pub restoring: Option<Restoring>,
}

/// The SQL of the table that is there while a restore is under way, and after one that did not come to its end.
#[derive(Debug, Clone)]
pub struct Restoring {
    /// Makes the table, and nothing where it is there.
    pub create: String,
    /// file, since.
    pub mark: String,
    /// file, since; one row.
    pub read: String,
    /// Drops the table.
    pub clear: String,
}

/// Returns the name of the table of [`Restoring`], beside our others.
pub fn restoring_table(tables: &Tables) -> String {
    format!("{}_restoring", tables.lock)
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
