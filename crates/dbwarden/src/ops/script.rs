//! The SQL that a run would send, as text, without a database.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use super::migrate::MigrateOptions;
use super::run::down_script;
use super::{Deployment, files};
use crate::apply::run::recorded_time;
use crate::dialect::{Dialect, Manner, Records};
use crate::error::{Error, ErrorKind};
use crate::migration::applied::History;
use crate::migration::groups::{Group, GroupKind};
use crate::migration::plan::{self, Plan};
use crate::migration::set::MigrationSet;
use crate::migration::source::{Condition, Directive, SourceError, SourceFile, directives, section_reader};
use crate::migration::state::State;
use crate::migration::{Kind, Migration, RevisionId, Script};
use crate::sql::{Event, ReadError, Reader, Rules, Syntax, TokenKind, tokens};

/// Returns `statement` with its end, as the engine's shell wants it: MySQL's ends each statement at the first `;`, that of a body too,
/// unless `DELIMITER` says otherwise.
fn for_the_shell(statement: &str, rules: Rules) -> String {
    let code = |kind| matches!(kind, TokenKind::Symbol | TokenKind::ExecutableComment);
    let cut = || tokens(statement, rules).any(|token| code(token.kind) && token.text.contains(';'));
    if rules.syntax != Syntax::Mysql || !statement.contains(';') || !cut() {
        return format!("{statement};");
    }
    let delimiter =
        ["//", "$$", "@@", "||", "~~~"].into_iter().find(|delimiter| !statement.contains(delimiter));
    let delimiter = delimiter.unwrap_or("//dbwarden//");
    format!("DELIMITER {delimiter}\n{statement}\n{delimiter}\nDELIMITER ;")
}

/// Writes the SQL of a run on a database that has the revisions `from` and their ancestors, or nothing; returns the plan.
///
/// # Errors
/// What keeps it from being planned; what cannot be written to `out`.
pub fn script(
    deployment: &Deployment<'_>,
    options: &MigrateOptions,
    from: Option<&crate::migration::graph::Target>,
    out: &mut dyn Write,
) -> Result<Plan, Error> {
    let dialect = deployment.dialect()?;
    let mut set = files(deployment)?;
    let selection = options.selection(deployment);
    let applied = match from {
        Some(target) => set.graph().closure(target)?,
        None => Vec::new(),
    };
    let mut history = taken_for_applied(&set, &applied);
    let state = State::new(&mut set, &mut history, &selection);
    let plan = plan::upgrade(&set, &state, &history, &options.request(dialect)?)?;
    let mut records = dialect.records(&deployment.settings.tables);
    for statement in records.create.iter_mut().chain([&mut records.insert, &mut records.delete]) {
        *statement = dialect.standalone(statement);
    }
    let now = recorded_time(deployment.clock.now());
    let writer = Writer {
        dialect,
        records,
        who: deployment.who.clone(),
        now,
        shared: plan.single_transaction,
        foreign_keys: deployment.settings.foreign_keys,
        environment: deployment.environment(),
    };
    if dialect.syntax() == Syntax::Mysql {
        // What we write is UTF-8, whatever the shell takes the terminal for.
        writeln!(out, "SET NAMES utf8mb4;").map_err(unwritten)?;
    }
    if writer.foreign_keys {
        writeln!(out, "{};", foreign_keys(true)).map_err(unwritten)?;
    }
    if applied.is_empty() {
        for statement in &writer.records.create {
            writeln!(out, "{statement};").map_err(unwritten)?;
        }
    }
    if plan.single_transaction {
        writeln!(out, "BEGIN;").map_err(unwritten)?;
    }
    for step in &plan.steps {
        if let Some(migration) = set.get(&step.id) {
            writer.migration(migration, options.record_only, out)?;
        }
    }
    if plan.single_transaction {
        writeln!(out, "COMMIT;").map_err(unwritten)?;
    }
    Ok(plan)
}

