//! The second pass over a file: its script is read again to be run, and summed up again while that is done.

use std::io::{self, Read};

use super::{Directive, SourceFile};
use crate::dialect::Dialect;
use crate::migration::Script;
use crate::migration::checksum::v1;
use crate::sql::{Reader, Rules};

/// A buffer for `length` bytes of text: making it is what a small file would cost most.
pub(super) fn buffer(length: u64) -> usize {
    const MOST: u64 = 256 << 10;
    usize::try_from(length.saturating_add(1).min(MOST)).unwrap_or(1)
}

/// Opens the text of `script`, whose file is `file`, to be run.
pub(crate) fn section_reader<'a>(
    file: &'a SourceFile,
    script: &Script,
    rules: Rules,
) -> io::Result<Reader<Box<dyn Read + Send + 'a>>> {
    let text = file.open_at(script.start.offset)?.take(script.length);
    let text = Box::new(text) as Box<dyn Read + Send>;
    Ok(Reader::starting_at(text, rules, script.start).with_capacity(buffer(script.length)))
}

/// The sum of the statements of one group, as the second pass sees them.
#[derive(Debug, Default)]
pub(crate) struct GroupHash {
    hasher: v1::Hasher,
    encoded: Vec<u8>,
}

impl GroupHash {
    /// Takes one statement and its directives.
    pub(crate) fn statement(&mut self, found: &[(Directive, String)], text: &str, dialect: &dyn Dialect) {
        self.encoded.clear();
        for (directive, text) in found {
            if !matches!(directive, Directive::Allow { .. }) {
                v1::encode_directive(text, &mut self.encoded);
            }
        }
        v1::encode(text, dialect.syntax(), &mut self.encoded);
        self.hasher.update(&self.encoded);
    }

    /// Takes some of the rows behind a statement.
    pub(crate) fn rows(&mut self, rows: &[u8]) {
        self.encoded.clear();
        v1::encode_rows(rows, &mut self.encoded);
        self.hasher.update(&self.encoded);
    }

    /// Takes the end of the rows.
    pub(crate) fn rows_end(&mut self) {
        self.hasher.update(&[0]);
    }

    /// Returns the sum and starts the next one.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.hasher).finish().to_string()
    }
}
