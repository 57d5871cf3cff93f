//! What a walk does beside the command's own lines: as a program in Rust that has the library, and as a shell script.

use dbwarden::ops::Report;
use dbwarden::{Builder, Migrator};
use testkit::Engine;

use crate::sandbox::Ran;
use crate::walk::Walk;

/// The migrator of a program whose migrations are in the project's directory.
pub(crate) fn migrator(walk: &Walk) -> Builder<'static> {
    migrator_of(walk, "migrations")
}

/// The same with another directory of the project.
pub(crate) fn migrator_of(walk: &Walk, directory: &str) -> Builder<'static> {
    Migrator::builder(&walk.database.url()).directory(walk.sandbox.path(directory))
}

/// Runs an async program to its end.
pub(crate) fn awaits<T>(program: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(program)
}

/// The versions of what a run did, in order.
pub(crate) fn done(report: &Report) -> Vec<&str> {
    report.steps.iter().map(|step| step.version.as_str()).collect()
}

/// Runs a script of the project, with `dbwarden` on its PATH.
#[track_caller]
pub(crate) fn script(walk: &Walk, name: &str, text: &str) -> Ran {
    walk.sandbox.write(name, text);
    walk.sandbox.script(&format!("bash {name}"))
}

/// The columns of a table, in order; none where there is no such table.
pub(crate) fn columns(walk: &Walk, table: &str) -> Vec<String> {
    walk.database.rows(&match walk.engine() {
        Engine::Sqlite => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
        _ => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    })
}

/// Whether a table is there.
pub(crate) fn has_table(walk: &Walk, table: &str) -> bool {
    !columns(walk, table).is_empty()
}

/// The columns of a table that may hold nothing.
pub(crate) fn nullable(walk: &Walk, table: &str) -> Vec<String> {
    walk.database.rows(&match walk.engine() {
        Engine::Sqlite => {
            format!("SELECT name FROM pragma_table_info('{table}') WHERE \"notnull\" = 0 ORDER BY cid")
        }
        _ => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name = '{table}' AND is_nullable = 'YES' ORDER BY ordinal_position"
        ),
    })
}

/// The names of a table's indexes, but for those that a constraint has made.
pub(crate) fn indexes(walk: &Walk, table: &str) -> Vec<String> {
    walk.database.rows(&match walk.engine() {
        Engine::Sqlite => {
            format!("SELECT name FROM pragma_index_list('{table}') WHERE origin = 'c' ORDER BY name")
        }
        _ => format!(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE i.indrelid = '\"{table}\"'::regclass AND i.indisvalid AND NOT EXISTS \
             (SELECT 1 FROM pg_constraint WHERE conindid = c.oid) ORDER BY 1"
        ),
    })
}