/// Writes the rows behind a COPY with their end, as they stand in the file; nothing where the statement is left out.
fn rows(
    reader: &mut Reader<Box<dyn Read + Send + '_>>,
    mut out: Option<&mut dyn Write>,
    fail: &impl Fn(std::io::Error) -> Error,
) -> Result<(), Error> {
    loop {
        let (piece, ends): (&[u8], bool) = match reader.next() {
            Ok(Some(Event::CopyData(rows))) => (rows, false),
            Ok(Some(Event::CopyEnd) | None) => (b"\\.\n", true),
            Ok(Some(_)) => continue,
            Err(ReadError::Io(error)) => return Err(fail(error)),
            Err(ReadError::Text(error)) => return Err(fail(std::io::Error::other(error.to_string()))),
        };
        if let Some(out) = &mut out {
            out.write_all(piece).map_err(unwritten)?;
        }
        if ends {
            return Ok(());
        }
    }
}

/// A history in which `ids` are applied as their files are.
fn taken_for_applied(set: &MigrationSet, ids: &[RevisionId]) -> History {
    let rows = ids.iter().filter_map(|id| set.get(id)).map(|migration| crate::migration::applied::Applied {
        version: migration.id.clone(),
        description: migration.description.clone(),
        kind: Kind::Versioned.name().to_owned(),
        checksum: migration.checksum().clone(),
        file_hash: Some(migration.file_hash.clone()),
        applied_at: String::new(),
        duration_ms: 0,
        applied_by: String::new(),
        tool_version: String::new(),
        run_id: String::new(),
        statements: 0,
        has_down: migration.down.is_some(),
        odd: false,
        note: None,
    });
    History { exists: true, applied: rows.map(std::sync::Arc::new).collect(), ..History::default() }
}

/// Who reads the script does not take it: no fault of the file that is being written.
fn unwritten(error: std::io::Error) -> Error {
    ErrorKind::Output { error }.into()
}

fn foreign_keys(on: bool) -> &'static str {
    if on { "PRAGMA foreign_keys = ON" } else { "PRAGMA foreign_keys = OFF" }
}

struct Writer {
    dialect: &'static dyn Dialect,
    records: Records,
    who: String,
    now: String,
    /// All in one transaction.
    shared: bool,
    /// What foreign keys are in a session, unless a file says otherwise.
    foreign_keys: bool,
    environment: BTreeSet<String>,
}

impl Writer {
    fn migration(&self, migration: &Migration, record_only: bool, out: &mut dyn Write) -> Result<(), Error> {
        writeln!(out, "\n-- {} {}", migration.id, migration.description).map_err(unwritten)?;
        if record_only {
            writeln!(out, "{};", self.record(migration)?).map_err(unwritten)?;
            return Ok(());
        }
        if migration.code.is_some() {
            let message = format!("{} is written in Rust: there is no SQL of it to print", migration.id);
            return Err(ErrorKind::Usage { message }.into());
        }
        self.statements(migration, &migration.file, &migration.up, out)
    }

