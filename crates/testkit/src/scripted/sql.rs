//! What CockroachDB's SQL is in PostgreSQL's: enough for the program under test, and what it does not know is refused.

use super::{Job, Shared};

/// A session's number there, by its row in `pg_stat_activity`.
const SESSION: &str = "pg_catalog.md5(a.pid::text || a.backend_start::text)";

/// What CockroachDB has not, by its names in a statement.
const UNKNOWN: [(&str, &str, &str); 6] = [
    ("pg_stat_get_activity(", "42883", "unknown function: pg_stat_get_activity()"),
    ("pg_terminate_backend(", "42883", "unknown function: pg_terminate_backend()"),
    ("pg_stat_clear_snapshot(", "42883", "unknown function: pg_stat_clear_snapshot()"),
    ("pg_advisory_unlock_all(", "42883", "unknown function: pg_advisory_unlock_all()"),
    (
        "pg_stat_progress_create_index",
        "42P01",
        "relation \"pg_catalog.pg_stat_progress_create_index\" does not exist",
    ),
    ("DO ", "0A000", "unimplemented: this syntax"),
];

/// First words of statements; anything else is an error of syntax.
const VERBS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CANCEL",
    "CLOSE",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXPLAIN",
    "GRANT",
    "INSERT",
    "PREPARE",
    "REFRESH",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VALUES",
    "WITH",
];

/// Cuts a text into its statements, at `;` outside literals, names in quotes and comments.
pub(super) fn statements(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => {
                let escapes = found.last().is_some_and(|text| text.ends_with(['E', 'e']) && first == '\'');
                quoted(rest, first, escapes)
            }
            '$' => dollar(rest),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            ';' => {
                found.push(String::new());
                rest = &rest[1..];
                continue;
            }
            other => other.len_utf8(),
        };
        if let Some(last) = found.last_mut() {
            last.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    found.into_iter().map(|text| text.trim().to_owned()).filter(|text| !first_word(text).is_empty()).collect()
}

fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

fn dollar(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|at| at + 2) else { return 1 };
    let tag = &text[..end];
    if !tag[1..end - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return 1;
    }
    text[end..].find(tag).map_or(1, |at| end + at + tag.len())
}

/// The first word of a statement, in capitals, behind comments.
pub(super) fn first_word(statement: &str) -> String {
    let mut rest = statement.trim_start();
    loop {
        rest = match rest {
            _ if rest.starts_with("--") => rest.find('\n').map_or("", |at| &rest[at..]).trim_start(),
            _ if rest.starts_with("/*") => rest.find("*/").map_or("", |at| &rest[at + 2..]).trim_start(),
            _ => break,
        };
    }
    rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase()
}

/// The error of a text that is not understood: it is read whole before anything is run.
pub(super) fn wrong_syntax(statements: &[String]) -> Option<String> {
    let wrong = statements.iter().find(|text| !VERBS.contains(&first_word(text).as_str()))?;
    let word = first_word(wrong).to_ascii_lowercase();
    Some(format!("at or near \"{word}\": syntax error"))
}

/// Whether a statement changes the schema.
pub(super) fn changes_schema(first: &str) -> bool {
    ["ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REFRESH", "REVOKE", "TRUNCATE"].contains(&first)
}

/// Whether a schema change is a job's: all but what only makes something new.
pub(super) fn has_job(first: &str, statement: &str) -> bool {
    let upper = statement.to_ascii_uppercase();
    match first {
        "ALTER" | "DROP" | "TRUNCATE" | "REFRESH" => true,
        "CREATE" => upper.contains("INDEX ") || upper.contains("MATERIALIZED VIEW"),
        _ => false,
    }
}

/// What CockroachDB would answer to a statement that names what it has not.
pub(super) fn unknown(statement: &str) -> Option<(&'static str, &'static str)> {
    let found = UNKNOWN.iter().find(|(words, ..)| {
        if *words == "DO " { first_word(statement) == "DO" } else { statement.contains(words) }
    });
    found.map(|(_, code, message)| (*code, *message))
}

