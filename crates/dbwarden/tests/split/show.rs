//! Events as data that outlives the reader, and as text that people read.

use std::fmt::Write as _;
use std::io::Read;

use dbwarden::sql::{Event, Position, ReadError, Reader, Rules};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    Statement {
        leading: String,
        text: String,
        trailing: String,
        start: Position,
        end: Position,
        terminated: bool,
        copy: bool,
    },
    Break {
        leading: String,
        text: String,
        start: Position,
        end: Position,
    },
    Rows(Vec<u8>),
    CopyEnd,
    Tail(String),
    Error {
        message: String,
        place: Position,
    },
}

/// What the tests take for a marker.
pub(crate) fn breaks(comment: &str) -> bool {
    let name = comment.trim_start_matches('-').trim();
    name.eq_ignore_ascii_case("rollback") || name.eq_ignore_ascii_case("upgrade")
}

/// Gives one byte at a time.
pub(crate) struct Dribble<'a>(pub(crate) &'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(buffer.len()).min(1);
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

pub(crate) fn events(bytes: &[u8], rules: Rules) -> Vec<Owned> {
    collect(Reader::new(bytes, rules))
}

/// All events up to the end or the first error; rows that came in several pieces are one.
pub(crate) fn collect<R: Read>(reader: Reader<R>) -> Vec<Owned> {
    let mut reader = reader.with_breaks(breaks);
    let mut events = Vec::new();
    loop {
        let event = match reader.next() {
            Ok(None) => break,
            Ok(Some(Event::Statement(s))) => Owned::Statement {
                leading: s.leading.into(),
                text: s.text.into(),
                trailing: s.trailing.into(),
                start: s.start,
                end: s.end,
                terminated: s.terminated,
                copy: s.copy,
            },
            Ok(Some(Event::Break(c))) => {
                Owned::Break { leading: c.leading.into(), text: c.text.into(), start: c.start, end: c.end }
            }
            Ok(Some(Event::CopyData(data))) => {
                if let Some(Owned::Rows(rows)) = events.last_mut() {
                    rows.extend_from_slice(data);
                    continue;
                }
                Owned::Rows(data.into())
            }
            Ok(Some(Event::CopyEnd)) => Owned::CopyEnd,
            Ok(Some(Event::Tail(tail))) => Owned::Tail(tail.into()),
            Err(ReadError::Text(error)) => Owned::Error { message: error.to_string(), place: error.place() },
            Err(error) => panic!("{error}"),
        };
        let failed = matches!(event, Owned::Error { .. });
        events.push(event);
        if failed {
            assert!(matches!(reader.next(), Ok(None)), "something follows an error");
            break;
        }
    }
    events
}

fn lines(out: &mut String, sign: &str, text: &str) {
    for line in text.split('\n') {
        let line = if line.contains(|c: char| c.is_control() && c != '\t') {
            line.escape_debug().to_string()
        } else {
            line.to_owned()
        };
        writeln!(out, "{}", format!("    {sign} {line}").trim_end()).unwrap();
    }
}

fn at(position: Position) -> String {
    format!("{}:{} ({})", position.line, position.column, position.offset)
}

pub(crate) fn show(events: &[Owned]) -> String {
    let mut out = String::new();
    for event in events {
        match event {
            Owned::Statement { leading, text, trailing, start, end, terminated, copy } => {
                let terminated = if *terminated { "" } else { ", not terminated" };
                let copy = if *copy { ", rows follow" } else { "" };
                writeln!(out, "statement {} to {}{terminated}{copy}", at(*start), at(*end)).unwrap();
                if !leading.trim().is_empty() {
                    lines(&mut out, "~", leading.trim());
                }
                lines(&mut out, "|", text);
                if !trailing.trim().is_empty() {
                    lines(&mut out, "~", trailing.trim());
                }
            }
            Owned::Break { leading, text, start, end } => {
                writeln!(out, "break {} to {}", at(*start), at(*end)).unwrap();
                if !leading.trim().is_empty() {
                    lines(&mut out, "~", leading.trim());
                }
                lines(&mut out, "|", text);
            }
            Owned::Rows(rows) => {
                writeln!(out, "rows").unwrap();
                lines(&mut out, "|", &String::from_utf8_lossy(rows));
            }
            Owned::CopyEnd => writeln!(out, "end of rows").unwrap(),
            Owned::Tail(tail) => {
                writeln!(out, "tail").unwrap();
                if !tail.trim().is_empty() {
                    lines(&mut out, "~", tail.trim());
                }
            }
            Owned::Error { message, place } => writeln!(out, "error {}: {message}", at(*place)).unwrap(),
        }
    }
    out
}