    fn statements(
        &self,
        migration: &Migration,
        file: &SourceFile,
        script: &Script,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let fail = |error: std::io::Error| Error::from(SourceError::unreadable(&file.name, error));
        let mut reader = section_reader(file, script, Rules::new(self.dialect.syntax())).map_err(fail)?;
        let mut groups = script.groups.iter();
        let mut group: Option<&Group> = None;
        let (mut ordinal, mut keys) = (0, None);
        let durable = script.groups.iter().rfind(|group| group.kind != GroupKind::Session);
        let last = durable.map_or(0, |group| group.first + group.count - 1);
        loop {
            let statement = match reader.next() {
                Ok(Some(Event::Statement(statement))) => statement,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(ReadError::Io(error)) => return Err(fail(error)),
                Err(ReadError::Text(error)) => {
                    return Err(fail(std::io::Error::other(error.to_string())));
                }
            };
            let manner = self.dialect.manner(statement.text);
            if matches!(manner, Manner::Begin | Manner::Commit | Manner::Rollback | Manner::ForeignKeys(_)) {
                continue;
            }
            ordinal += 1;
            let Some(current) = group.or_else(|| groups.next()) else { break };
            let transaction = current.kind == GroupKind::Transaction && !self.shared;
            if group.is_none() {
                if current.foreign_keys != keys {
                    let on = current.foreign_keys.unwrap_or(self.foreign_keys);
                    writeln!(out, "{};", foreign_keys(on)).map_err(unwritten)?;
                    keys = current.foreign_keys;
                }
                if transaction {
                    writeln!(out, "BEGIN;").map_err(unwritten)?;
                }
            }
            group = Some(current);
            let mut wanted = true;
            for (directive, text) in directives(statement.leading, self.dialect.syntax()).unwrap_or_default()
            {
                let known = self.wants(&directive);
                // A script cannot ask: whoever runs it must.
                let word = if known.is_some() {
                    ""
                } else {
                    "CHECK FIRST, then keep or remove the next statement: "
                };
                writeln!(out, "-- {word}{text}").map_err(unwritten)?;
                wanted &= known.unwrap_or(true);
            }
            if wanted {
                let rules = Rules::new(self.dialect.syntax());
                writeln!(out, "{}", for_the_shell(statement.text, rules)).map_err(unwritten)?;
            }
            if statement.copy {
                rows(&mut reader, wanted.then_some(&mut *out), &fail)?;
            }
            let ends = ordinal + 1 == current.first + current.count;
            if ordinal == last {
                writeln!(out, "{};", self.record(migration)?).map_err(unwritten)?;
            }
            if ends {
                if transaction {
                    writeln!(out, "COMMIT;").map_err(unwritten)?;
                }
                group = None;
            }
        }
        if keys.is_some() {
            writeln!(out, "{};", foreign_keys(self.foreign_keys)).map_err(unwritten)?;
        }
        if last == 0 {
            // A merge that runs nothing has its row all the same.
            writeln!(out, "{};", self.record(migration)?).map_err(unwritten)?;
        }
        Ok(())
    }

    /// Whether a statement with `directive` before it is to be run, where that is known without the database.
    fn wants(&self, directive: &Directive) -> Option<bool> {
        let holds = |condition: &Condition| match condition {
            Condition::Engine(engine) => Some(self.dialect.database() == *engine),
            Condition::Environment(name) => Some(self.environment.contains(&name.to_ascii_lowercase())),
            Condition::Exists(_) | Condition::Query(_) => None,
        };
        match directive {
            Directive::Unless(condition) => holds(condition).map(|holds| !holds),
            Directive::OnlyIf(condition) => holds(condition),
            Directive::Allow { .. } => Some(true),
        }
    }

    /// The statements that record `migration`.
    fn record(&self, migration: &Migration) -> Result<String, Error> {
        let mysql = self.dialect.syntax() == Syntax::Mysql;
        let text = |text: &str| {
            let text = if mysql { text.replace('\\', "\\\\") } else { text.to_owned() };
            format!("'{}'", text.replace('\'', "''"))
        };
        let down = down_script(migration, self.dialect)
            .map_err(|error| Error::from(SourceError::new(migration.file_of_down().name.clone(), error)))?;
        let values = [
            text(migration.id.as_str()),
            text(&migration.description),
            text(migration.kind.name()),
            text(migration.checksum().as_str()),
            text(migration.file_hash.as_str()),
            text(&self.now),
            "0".to_owned(),
            text(&self.who),
            text(env!("CARGO_PKG_VERSION")),
            text("script"),
            migration.up.statements.to_string(),
            down.as_deref().map_or_else(|| "NULL".to_owned(), text),
            text("applied from a script"),
        ];
        let mut values = values.into_iter();
        let mut statement = String::new();
        if migration.kind != Kind::Versioned {
            // A repeatable has one row, that of its last run.
            statement = self.records.delete.replacen('?', &text(migration.id.as_str()), 1) + ";\n";
        }
        for (index, piece) in self.records.insert.split('?').enumerate() {
            if index > 0 {
                statement.push_str(&values.next().unwrap_or_default());
            }
            statement.push_str(piece);
        }
        Ok(statement)
    }
}
