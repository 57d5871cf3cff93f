//! `metadata.toml` beside `up.sql`: `run_in_transaction = false` is what the header `-- no-transaction` is.

use toml::de::{DeTable, DeValue};

use super::SourceFile;
use super::error::{SourceError, SourceProblem};
use crate::migration::checksum::FileHash;
use crate::nearest::nearest;
use crate::sql::Position;

const KEYS: &[&str] = &["run_in_transaction"];

/// What stands beside the scripts of a migration.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub(crate) file: SourceFile,
    pub(crate) hash: FileHash,
    pub(super) no_transaction: bool,
}

/// Reads `file`.
pub(super) fn read(mut file: SourceFile) -> Result<Metadata, SourceError> {
    let bytes = file.load().map_err(|error| SourceError::unreadable(&file.name, error))?;
    let hash = FileHash::of(&bytes);
    let wrong = |at: usize, problem| {
        let before = String::from_utf8_lossy(&bytes[..at.min(bytes.len())]);
        let position = Position::START.advance(&before);
        let mut error = SourceError::new(file.name.clone(), problem).at(position);
        error.line = file.line_at(position.offset);
        error
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let problem = "the text is not UTF-8".to_owned();
            return Err(wrong(error.valid_up_to(), SourceProblem::Metadata { problem }));
        }
    };
    let (mark, text) = text.strip_prefix('\u{feff}').map_or((0, text), |text| (3, text));
    let parsed = DeTable::parse(text).map_err(|error| {
        let problem = error.message().to_owned();
        wrong(mark + error.span().map_or(0, |span| span.start), SourceProblem::Metadata { problem })
    })?;
    let mut no_transaction = false;
    for (key, value) in parsed.get_ref() {
        let (name, at) = (key.get_ref().as_ref(), mark + key.span().start);
        if !KEYS.contains(&name) {
            let meant = nearest(name, KEYS.iter().copied());
            let problem = match meant {
                Some(known) => format!("there is no key `{name}`; did you mean `{known}`?"),
                None => format!("the key `{name}` is not known here; `{}` alone is", KEYS.join("`, `")),
            };
            return Err(wrong(at, SourceProblem::Metadata { problem }));
        }
        match value.get_ref() {
            DeValue::Boolean(within) => no_transaction = !within,
            _ => {
                let problem = format!("`{name}` is true or false");
                return Err(wrong(at, SourceProblem::Metadata { problem }));
            }
        }
    }
    Ok(Metadata { file, hash, no_transaction })
}
