//! Many small migrations on an empty file, and the files of that set.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

use super::arguments::Arguments;
use super::contestants::{Dbwarden, Shell, expect, fresh_file, seconds};
use super::paired::{Contestant, WarmUp, median, ratio, rounds};
use super::scratch::Scratch;
use super::table::Row;

/// The most that ours may take of the shell's time.
const TARGET: f64 = 1.1;

const TABLES: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name GLOB 't[0-9]*'";
const INDEXES: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name GLOB 'ix_t[0-9]*'";

/// The migrations, and the same SQL as one script for the shell.
pub(super) struct MigrationSet {
    pub(super) directory: PathBuf,
    pub(super) script: PathBuf,
    pub(super) count: usize,
}

impl MigrationSet {
    pub(super) fn write(scratch: &Scratch, count: usize) -> Result<Self, Failure> {
        let directory = scratch.path().join("migrations");
        fs::create_dir(&directory).map_err(Failure::at("cannot make", &directory))?;
        let width = count.to_string().len().max(4);
        let mut script = String::from(
            "CREATE TABLE _history (version VARCHAR(50) PRIMARY KEY, checksum VARCHAR(64), applied_at TIMESTAMP NULL \
             DEFAULT CURRENT_TIMESTAMP);\n",
        );
        for i in 1..=count {
            let (up, down) = (up(i), down(i));
            let path = directory.join(format!("{i:0width$}_create_t{i:05}.sql"));
            fs::write(&path, format!("-- upgrade\n\n{up}\n-- rollback\n\n{down}"))
                .map_err(Failure::at("cannot write", &path))?;
            let _ = write!(
                script,
                "BEGIN;\n{up}INSERT INTO _history (version, checksum) VALUES ('{i:0width$}', '{i:064}');\nCOMMIT;\n"
            );
        }
        let script = scratch.write("migrations.sql", &script)?;
        Ok(Self { directory, script, count })
    }

    /// Fails unless a file holds every table and index of the set, and a history row for each.
    pub(super) fn check(
        &self,
        who: &str,
        history: &str,
        file: &Path,
        shell: &Shell,
        scratch: &Scratch,
    ) -> Result<(), Failure> {
        let count = u64::try_from(self.count).unwrap_or(u64::MAX);
        for (what, query) in [
            ("tables", TABLES),
            ("indexes", INDEXES),
            ("history rows", format!("SELECT count(*) FROM {history}").as_str()),
        ] {
            expect(who, what, shell.count(file, query, scratch)?, count)?;
        }
        Ok(())
    }
}

fn up(i: usize) -> String {
    format!(
        "CREATE TABLE t{i:05} (\n  id INTEGER PRIMARY KEY,\n  name VARCHAR(100) NOT NULL,\n  email VARCHAR(200),\n  \
         amount DECIMAL(10,2) DEFAULT 0,\n  created_at TIMESTAMP NULL\n);\nCREATE INDEX ix_t{i:05}_name ON t{i:05} (name);\n"
    )
}

fn down(i: usize) -> String {
    format!("DROP TABLE t{i:05};\n")
}

pub(super) fn measure(
    arguments: &Arguments,
    ours: &Dbwarden,
    shell: &Shell,
    scratch: &Scratch,
    set: &MigrationSet,
) -> Result<Vec<Row>, Failure> {
    let task = format!("apply {}", set.count);
    let mut contestants = [
        Contestant::new("ours", || {
            let file = fresh_file(scratch)?;
            let seconds = seconds(&mut ours.verb("migrate", &set.directory, &file, scratch))?;
            set.check("dbwarden", "dbwarden_migrations", &file, shell, scratch)?;
            Ok(seconds)
        }),
        Contestant::new("floor", || {
            let file = fresh_file(scratch)?;
            let seconds = seconds(&mut shell.script(&file, &set.script, scratch)?)?;
            set.check("sqlite3", "_history", &file, shell, scratch)?;
            Ok(seconds)
        }),
    ];
    let times = rounds(&task, arguments.rounds(7), WarmUp::Once, &mut contestants)?;
    let [ours, floor] = times.as_slice() else {
        return Err(Failure::new("a contestant has no times"));
    };
    Ok(vec![Row::times(task, median(ours), median(floor), ratio(ours, floor), Some(TARGET))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_a_table_and_an_index() {
        assert!(up(7).starts_with(
            "CREATE TABLE t00007 (\n  id INTEGER PRIMARY KEY,\n  name VARCHAR(100) NOT NULL,\n"
        ));
        assert!(up(7).ends_with("\n);\nCREATE INDEX ix_t00007_name ON t00007 (name);\n"));
        assert_eq!(down(7), "DROP TABLE t00007;\n");
    }
}
