//! The text of a squash: what the scripts of the replaced say, one behind the other, statement by statement as it stands there. Nothing is
//! left out, so no step on data is lost, and nothing is written anew.

use std::fmt::Write as _;
use std::time::Duration;

use crate::dialect::{Dialect, Manner};
use crate::error::{Error, ErrorKind};
use crate::migration::groups::GroupKind;
use crate::migration::source::{
    Headers, SourceError, SourceFile, SourceProblem, is_header, is_marker, section_reader,
};
use crate::migration::{Migration, Script};
use crate::sql::{Event, ReadError, Rules, Syntax, Token, TokenKind, tokens};

/// One statement as it is written into the squash.
struct Piece {
    /// Comments before it, its directives among them.
    leading: String,
    text: String,
    /// Rows that follow it, as `COPY` has them.
    rows: Vec<u8>,
    copy: bool,
    manner: Manner,
}

/// A script of one of the replaced.
struct Part<'a> {
    migration: &'a Migration,
    script: &'a Script,
    each: bool,
    pieces: Vec<Piece>,
}

/// How the parts are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commits {
    /// As one, if the engine can.
    Together,
    /// Each by itself, as they were.
    Apart,
}

/// Both scripts of a squash.
pub(super) struct Scripts {
    pub(super) up: String,
    /// None where a part has none.
    pub(super) down: Option<String>,
    /// Whether there is another way to commit it than together.
    pub(super) may_be_apart: bool,
}

/// Returns the scripts of `migrations`, which are in their order.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn scripts(
    migrations: &[&Migration],
    dialect: &'static dyn Dialect,
    commits: Commits,
) -> Result<Scripts, Error> {
    let mut ups = Vec::new();
    for migration in migrations {
        ups.push(part(migration, &migration.file, &migration.up, &migration.headers, dialect)?);
    }
    let mut downs = Vec::new();
    let reversible =
        migrations.iter().all(|it| it.only_merges() || it.down.is_some() && !it.headers.irreversible);
    for migration in migrations.iter().rev().filter(|_| reversible) {
        if let Some(down) = &migration.down {
            downs.push(part(
                migration,
                migration.file_of_down(),
                down,
                migration.headers_of_down(),
                dialect,
            )?);
        }
    }
    let commits_alone = definitions_commit(dialect);
    let plain = |parts: &[Part<'_>]| parts.iter().all(|part| part.is_plain());
    let as_one = commits_alone || commits == Commits::Together && plain(&ups) && plain(&downs);
    let write = |parts: &[Part<'_>]| {
        parts.iter().map(|part| part.written(as_one, dialect)).collect::<Vec<_>>().join("\n")
    };
    Ok(Scripts {
        up: write(&ups),
        down: reversible.then(|| write(&downs)),
        may_be_apart: as_one && !commits_alone,
    })
}

/// Whether a definition commits by itself, so that none can be in a transaction with others.
pub(super) fn definitions_commit(dialect: &dyn Dialect) -> bool {
    dialect.manner("CREATE TABLE t (id INTEGER)") != Manner::Plain
}

fn part<'a>(
    migration: &'a Migration,
    file: &SourceFile,
    script: &'a Script,
    headers: &Headers,
    dialect: &'static dyn Dialect,
) -> Result<Part<'a>, Error> {
    let wrong = |problem| Error::from(ErrorKind::Source(SourceError::new(file.name.clone(), problem)));
    let syntax = dialect.syntax();
    let mut reader = section_reader(file, script, Rules::new(syntax))
        .map_err(|error| wrong(SourceProblem::Unreadable { error }))?;
    let mut pieces: Vec<Piece> = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(Event::Statement(statement))) => pieces.push(Piece {
                leading: comments(statement.leading, pieces.is_empty()),
                text: statement.text.to_owned(),
                rows: Vec::new(),
                copy: statement.copy,
                manner: dialect.manner(statement.text),
            }),
            Ok(Some(Event::CopyData(rows))) => {
                if let Some(piece) = pieces.last_mut() {
                    piece.rows.extend_from_slice(rows);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(ReadError::Io(error)) => return Err(wrong(SourceProblem::Unreadable { error })),
            Err(ReadError::Text(error)) => return Err(wrong(SourceProblem::Text(error))),
        }
    }
    Ok(Part { migration, script, each: headers.no_transaction, pieces })
}

