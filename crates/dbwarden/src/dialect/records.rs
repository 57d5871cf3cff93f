//! The SQL of our own tables.

use crate::project::Tables;

/// A query that tells inside a transaction, and so that no takeover can slip in behind it, whose the token is: its one number is 0
/// where it is another's by now, or it fails with `code`, which aborts the transaction around it.
#[derive(Debug, Clone)]
pub struct Fence {
    /// token.
    pub sql: String,
    /// The code of its failure.
    pub code: &'static str,
    /// token: the same, and it fails as well where the session was told to stop, with [`TOLD_TO_STOP`] in the message. Only where the
    /// engine may pass over a statement then and say nothing.
    pub unless_told_to_stop: Option<String>,
    /// token: changes the token's row and not the token, before the query. Only where the engine asks for it.
    pub write: Option<String>,
}

/// The SQL of our own tables, in one engine's words. Parameters stand in the order that each docstring names.
#[derive(Debug, Clone)]
pub struct Records {
    /// The lock's table, by which the engine's locks of sessions are told apart.
    pub lock_name: String,
    /// What stands before the name of a table that is where ours are.
    pub home: String,
    /// What stands before the name of another tool's table.
    pub elsewhere: String,
    /// What lets the role `{role}` make the tables; empty where there are no roles.
    pub rights: String,
    /// What makes the schema of the tables for the role `{role}`, where that may be missing.
    pub makes_schema: Option<String>,
    /// Names the objects that are ours or another tool's: type, name, table, columns separated by commas. The type
    /// `stranger-owned` is a table of ours that belongs to a role which is not to be trusted, with that role in the place of
    /// the columns; `elsewhere` is a table of our history's name where earlier builds made it.
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
    /// version, direction, first, count, hash, state, `started_at`, `finished_at`, error, `run_id`, summary, and the evidence where
    /// there is any; in order.
    pub journal: String,
    /// version, direction, first, count, hash, state, `started_at`, `finished_at`, error, `run_id`, summary, and the parameters of
    /// the evidence: writes a unit's row over the one that is there, whose evidence stays unless it begins. `{evidence}` stands where what the catalogue says of a unit before it is run belongs, or NULL.
    pub unit: String,
    /// Whether `unit` takes evidence.
    pub evidence: bool,
    /// version.
    pub clear_journal: String,
    /// Has a row where what other tools recorded was dealt with: since, by what.
    pub taken: String,
    /// since, which tables, by what: says that what other tools recorded is dealt with, where it is not said yet. Without it, empty
    /// records beside theirs are what a kill left, and nothing is run. By what is [`BY_A_RUN`], or the sum of what was taken over.
    pub take_over: String,
    /// Names the schemas beside ours that have a table of our lock's name and columns, where a backup holds all schemas.
    pub others: Option<String>,
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

/// Other tools' tables of records. A further one is one line here; [`adopt`](crate::adopt) says what is in those that can be taken over.
const FOREIGN: &[&str] = &[
    "strata_migrations",
    "strata_lock",
    "_migrations",
    "alembic_version",
    "_dbwarden_migrations",
    "flyway_schema_history",
    "_sqlx_migrations",
    "__diesel_schema_migrations",
    "refinery_schema_history",
    "schema_migrations",
    "goose_db_version",
    "django_migrations",
    "databasechangelog",
    "DATABASECHANGELOG",
    "_prisma_migrations",
];

/// Returns the names under which other tools' records are looked for: theirs, those under which they were set aside, and the names of
/// our own tables where the settings give ours others.
pub fn foreign_tables(tables: &Tables) -> Vec<String> {
    let ours = [&tables.migrations, &tables.lock, &tables.journal];
    let own = Tables::default();
    let named = [own.migrations, own.lock].into_iter();
    let named = named.filter(|name| !ours.iter().any(|ours| ours.eq_ignore_ascii_case(name)));
    let aside = [&tables.migrations, &tables.lock].into_iter().map(|table| aside_table(table));
    FOREIGN.iter().map(|name| (*name).to_owned()).chain(aside).chain(named).collect()
}

/// Returns the name that an older program's table gets which has the name of ours. Always the same, so that whoever comes after a kill
/// knows it, and so that no second one can take it.
pub fn aside_table(table: &str) -> String {
    format!("{table}_python")
}

/// Returns the name of the table of [`Restoring`], beside our others.
pub fn restoring_table(tables: &Tables) -> String {
    format!("{}_restoring", tables.lock)
}

/// What [`Records::take_over`] says where nothing was taken over, since a run began beside another tool's records.
pub const BY_A_RUN: &str = "run";

/// What stands in the message of a fence that fails since the session was told to stop, in small letters: the expression, which stands
/// there in every language.
pub const TOLD_TO_STOP: &str = "exp(";

impl Records {
    /// Returns what most engines understand, for tables of these names; what makes the tables and looks for them is each engine's own.
    pub(super) fn standard(migrations: &str, lock: &str, journal: &str) -> Self {
        Self {
            lock_name: lock.to_owned(),
            home: String::new(),
            elsewhere: String::new(),
            rights: String::new(),
            makes_schema: None,
            probe: String::new(),
            made: None,
            create: Vec::new(),
            strip: None,
            fill: None,
            history: format!(
                "SELECT version, description, kind, checksum, file_hash, applied_at, duration_ms, applied_by, tool_version, \
                 run_id, statements, down_script IS NOT NULL, note FROM {migrations} ORDER BY sequence"
            ),
            glance: format!(
                "SELECT version, kind, checksum, file_hash, note FROM {migrations} ORDER BY sequence"
            ),
            down_script: format!("SELECT down_script FROM {migrations} WHERE version = ?"),
            insert: format!(
                "INSERT INTO {migrations} (version, description, kind, checksum, file_hash, applied_at, duration_ms, \
                 applied_by, tool_version, run_id, statements, down_script, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            delete: format!("DELETE FROM {migrations} WHERE version = ?"),
            accept: format!(
                "UPDATE {migrations} SET checksum = ?, file_hash = ?, note = ? WHERE version = ?"
            ),
            rename: format!("UPDATE {migrations} SET version = ? WHERE version = ?"),
            lock: format!(
                "SELECT h.token, h.owner, h.since, b.beat, b.doing FROM {lock} AS h, {lock} AS b \
                 WHERE h.name = 'holder' AND b.name = 'heartbeat'"
            ),
            take: format!(
                "UPDATE {lock} SET token = ?, owner = ?, since = ? WHERE name = 'holder' AND token = ?"
            ),
            reset_beat: format!("UPDATE {lock} SET token = ?, beat = 0, doing = ? WHERE name = 'heartbeat'"),
            fence: None,
            renew: format!(
                "UPDATE {lock} SET beat = beat + 1, doing = ? WHERE name = 'heartbeat' AND token = ?"
            ),
            beat: format!(
                "UPDATE {lock} SET beat = beat + 1, doing = coalesce(?, doing) WHERE name = 'heartbeat' AND token = ?"
            ),
            release: format!(
                "UPDATE {lock} SET owner = NULL, since = NULL WHERE name = 'holder' AND token = ?"
            ),
            journal: format!(
                "SELECT version, direction, first, count, hash, state, started_at, finished_at, error, run_id, summary \
                 FROM {journal} ORDER BY version, first"
            ),
            unit: format!(
                "INSERT INTO {journal} (version, direction, first, count, hash, state, started_at, finished_at, error, \
                 run_id, summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (version, first) DO UPDATE SET \
                 direction = excluded.direction, count = excluded.count, hash = excluded.hash, state = excluded.state, \
                 started_at = excluded.started_at, finished_at = excluded.finished_at, error = excluded.error, \
                 run_id = excluded.run_id, summary = excluded.summary"
            ),
            evidence: false,
            clear_journal: format!("DELETE FROM {journal} WHERE version = ?"),
            taken: format!("SELECT since, owner FROM {lock} WHERE name = 'adopted'"),
            take_over: format!(
                "INSERT INTO {lock} (name, token, beat, since, doing, owner) VALUES ('adopted', 0, 0, ?, ?, ?) \
                 ON CONFLICT (name) DO NOTHING"
            ),
            others: None,
            restoring: None,
        }
    }
}
