//! The splitter on any bytes: no panic, nothing lost, and neither buffer nor reads change what is found.
//!
//! `cargo +nightly fuzz run split`, with `crates/dbwarden/tests/data/split/*` as a corpus to begin with. The first byte picks the rules and the
//! second the buffer.

#![no_main]

use std::io::Read;

use dbwarden::sql::{Event, Reader, Rules, Syntax, tokens};
use libfuzzer_sys::fuzz_target;

struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(buffer.len()).min(1);
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn breaks(comment: &str) -> bool {
    comment.trim_start_matches('-').trim().eq_ignore_ascii_case("rollback")
}

/// What was found, as text with places; rows of a COPY joined.
fn found<R: Read>(reader: Reader<R>, text: &[u8]) -> (Vec<String>, Vec<u8>) {
    let mut reader = reader.with_breaks(breaks);
    let (mut events, mut rows) = (Vec::new(), Vec::new());
    let mut before = 0;
    loop {
        match reader.next() {
            Ok(None) => return (events, rows),
            Ok(Some(Event::CopyData(data))) => rows.extend_from_slice(data),
            Ok(Some(event)) => {
                if let Event::Statement(statement) = &event {
                    let (start, end) = (statement.start.offset as usize, statement.end.offset as usize);
                    assert!(before <= start && start < end);
                    assert_eq!(&text[start..end], statement.text.as_bytes());
                    assert_eq!(statement.text, statement.text.trim_matches([' ', '\t', '\r', '\n']));
                    assert!(text[..start].ends_with(statement.leading.as_bytes()));
                    assert!(text[end..].starts_with(statement.trailing.as_bytes()));
                    before = end;
                }
                events.push(format!("{event:?}"));
            }
            Err(error) => {
                events.push(format!("{error:?}"));
                assert!(matches!(reader.next(), Ok(None)));
                return (events, rows);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [mode, capacity, text @ ..] = data else { return };
    let syntax = [Syntax::Sqlite, Syntax::Postgres, Syntax::Mysql, Syntax::Duckdb][usize::from(mode & 3)];
    let mut rules = Rules::new(syntax);
    rules.ansi_quotes = mode & 4 != 0;
    rules.no_backslash_escapes = mode & 8 != 0;
    let whole = found(Reader::new(text, rules), text);
    let pieces = found(Reader::new(Dribble(text), rules).with_capacity(usize::from(*capacity)), text);
    assert_eq!(whole, pieces);
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(tokens(text, rules).map(|token| token.text).collect::<String>(), text);
    }
});