/// The comments among what stands before a statement, without what is said to the reader of a whole file: headers, `DELIMITER`,
/// terminators of nothing.
fn comments(leading: &str, first: bool) -> String {
    let mut kept = String::new();
    for line in leading.lines() {
        let plain = line.trim_start_matches('\u{feff}').trim();
        let comment = plain.strip_prefix("--");
        let said = comment.is_some_and(|_| is_marker(plain) || first && is_of_file(plain));
        let directs = plain.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter"));
        if plain.is_empty() || said || directs || plain.chars().all(|c| ";/$|".contains(c)) {
            continue;
        }
        kept.push_str(line.trim_end());
        kept.push('\n');
    }
    kept
}

fn is_of_file(comment: &str) -> bool {
    let text = comment.trim_start_matches('-').trim().to_ascii_lowercase();
    is_header(comment) || text.starts_with("migration:") || text.starts_with("created:")
}

impl Part<'_> {
    /// Whether it is one transaction, and may be a part of another.
    fn is_plain(&self) -> bool {
        let own = |group: &crate::migration::groups::Group| {
            group.kind == GroupKind::Transaction && group.foreign_keys.is_none() && group.modes.is_none()
        };
        !self.each
            && self.script.groups.len() <= 1
            && self.script.groups.iter().all(own)
            && self.pieces.iter().all(|piece| {
                let word = |at: usize| piece.text.split_whitespace().nth(at).unwrap_or_default();
                let local = word(0).eq_ignore_ascii_case("SET") && word(1).eq_ignore_ascii_case("LOCAL");
                !local && !matches!(piece.manner, Manner::Begin | Manner::Commit)
            })
    }

    fn written(&self, as_one: bool, dialect: &dyn Dialect) -> String {
        let mut text = format!("-- From {}\n", base(&self.migration.file.name));
        // What opens and commits transactions of its own does so here.
        let explicit = self.pieces.iter().any(|piece| matches!(piece.manner, Manner::Begin | Manner::Commit));
        let around = !as_one && !explicit && !self.each && self.is_plain() && !self.pieces.is_empty();
        if around {
            text.push_str("BEGIN;\n");
        }
        // Foreign keys are turned off and on between transactions.
        let turns = |piece: &Piece| matches!(piece.manner, Manner::ForeignKeys(_));
        let between = !as_one && !explicit && !self.each && self.pieces.iter().any(turns);
        let mut open = false;
        for piece in &self.pieces {
            if between && open == turns(piece) {
                text.push_str(if open { "COMMIT;\n" } else { "BEGIN;\n" });
                open = !open;
            }
            let alone =
                !as_one && !explicit && self.each && matches!(piece.manner, Manner::Plain | Manner::Ends);
            if alone {
                text.push_str("BEGIN;\n");
            }
            piece.write(&mut text, dialect.syntax());
            if alone {
                text.push_str("COMMIT;\n");
            }
        }
        if around || open {
            text.push_str("COMMIT;\n");
        }
        text
    }
}

impl Piece {
    fn write(&self, text: &mut String, syntax: Syntax) {
        text.push_str(&self.leading);
        if matches!(syntax, Syntax::Mysql) && self.text.contains(';') {
            let mark = ["//", "$$", ";;", "|||"]
                .into_iter()
                .find(|mark| !self.text.contains(mark))
                .unwrap_or("\\\\");
            let _ = writeln!(text, "DELIMITER {mark}\n{}{mark}\nDELIMITER ;", self.text);
            return;
        }
        let _ = writeln!(text, "{};", self.text);
        if self.copy {
            let rows = String::from_utf8_lossy(&self.rows);
            text.push_str(rows.strip_prefix('\n').unwrap_or(&rows));
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("\\.\n");
        }
    }
}

