//! `cargo xtask bench`: this tool against the engine's own shell on the same work, paired and interleaved in one run.
//! A figure is a median, a ratio the median of the ratios inside each round, so that what else the machine does falls on
//! both. Each run's result is counted; a wrong one is an error and no figure.

mod apply;
mod arguments;
mod contestants;
mod memory;
mod noop;
mod paired;
mod peak;
mod scratch;
mod servers;
mod split;
mod table;

use std::process::ExitCode;

use crate::cargo::build_dbwarden;
use crate::failure::{Failure, Outcome};

use arguments::{Arguments, Request, Task};
use contestants::{Dbwarden, Shell};
use table::Row;

const USAGE: &str = "\
Usage: cargo xtask bench [TASK] [OPTION…]

  apply     applies N migrations of one table and one index each to an empty SQLite file; the floor is `sqlite3` with one
            transaction and one history insert for each
  noop      a run with nothing pending, and `status`; the floor is `sqlite3` reading the same history rows
  split     how fast statements are cut (cargo bench --bench split)
  memory    applies a seed file of 1 GiB, which takes minutes: the most memory held, and the time; the floor is `sqlite3`
            reading the file
  servers   apply, noop and status on a PostgreSQL and a MariaDB of this machine, which are started; the floors are `psql` and
            `mariadb`, for PostgreSQL also a line that is 20 ms longer, where the floor is one round trip for each migration
  all       the first four (without a TASK too)

  --rounds N      rounds, each of which runs every contestant once (apply 7, noop 21, memory 1)
  --count N       migrations for apply and noop (1000)
  --mib N         size of the seed file for memory (1024)
  --dir DIR       where memory puts its files: on a disk, with room for four times --mib (else the directory for
                  temporary files or the target directory)
  --binary PATH   this dbwarden, instead of one built now
  --strict        exit code 1 when a target is missed";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let arguments = match arguments::parse(arguments)? {
        Request::Help => {
            println!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        Request::Run(arguments) => arguments,
    };
    let rows = measure(&arguments)?;
    println!("{}", table::draw(&rows));
    let missed = rows.iter().any(Row::misses);
    Ok(if arguments.strict && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let wanted = |task| arguments.task == Task::All || arguments.task == task;
    let mut rows = Vec::new();
    if wanted(Task::Apply) || wanted(Task::Noop) || wanted(Task::Memory) || arguments.task == Task::Servers {
        let shell = Shell::find()?;
        let binary = match &arguments.binary {
            Some(binary) => binary.clone(),
            None => build_dbwarden("release")?,
        };
        let ours = Dbwarden::new(binary)?;
        println!("{}", ours.version());
        println!("sqlite3 {}", shell.version()?);
        if let Some(load) = scratch::load() {
            println!("load {load} before");
        }
        if wanted(Task::Apply) || wanted(Task::Noop) {
            let scratch = scratch::fast(arguments.count)?;
            println!("apply and noop: files in {}{}", scratch.location(), scratch.caution());
            let set = apply::MigrationSet::write(&scratch, arguments.count)?;
            if wanted(Task::Apply) {
                rows.extend(apply::measure(arguments, &ours, &shell, &scratch, &set)?);
            }
            if wanted(Task::Noop) {
                rows.extend(noop::measure(arguments, &ours, &shell, &scratch, &set)?);
            }
        }
        if arguments.task == Task::Servers {
            let scratch = scratch::fast(arguments.count)?;
            let set = apply::MigrationSet::write(&scratch, arguments.count)?;
            rows.extend(servers::measure(arguments, &ours, &scratch, &set)?);
        }
        if wanted(Task::Memory) {
            rows.extend(memory::measure(arguments, &ours, &shell)?);
        }
    }
    if wanted(Task::Split) {
        rows.extend(split::measure()?);
    }
    Ok(rows)
}
