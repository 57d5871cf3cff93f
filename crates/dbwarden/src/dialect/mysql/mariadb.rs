//! MariaDB, where it is not as MySQL.

use super::{Mysql, render};
use crate::database::Database;
use crate::dialect::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    Scratching, SessionTrace, Settle,
};
use crate::operation::{NameLimit, Operation};
use crate::project::Tables;
use crate::value::{Row, Value};

/// MariaDB's dialect.
#[derive(Debug)]
pub(in crate::dialect) struct Mariadb;

impl Dialect for Mariadb {
    fn database(&self) -> Database {
        Database::Mariadb
    }

    fn capabilities(&self) -> Capabilities {
        Mysql.capabilities()
    }

    fn manner(&self, statement: &str) -> Manner {
        Mysql.manner(statement)
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        Mysql.session_trace(statement)
    }

    fn outlives_rollback(&self, statement: &str) -> bool {
        Mysql.outlives_rollback(statement)
    }

    fn changes_reading(&self, statement: &str) -> bool {
        Mysql.changes_reading(statement)
    }

    fn records(&self, tables: &Tables) -> Records {
        Mysql.records(tables)
    }

    fn existence(&self, object: &Object) -> Existence {
        Mysql.existence(object)
    }

    fn replaced(&self, statement: &str) -> Option<Existence> {
        Mysql.replaced(statement)
    }

    fn settle(&self, statement: &str) -> Settle {
        Mysql.settle(statement)
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        Mysql.fingerprint()
    }

    fn scratch(&self) -> Option<&'static Scratching> {
        Mysql.scratch()
    }

    fn records_may_be_outside(&self) -> bool {
        Mysql.records_may_be_outside()
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        Mysql.foreign_key_violations()
    }

    fn as_text(&self, expression: &str) -> String {
        Mysql.as_text(expression)
    }

    fn rename_tables(&self, home: &str, names: &[(String, String)]) -> Vec<String> {
        Mysql.rename_tables(home, names)
    }

    fn name_limit(&self) -> NameLimit {
        Mysql.name_limit()
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        render::asks(self, operation)
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        render::render(self, operation, known)
    }

    fn quote(&self, name: &str) -> String {
        Mysql.quote(name)
    }
}