/// The last part of a path.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The statements of a script, without those that open and commit transactions.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn statements(
    migration: &Migration,
    file: &SourceFile,
    script: &Script,
    dialect: &'static dyn Dialect,
) -> Result<Vec<String>, Error> {
    let part = part(migration, file, script, &migration.headers, dialect)?;
    let pieces =
        part.pieces.into_iter().filter(|piece| !matches!(piece.manner, Manner::Begin | Manner::Commit));
    Ok(pieces.map(|piece| piece.text + "\n" + &String::from_utf8_lossy(&piece.rows)).collect())
}

/// What in a statement reaches past the database that it runs on, in its own words: other databases, and what all databases of a server
/// share (accounts, settings, table spaces). Texts are looked into too, since a body may be one.
pub(super) fn reaches(statement: &str, syntax: Syntax, own: Option<&str>) -> Option<String> {
    let plain = |token: &Token<'_>| {
        !matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment)
    };
    let all: Vec<_> = tokens(statement, Rules::new(syntax)).filter(plain).collect();
    for token in &all {
        let body = match token.kind {
            TokenKind::DollarString => token.text.trim_matches(|c| c != '$').trim_matches('$'),
            TokenKind::ExecutableComment => token.text.trim_start_matches("/*").trim_end_matches("*/"),
            _ => continue,
        };
        let body = body.trim_start_matches(|c: char| c == '!' || c == 'M' || c.is_ascii_digit());
        if let Some(found) = reaches(body, syntax, own) {
            return Some(found);
        }
    }
    let word = |at: usize| all.get(at).map_or(String::new(), |token| token.text.to_ascii_uppercase());
    let on_server = matches!(syntax, Syntax::Mysql | Syntax::Postgres);
    for (at, token) in all.iter().enumerate() {
        if token.kind != TokenKind::Word {
            continue;
        }
        let begins =
            at == 0 || matches!(word(at - 1).as_str(), ";" | "BEGIN" | "THEN" | "ELSE" | "DO" | "LOOP");
        let (first, second) = (word(at), word(at + 1));
        let pair = format!("{first} {second}");
        let leads = begins
            && match first.as_str() {
                "USE" | "ATTACH" => !matches!(syntax, Syntax::Postgres),
                "CREATE" | "ALTER" | "DROP" | "RENAME" if on_server => {
                    const SHARED: &[&str] = &[
                        "USER",
                        "ROLE",
                        "GROUP",
                        "DATABASE",
                        "SYSTEM",
                        "TABLESPACE",
                        "SUBSCRIPTION",
                        "LOGFILE",
                        "INSTANCE",
                    ];
                    let schema = second == "SCHEMA" && matches!(syntax, Syntax::Mysql);
                    // What is mapped for a user is the database's own.
                    schema || SHARED.contains(&second.as_str()) && word(at + 2) != "MAPPING"
                }
                "SET" if on_server => {
                    matches!(second.as_str(), "GLOBAL" | "PERSIST" | "PERSIST_ONLY" | "PASSWORD")
                }
                "GRANT" | "REVOKE" | "FLUSH" | "RESET" | "PURGE" | "SHUTDOWN" | "KILL" | "CHANGE"
                | "INSTALL" | "UNINSTALL" => {
                    matches!(syntax, Syntax::Mysql)
                }
                _ => false,
            };
        if leads {
            return Some(if matches!(first.as_str(), "USE" | "ATTACH" | "GRANT" | "REVOKE") {
                first
            } else {
                pair
            });
        }
    }
    // On PostgreSQL a name with a database in front is refused, unless it is the current one's.
    if !matches!(syntax, Syntax::Mysql) {
        return None;
    }
    let name = |token: &Token<'_>| match token.kind {
        TokenKind::Word => Some(token.text.to_owned()),
        TokenKind::Identifier => Some(token.text.trim_matches('`').to_owned()),
        _ => None,
    };
    // Behind these stands a table's name, perhaps with its database.
    const BEFORE: &[&str] = &[
        "INTO",
        "FROM",
        "JOIN",
        "UPDATE",
        "TABLE",
        "TABLES",
        "EXISTS",
        "ON",
        "TRIGGER",
        "VIEW",
        "PROCEDURE",
        "FUNCTION",
        "EVENT",
        "CALL",
        "LIKE",
        "REFERENCES",
        "TRUNCATE",
        "SEQUENCE",
        "IGNORE",
        "TO",
        "ONLY",
        "USING",
        ",",
    ];
    let leads = |at: &usize| {
        let dotted =
            all.get(at + 1).is_some_and(|next| next.text == ".") && (*at == 0 || all[at - 1].text != ".");
        let before = if *at == 0 { String::new() } else { word(at - 1) };
        let Some(name) = name(&all[*at]) else { return false };
        let is_own = own.is_some_and(|own| name.eq_ignore_ascii_case(own));
        let in_place = BEFORE.contains(&before.as_str())
            && !is_alias(&all, &name, *at)
            && !name.eq_ignore_ascii_case("information_schema");
        dotted && (is_own || in_place && !is_variable(&name))
    };
    let found = (0..all.len()).find(leads)?;
    Some(all[found].text.to_owned() + ".")
}

