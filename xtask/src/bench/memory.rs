//! A seed file far larger than the memory it may take, one row an INSERT, against the shell reading the same file in one
//! transaction.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::failure::Failure;

use super::arguments::Arguments;
use super::contestants::{Dbwarden, Shell, expect, fresh_file};
use super::paired::{Contestant, WarmUp, median, ratio, rounds};
use super::peak::Gauge;
use super::scratch::{self, Scratch};
use super::table::{Row, Verdict};

/// The most MiB that ours may hold.
const TARGET: f64 = 64.0;

/// The file, a database, and room for what else the disk is used for meanwhile.
const ROOM: u64 = 4;

const TABLE: &str = "CREATE TABLE events (\n  id INTEGER PRIMARY KEY,\n  kind TEXT NOT NULL,\n  name TEXT,\n  note TEXT\n);\n";
const ROWS: &str = "SELECT count(*) FROM events";

pub(super) fn measure(arguments: &Arguments, ours: &Dbwarden, shell: &Shell) -> Result<Vec<Row>, Failure> {
    let wanted = arguments.mebibytes.saturating_mul(ROOM);
    let scratch = scratch::large(wanted, arguments.directory.as_deref())?;
    let gauge = Gauge::find(&scratch);
    println!("memory: files in {}; {}", scratch.location(), gauge.description());
    let seed = Seed::write(&scratch, arguments.mebibytes)?;

    let (our_peak, floor_peak) = (RefCell::new(Peak::default()), RefCell::new(Peak::default()));
    let mut contestants = [
        Contestant::new("ours", || {
            let file = fresh_file(&scratch)?;
            let run = gauge.run(&mut ours.verb("migrate", &seed.directory, &file, &scratch), None)?;
            expect("dbwarden", "rows", shell.count(&file, ROWS, &scratch)?, seed.rows)?;
            our_peak.borrow_mut().take(run.peak);
            Ok(run.seconds)
        }),
        Contestant::new("floor", || {
            let file = fresh_file(&scratch)?;
            let run = gauge.run(&mut shell.on(&file, &scratch), Some(&seed.script))?;
            expect("sqlite3", "rows", shell.count(&file, ROWS, &scratch)?, seed.rows)?;
            floor_peak.borrow_mut().take(run.peak);
            Ok(run.seconds)
        }),
    ];
    let times = rounds("memory", arguments.rounds(1), WarmUp::No, &mut contestants)?;
    drop(contestants);
    let [our_times, floor_times] = times.as_slice() else {
        return Err(Failure::new("a contestant has no times"));
    };
    let (our_peak, floor_peak) = (our_peak.into_inner().mebibytes(), floor_peak.into_inner().mebibytes());
    let speed = |seconds: f64| format!("{seconds:.1} s, {:.0} MB/s", seed.megabytes / seconds);
    let held = |peak: Option<f64>| peak.map_or("not known".into(), |peak| format!("{peak:.1} MiB"));
    Ok(vec![
        Row {
            task: format!("memory {} MiB, most held", arguments.mebibytes),
            ours: held(our_peak),
            floor: held(floor_peak),
            ratio: our_peak
                .zip(floor_peak)
                .map_or("-".into(), |(ours, floor)| format!("{:.2}", ours / floor)),
            target: format!("under {TARGET} MiB"),
            verdict: match our_peak {
                None => Verdict::Unknown,
                Some(peak) if peak < TARGET => Verdict::Ok,
                Some(_) => Verdict::Over,
            },
        },
        Row {
            task: format!("memory {} MiB, time", arguments.mebibytes),
            ours: speed(median(our_times)),
            floor: speed(median(floor_times)),
            ratio: format!("{:.2}", ratio(our_times, floor_times)),
            target: "-".into(),
            verdict: Verdict::None,
        },
    ])
}

/// The most over all rounds; not known as soon as one round's is not.
#[derive(Default)]
struct Peak(Option<Option<u64>>);

impl Peak {
    fn take(&mut self, peak: Option<u64>) {
        self.0 = Some(match self.0 {
            None => peak,
            Some(before) => before.zip(peak).map(|(before, peak)| before.max(peak)),
        });
    }

    fn mebibytes(&self) -> Option<f64> {
        // Below 2^52 KiB nothing is lost.
        self.0.flatten().map(|kibibytes| kibibytes as f64 / 1024.0)
    }
}

/// The migrations, and the script by which the shell reads the large one of them.
struct Seed {
    directory: std::path::PathBuf,
    script: std::path::PathBuf,
    rows: u64,
    megabytes: f64,
}

impl Seed {
    fn write(scratch: &Scratch, mebibytes: u64) -> Result<Self, Failure> {
        let directory = scratch.path().join("migrations");
        fs::create_dir(&directory).map_err(Failure::at("cannot make", &directory))?;
        scratch.write("migrations/0001_create_events.sql", TABLE)?;
        let large = directory.join("0002_fill_events.sql");
        let bytes = mebibytes.saturating_mul(1 << 20);
        let rows = write_rows(&large, bytes).map_err(Failure::at("cannot write", &large))?;
        // The shell runs in the directory beside the migrations. Without the transaction it would wait for the disk at
        // every row.
        let script = scratch.write(
            "floor.sql",
            &format!("{TABLE}BEGIN;\n.read ../migrations/0002_fill_events.sql\nCOMMIT;\n"),
        )?;
        Ok(Self { directory, script, rows, megabytes: bytes as f64 / 1e6 })
    }
}

/// Writes at least so many bytes of rows and returns how many rows they are.
fn write_rows(path: &Path, bytes: u64) -> io::Result<u64> {
    const BLOCK: u64 = 1000;
    let mut block = String::new();
    for i in 0..BLOCK {
        block += &insert(i);
    }
    let mut file = File::create(path)?;
    file.write_all(b"-- seed\n-- upgrade\n")?;
    let (mut written, mut rows) = (0, 0);
    while written < bytes {
        file.write_all(block.as_bytes())?;
        written += block.len() as u64;
        rows += BLOCK;
    }
    // Else the disk writes it out while the first contestant runs.
    file.sync_all()?;
    Ok(rows)
}

/// A row of some hundred bytes, with a quote and a semicolon in it for the splitter to get over.
fn insert(i: u64) -> String {
    let mut row = String::new();
    let _ = writeln!(
        row,
        "INSERT INTO events (kind, name, note) VALUES ('signed-in', 'user {i:04} O''Brien', \
         'from a browser; the session was {i:04} seconds old, and stays for a while yet');"
    );
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_of_some_hundred_bytes() {
        let row = insert(7);
        assert_eq!(row.lines().count(), 1);
        let values = row.split_once("VALUES").unwrap().1;
        assert!((90..130).contains(&values.len()), "{}", values.len());
    }

    #[test]
    fn a_peak_is_known_only_when_each_rounds_is() {
        let peak = |rounds: &[Option<u64>]| {
            let mut peak = Peak::default();
            for round in rounds {
                peak.take(*round);
            }
            peak.mebibytes().map(|it| it.to_string())
        };
        assert_eq!(peak(&[Some(1024), Some(3072), Some(2048)]).as_deref(), Some("3"));
        assert_eq!(peak(&[Some(1024), None, Some(2048)]), None);
        assert_eq!(peak(&[]), None);
    }
}