/// A statement in PostgreSQL's words; `client` is the port of the client's end.
pub(super) fn translated(statement: &str, shared: &Shared, client: u16) -> String {
    let mut text = translated_alone(statement);
    if text.contains("[SHOW JOBS]") {
        text = text.replace("[SHOW JOBS]", &jobs(&shared.look()));
    }
    if let Some((before, rest)) = text.split_once("[SHOW CREATE ")
        && let Some((shown, after)) = rest.split_once(']')
        // Not where it is part of a text.
        && let Some((_, name)) = shown.split_once(' ').filter(|(what, _)| *what != "'")
    {
        text = format!("{before}{}{after}", created(name));
    }
    for show in ["[SHOW CLUSTER SESSIONS]", "[SHOW LOCAL SESSIONS]"] {
        text = text.replace(show, &sessions(client));
    }
    let own = format!(
        "(SELECT {SESSION} FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = pg_catalog.pg_backend_pid())"
    );
    text = text.replace("pg_catalog.current_setting('session_id')", &own);
    let admin = "(SELECT u.rolsuper FROM pg_catalog.pg_roles AS u WHERE u.rolname = current_user)";
    text = text.replace("pg_catalog.pg_has_role('admin', 'USAGE')", admin);
    text = text.replace("pg_catalog.pg_has_role(w.rolname, 'admin', 'USAGE')", "w.rolsuper");
    if let Some(id) = text.strip_prefix("CANCEL SESSION IF EXISTS ") {
        text = format!(
            "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE {SESSION} = {id}"
        );
    }
    text
}

/// The same, for what needs no session.
pub(super) fn translated_alone(statement: &str) -> String {
    // It is taken, and means nothing (https://www.cockroachlabs.com/docs/stable/create-index).
    let text = statement.replace("INDEX CONCURRENTLY ", "INDEX ").replace("inet_client_port()", "0");
    // PostgreSQL has it not (https://www.cockroachlabs.com/docs/stable/create-table#on-update-expressions).
    let text = text.replace(" ON UPDATE now()", "");
    // Whoever is connected (https://www.cockroachlabs.com/docs/stable/drop-database).
    let text = match text.strip_suffix(" CASCADE") {
        Some(drop) if drop.starts_with("DROP DATABASE ") => format!("{drop} WITH (FORCE)"),
        _ => text,
    };
    // An index is named behind its table (https://www.cockroachlabs.com/docs/stable/drop-index).
    match text.strip_prefix("DROP INDEX ").and_then(|rest| rest.split_once('@')) {
        Some((_, index)) => format!("DROP INDEX {index}"),
        None => text,
    }
}

/// Whether a statement looks at the sessions, of which PostgreSQL shows each transaction one picture.
pub(super) fn shows_sessions(statement: &str) -> bool {
    statement.contains(" SESSIONS]")
}

/// How an object was made (<https://www.cockroachlabs.com/docs/stable/show-create>): as much of its text as tells columns, views and
/// sequences apart.
fn created(name: &str) -> String {
    let oid = format!("'{}'::regclass", name.replace('\'', "''"));
    format!(
        "(SELECT c.relname::text AS table_name, CASE c.relkind WHEN 'v' THEN 'CREATE VIEW ' || pg_catalog.pg_get_viewdef(c.oid) \
         WHEN 'S' THEN (SELECT 'CREATE SEQUENCE INCREMENT ' || q.seqincrement FROM pg_catalog.pg_sequence AS q WHERE q.seqrelid = c.oid) \
         ELSE 'CREATE TABLE ' || coalesce((SELECT pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod) \
         || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a \
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') END AS create_statement \
         FROM pg_catalog.pg_class AS c WHERE c.oid = {oid}) AS shown"
    )
}

fn sessions(client: u16) -> String {
    format!(
        "(SELECT 1 AS node_id, {SESSION} AS session_id, a.usename::text AS user_name, CASE WHEN a.pid = pg_catalog.pg_backend_pid() \
         THEN '127.0.0.1:{client}' ELSE '127.0.0.1:1' END AS client_address, a.backend_start AS session_start \
         FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.datname = current_database())"
    )
}

fn jobs(jobs: &[Job]) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let rows: Vec<_> = jobs
        .iter()
        .map(|job| {
            format!(
                "({}, 'SCHEMA CHANGE', {}, {}, pg_catalog.to_timestamp({:.6}), {})",
                job.id,
                text(&job.description),
                text(job.status),
                job.created,
                text(&job.error)
            )
        })
        .chain(["(0, 'SCHEMA CHANGE GC', 'GC for DROP of everything', 'running', pg_catalog.now(), '')"
            .to_owned()])
        .collect();
    format!(
        "(SELECT * FROM (VALUES {}) AS v (job_id, job_type, description, status, created, error))",
        rows.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_semicolons_outside_everything() {
        assert_eq!(
            statements("SELECT ';', \"a;b\"; -- c;\nDO $x$ ; $x$;;E'\\';' ; /* ; */"),
            ["SELECT ';', \"a;b\"", "-- c;\nDO $x$ ; $x$", "E'\\';'",]
        );
        assert_eq!(first_word("-- c\n/* d */ select 1"), "SELECT");
        assert_eq!(
            wrong_syntax(&statements("SELECT 1; SELCT 2")).as_deref(),
            Some("at or near \"selct\": syntax error")
        );
    }
}
