//! The migration manager: a service that migrates when it starts, revisions, templates, three environments. What the document calls in
//! Python is called here in Rust, as a program would; where a command does the same, it is typed too.

use dbwarden::{Builder, Migrator};
use testkit::Engine;

use crate::walk::{Walk, walk};

mod api;
mod code;
mod commands;
mod create;
mod environments;
mod layout;
mod safety;
mod start;
mod templates;
mod trouble;

walk!("manager");

fn walk(walk: &mut Walk) {
    start::chapter(walk);
    create::chapter(walk);
    templates::chapter(walk);
    api::chapter(walk);
    environments::chapter(walk);
    safety::chapter(walk);
    commands::chapter(walk);
    trouble::chapter(walk);
    code::chapter(walk);
    layout::chapter(walk);
}

/// Three migrations by the names that revisions have: `abc123`, then `def456`, then `123fed`.
const REVISIONS: &[(&str, &str)] = &[
    (
        "abc123d4e5f6_create_users.sql",
        "-- down_revision: none\n\n-- upgrade\n\nCREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100));\n\n\
         -- rollback\n\nDROP TABLE users;\n",
    ),
    (
        "def456a7b8c9_create_posts.sql",
        "-- down_revision: abc123d4e5f6\n\n-- upgrade\n\nCREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT);\n\n\
         -- rollback\n\nDROP TABLE posts;\n",
    ),
    (
        "123fedcba987_create_tags.sql",
        "-- down_revision: def456a7b8c9\n\n-- upgrade\n\nCREATE TABLE tags (id INTEGER PRIMARY KEY, word TEXT);\n\n\
         -- rollback\n\nDROP TABLE tags;\n",
    ),
];

/// Their whole ids.
const IDS: [&str; 3] = ["abc123d4e5f6", "def456a7b8c9", "123fedcba987"];

/// Begins a program's migrator on the project.
fn builder(walk: &Walk) -> Builder<'static> {
    Migrator::builder(&walk.database.url()).directory(walk.sandbox.path("migrations"))
}

fn migrator(walk: &Walk) -> Migrator<'static> {
    builder(walk).build().unwrap()
}

/// The user's tables, in alphabetic order.
fn tables(walk: &Walk) -> String {
    let sql = match walk.engine() {
        Engine::Postgres => {
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'dbwarden%' ORDER BY 1"
        }
        _ => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'dbwarden%' ORDER BY 1",
    };
    walk.database.rows(sql).join(" ")
}

/// The columns of a table, in their order.
fn columns(walk: &Walk, table: &str) -> String {
    let sql = match walk.engine() {
        Engine::Postgres => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
        ),
        _ => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
    };
    walk.database.rows(&sql).join(" ")
}

/// Sees that the database refuses `sql`, for a reason that has `word` in it.
#[track_caller]
fn refuses(walk: &Walk, sql: &str, word: &str) {
    let answer = match walk.engine() {
        Engine::Postgres => {
            let owned = walk.database.owned();
            owned.server().try_shell(owned.name(), sql).err()
        }
        _ => walk.database.connect().execute_batch(sql).err().map(|error| error.to_string()),
    };
    assert!(answer.as_ref().is_some_and(|answer| answer.contains(word)), "{sql}: {answer:?}");
}
