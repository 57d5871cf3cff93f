//! A run with nothing to do, as most are, and `status`, against the shell reading the same history rows of the same file.

use crate::failure::Failure;

use super::apply::MigrationSet;
use super::arguments::Arguments;
use super::contestants::{Dbwarden, Shell, fresh_file, seconds};
use super::paired::{Contestant, WarmUp, median, ratio, rounds};
use super::scratch::Scratch;
use super::table::Row;

/// The most that ours may take of the shell's time.
const TARGET: f64 = 1.2;

/// What the shell and `cat` may be taken for: a run that reads the same rows, and beside it the same files.
const TARGET_WITH_FILES: f64 = 1.2;

const READ_HISTORY: &str = "SELECT version, checksum FROM dbwarden_migrations ORDER BY version";

pub(super) fn measure(
    arguments: &Arguments,
    ours: &Dbwarden,
    shell: &Shell,
    scratch: &Scratch,
    set: &MigrationSet,
) -> Result<Vec<Row>, Failure> {
    let file = fresh_file(scratch)?;
    let verb = |verb| ours.verb(verb, &set.directory, &file, scratch);
    let check = || set.check("dbwarden", "dbwarden_migrations", &file, shell, scratch);
    seconds(&mut verb("migrate"))?;
    check()?;
    let mut contestants = [
        Contestant::new("ours", || seconds(&mut verb("migrate"))),
        Contestant::new("status", || seconds(&mut verb("status"))),
        Contestant::new("floor", || seconds(&mut shell.query(&file, READ_HISTORY, scratch))),
        Contestant::new("with files", || {
            seconds(&mut shell.query_beside_files(&file, READ_HISTORY, &set.directory, scratch))
        }),
    ];
    let name = format!("noop {}", set.count);
    let times = rounds(&name, arguments.rounds(21), WarmUp::Once, &mut contestants)?;
    drop(contestants);
    check()?;
    let [migrate, status, floor, with_files] = times.as_slice() else {
        return Err(Failure::new("a contestant has no times"));
    };
    let row =
        |name, times: &[f64], most| Row::times(name, median(times), median(floor), ratio(times, floor), most);
    let beside = Row::times(
        format!("{name}, `cat` beside the shell"),
        median(migrate),
        median(with_files),
        ratio(migrate, with_files),
        Some(TARGET_WITH_FILES),
    );
    Ok(vec![row(name, migrate, Some(TARGET)), beside, row(format!("status {}", set.count), status, None)])
}
