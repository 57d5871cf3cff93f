//! Manticore, a client for CockroachDB with migrations. Files `<stamp>_name.sql` with `-- @UNDO`, a blocking and an async class,
//! target versions, environments, pipelines, batches.

mod asynchronous;
mod blocking;
mod deployment;
mod environments;
mod errors;
mod files;
mod large;
mod practices;

use testkit::Engine;

use crate::walk::{Walk, walk};

walk!("manticore");

fn walk(walk: &mut Walk) {
    blocking::walk(walk);
    asynchronous::walk(walk);
    errors::walk(walk);
    files::walk(walk);
    environments::walk(walk);
    deployment::walk(walk);
    practices::walk(walk);
    large::walk(walk);
}

/// A table of people, in the engine's own words.
fn people(walk: &Walk, table: &str) -> String {
    match walk.engine() {
        Engine::Sqlite => format!(
            "CREATE TABLE {table} (\n    id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),\n    mail TEXT UNIQUE NOT NULL,\n    \
             nickname TEXT NOT NULL,\n    joined_at TEXT DEFAULT CURRENT_TIMESTAMP\n);"
        ),
        _ => format!(
            "CREATE TABLE {table} (\n    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),\n    mail TEXT UNIQUE NOT NULL,\n    \
             nickname TEXT NOT NULL,\n    joined_at TIMESTAMPTZ DEFAULT now()\n);"
        ),
    }
}

/// Puts the two files of the document's own names into the project, with its markers.
fn stamped(walk: &Walk) {
    let users = people(walk, "users");
    walk.sandbox.migration(
        "20230101120000_create_users_table.sql",
        format!("-- Forward migration\n{users}\n\n-- @UNDO\n\n-- Undo migration\nDROP TABLE users;\n"),
    );
    walk.sandbox.migration(
        "20230102130000_add_age_column.sql",
        "-- Forward migration\nALTER TABLE users ADD COLUMN age INTEGER;\n\n-- @UNDO\n\n-- Undo migration\n\
         ALTER TABLE users DROP COLUMN age;\n",
    );
}