/// Whether a name with a point behind it is that of a table of the same statement, or what one is called there, and no database's.
fn is_alias(all: &[Token<'_>], name: &str, at: usize) -> bool {
    let same = |token: &Token<'_>| token.text.trim_matches('`').eq_ignore_ascii_case(name);
    all.iter().enumerate().any(|(other, token)| {
        other != at && same(token) && all.get(other + 1).is_none_or(|next| next.text != ".")
    })
}

/// Whether it is what a trigger calls its rows.
fn is_variable(name: &str) -> bool {
    ["NEW", "OLD"].iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// Where a squash stands, in the words of headers.
pub(super) struct Place<'a> {
    pub(super) description: &'a str,
    pub(super) date: &'a str,
    /// The id, where it is not in the file's name.
    pub(super) revision: Option<&'a str>,
    /// Its parents, where headers say them.
    pub(super) parents: Option<Vec<String>>,
    pub(super) depends_on: Vec<String>,
    pub(super) replaces: Vec<String>,
    /// Why it cannot be undone, where it cannot.
    pub(super) irreversible: Option<String>,
}

/// The headers of a squash of `migrations`.
pub(super) fn headers(place: &Place<'_>, migrations: &[&Migration], commits_alone: bool) -> String {
    let all = || migrations.iter().map(|migration| &migration.headers);
    let list = |ids: &[String]| {
        let quoted: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let mut text = format!("-- Migration: {}\n-- created: {}\n", place.description, place.date);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "-- {name}: {value}");
    };
    if let Some(revision) = place.revision {
        line("revision", revision.to_owned());
    }
    match place.parents.as_deref() {
        None => {}
        Some([]) => line("down_revision", "none".to_owned()),
        Some([one]) => line("down_revision", one.clone()),
        Some(several) => line("down_revision", list(several)),
    }
    if !place.depends_on.is_empty() {
        line("depends_on", list(&place.depends_on));
    }
    line("replaces", list(&place.replaces));
    if let Some(branch) = all().find_map(|headers| headers.branch.clone()) {
        line("branch", branch);
    }
    // Each has its limits: the widest holds for all, and where one has none, none does.
    if let Some(wait) = all().filter_map(|headers| headers.lock_timeout).max() {
        line("lock_timeout", duration(wait));
    }
    let run: Option<Vec<Duration>> = all().map(|headers| headers.statement_timeout).collect();
    if let Some(run) = run.and_then(|all| all.into_iter().max()) {
        line("statement_timeout", duration(run));
    }
    if let Some(retries) = all().filter_map(|headers| headers.retries).max() {
        line("retries", retries.to_string());
    }
    let breaking: Vec<_> = all().filter_map(|headers| headers.breaking.clone()).collect();
    if !breaking.is_empty() {
        line("breaking", breaking.join("; "));
    }
    if commits_alone && all().all(|headers| headers.no_transaction) {
        text.push_str("-- no-transaction\n");
    }
    if let Some(why) = &place.irreversible {
        let _ = writeln!(text, "-- There is no rollback, since {why}.\n-- irreversible");
    }
    text
}

fn duration(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
