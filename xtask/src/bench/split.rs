//! The splitter's own bench, its figures taken into the table.

use std::process::Stdio;

use crate::cargo::{cargo, root};
use crate::failure::Failure;

use super::table::{Row, Verdict};

/// The least MB/s on one core, for ordinary SQL.
const TARGET: f64 = 200.0;

pub(super) fn measure() -> Result<Vec<Row>, Failure> {
    if !root().join("crates/dbwarden/benches/split.rs").is_file() {
        eprintln!("xtask: there is no bench of the splitter, so it is left out");
        return Ok(Vec::new());
    }
    let mut command = cargo(["bench", "--package", "dbwarden", "--bench", "split"]);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    eprint!("{text}");
    if !output.status.success() {
        return Err(Failure::new(format!("the splitter's bench ended with {}", output.status)));
    }
    let rows: Vec<Row> = text.lines().filter_map(row).collect();
    if rows.is_empty() {
        return Err(Failure::new("the splitter's bench printed no line `NAME: N MB/s, …`"));
    }
    Ok(rows)
}

/// The row for a line such as `Sqlite inserts: 612 MB/s, …`.
fn row(line: &str) -> Option<Row> {
    let (name, figures) = line.split_once(": ")?;
    let speed: f64 = figures.split_once(" MB/s")?.0.parse().ok()?;
    Some(Row {
        task: format!("split {}", name.to_lowercase()),
        ours: format!("{speed:.0} MB/s"),
        floor: "-".into(),
        ratio: "-".into(),
        target: format!("from {TARGET} MB/s"),
        verdict: if speed >= TARGET { Verdict::Ok } else { Verdict::Over },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_bench_becomes_a_row() {
        let row = |line| row(line).map(|row| (row.task, row.ours, row.verdict));
        assert_eq!(
            row("Sqlite inserts: 612 MB/s, 9 statements; tokens alone 700 MB/s, 9 tokens"),
            Some(("split sqlite inserts".into(), "612 MB/s".into(), Verdict::Ok))
        );
        assert_eq!(
            row("Mysql dump: 150 MB/s, 1 statements"),
            Some(("split mysql dump".into(), "150 MB/s".into(), Verdict::Over))
        );
        assert_eq!(row("running 0 tests"), None);
    }
}
