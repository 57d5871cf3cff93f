//! Many statements in one packet: the server works it off to its end, or to the first that fails, also where we are gone by then.

use std::sync::PoisonError;

use mysql::prelude::Queryable;

use super::failure::{answer, settle_place};
use super::literal::filled;
use super::{MysqlSession, value};
use crate::driver::{DriverError, DriverErrorKind, Notice, Part, PartError};
use crate::value::Row;

/// The columns of SHOW WARNINGS.
const WARNINGS: [&str; 3] = ["Level", "Code", "Message"];

/// Runs `parts`. A statement of a migration may return any number of sets, so that counting them tells nothing: a row of ours before
/// and behind each says how far the server came.
pub(super) fn run(session: &mut MysqlSession, parts: &[Part<'_>]) -> Result<(), PartError> {
    // Text of a migration cannot know it.
    let mark = format!("{:016x}", rand_mark());
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Ours(sql, parameters) => {
                text.push_str(&filled(sql, parameters));
                text.push_str(";\n");
            }
            // A comment may stand at its end; and it may set `sql_select_limit`, from which LIMIT keeps the marks.
            Part::Theirs(sql) => text.push_str(&format!(
                "SELECT '{mark}', {index} LIMIT 1;\n{sql}\n;\nSHOW WARNINGS;\nSELECT '{mark}', {index} LIMIT 1;\n"
            )),
        }
    }
    // The end is told as well: an answer that stops short of it is none.
    let end = parts.len();
    text.push_str(&format!("SELECT '{mark}', {end} LIMIT 1"));
    let mut progress = Progress { mark, at: None, inside: false, warnings: Vec::new() };
    let ran = {
        let mut conn = session.link.lock().unwrap_or_else(PoisonError::into_inner);
        match conn.query_iter(text) {
            Err(error) => Err(answer(&error, "")),
            Ok(mut results) => progress.read(&mut results),
        }
    };
    let ran = match ran {
        Ok(()) if progress.at != Some(end) => {
            Err(DriverError::new(DriverErrorKind::Cut, "the server answered a part of what was sent"))
        }
        ran => ran,
    };
    progress.at = progress.at.filter(|&at| at < end);
    for row in std::mem::take(&mut progress.warnings) {
        let text = format!("{} ({})", row.text(2), row.text(1));
        session.notices.push(Notice { level: row.text(0).to_owned(), text });
    }
    let Err(mut error) = ran else { return Ok(()) };
    // A transaction may be open, of ours or of theirs.
    session.open = error.kind != DriverErrorKind::Cut;
    let behind = |at: usize| (at + 1).min(parts.len().saturating_sub(1));
    let part = match progress.at {
        Some(at) if progress.inside => at,
        Some(at) => behind(at),
        None => 0,
    };
    if let (true, Some(Part::Theirs(sql))) = (progress.inside, parts.get(part)) {
        settle_place(sql, &mut error);
    }
    Err(PartError { error, part: Some(part) })
}

struct Progress {
    mark: String,
    /// The last statement of the migration that was reached.
    at: Option<usize>,
    /// It is not known to have ended.
    inside: bool,
    warnings: Vec<Row>,
}

impl Progress {
    fn read<T: mysql::prelude::Protocol>(
        &mut self,
        results: &mut mysql::QueryResult<'_, '_, '_, T>,
    ) -> Result<(), crate::driver::DriverError> {
        while let Some(set) = results.iter() {
            let columns: Vec<_> =
                set.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
            let (warnings, marks) = (columns == WARNINGS, columns.len() == 2);
            let mut told = Vec::new();
            for row in set {
                let row = row.map_err(|error| answer(&error, ""))?;
                // Rows of a migration are dropped as they come.
                if !(warnings || marks) {
                    continue;
                }
                let row = Row(row.unwrap().into_iter().map(value).collect());
                if marks && row.text(0) == self.mark {
                    self.pass(row.integer(1));
                } else if warnings {
                    told.push(row);
                }
            }
            if warnings && self.inside {
                // Their own SHOW WARNINGS came before ours.
                self.warnings.append(&mut told);
            }
        }
        Ok(())
    }

    fn pass(&mut self, index: Option<i64>) {
        let index = index.and_then(|index| usize::try_from(index).ok());
        self.inside = self.at != index;
        self.at = index;
    }
}

fn rand_mark() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
