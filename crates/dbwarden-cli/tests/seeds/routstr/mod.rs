//! Routstr, a service whose schema Alembic migrates: at its start, by revisions, with merges, enums, rebuilds of SQLite's tables,
//! concurrent indexes, timeouts of locks, batches, backups.

mod commands;
mod creating;
mod engines;
mod patterns;
mod practices;
mod production;
mod startup;
mod testing;
mod trouble;

use testkit::Engine;

use crate::walk::{Walk, walk};

walk!("routstr");

/// The revisions of the document, oldest first.
const INITIAL: &str = "e5d4c3b2a1f6";
const INDEXES: &str = "f6e5d4c3b2a1";
const PREFERENCES: &str = "a1b2c3d4e5f6";

fn walk(walk: &mut Walk) {
    startup::walk(walk);
    creating::walk(walk);
    patterns::walk(walk);
    engines::walk(walk);
    commands::walk(walk);
    testing::walk(walk);
    production::walk(walk);
    trouble::walk(walk);
    practices::walk(walk);
}

/// Begins anew, with Alembic's directory and the first two revisions.
fn project(walk: &mut Walk) {
    walk.anew();
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", settings.replace("\"migrations\"", "\"migrations/versions\""));
    let (key, json) = (walk.database.key(), if walk.engine() == Engine::Postgres { "JSONB" } else { "TEXT" });
    revision(
        walk,
        INITIAL,
        "none",
        "initial_schema",
        &format!(
            "CREATE TABLE tokens (\n    id {key},\n    hash TEXT NOT NULL,\n    balance INTEGER NOT NULL DEFAULT 0,\n    details {json},\n    \
             note TEXT,\n    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP\n);\n\
             CREATE TABLE \"transaction\" (\n    id {key},\n    token_id INTEGER NOT NULL REFERENCES tokens (id),\n    timestamp TIMESTAMP\n);"
        ),
        "DROP TABLE \"transaction\";\nDROP TABLE tokens;",
    );
    revision(
        walk,
        INDEXES,
        INITIAL,
        "add_indexes",
        "CREATE INDEX ix_tokens_hash ON tokens (hash);",
        "DROP INDEX ix_tokens_hash;",
    );
}

/// Writes a revision as Alembic names it.
fn revision(walk: &Walk, id: &str, parent: &str, words: &str, up: &str, down: &str) {
    let text = format!(
        "-- revision: {id}\n-- down_revision: {parent}\n\n-- upgrade\n\n{up}\n\n-- rollback\n\n{down}\n"
    );
    walk.sandbox.migration(&format!("versions/{id}_{words}.sql"), text);
}

/// Writes the revision that makes a table of preferences.
fn preferences(walk: &Walk) {
    let key = walk.database.key();
    let up = format!(
        "CREATE TABLE preferences (\n    id {key},\n    token_id INTEGER NOT NULL,\n    theme TEXT,\n    \
         notifications_enabled BOOLEAN DEFAULT TRUE,\n    created_at TIMESTAMP NOT NULL,\n    \
         FOREIGN KEY (token_id) REFERENCES tokens (id)\n);\n\
         CREATE INDEX ix_preferences_token_id ON preferences (token_id);"
    );
    let down = "DROP INDEX ix_preferences_token_id;\nDROP TABLE preferences;";
    revision(walk, PREFERENCES, INDEXES, "add_preferences_table", &up, down);
}

/// The directory of the revisions.
const VERSIONS: &str = "migrations/versions";
