//! What was found, lent to the caller: text that is proved to be text, and where it stands.

use memchr::memchr;

use super::{Found, Mode, Pending, Reader};
use crate::sql::position::Tracker;
use crate::sql::{Comment, Event, Statement, TextError};

impl<R> Reader<R> {
    /// Turns places in the buffer into an event, and counts it as handed out.
    pub(super) fn event(&mut self, found: Found) -> Result<Option<Event<'_>>, TextError> {
        let (from, before, plain) = (self.done, self.tracker, self.plain);
        let mut behind = before;
        match found {
            Found::Statement { text, trailing, end, terminated } => {
                behind.advance(&self.buffer[from..text.start], plain);
                let start = behind.position;
                behind.advance(&self.buffer[text.clone()], plain);
                let stop = behind.position;
                behind.advance(&self.buffer[text.end..end], plain);
                let copy = self.body.copies();
                if copy && !terminated {
                    self.mode = Mode::Finished;
                    self.clean(text.end)?;
                    return Err(TextError::UnterminatedCopy { place: start });
                }
                self.hand_out(end, behind, false);
                if copy {
                    self.mode = Mode::CopyLine;
                    self.copy = start;
                }
                let all = stop_at(&mut self.mode, checked(&self.buffer[from..end], before, plain))?;
                Ok(Some(Event::Statement(Statement {
                    leading: &all[..text.start - from],
                    text: &all[text.start - from..text.end - from],
                    trailing: &all[text.end - from..trailing - from],
                    start,
                    end: stop,
                    terminated,
                    copy,
                })))
            }
            Found::Break { text, end } => {
                behind.advance(&self.buffer[from..text.start], plain);
                let start = behind.position;
                behind.advance(&self.buffer[text.start..end], plain);
                self.hand_out(end, behind, true);
                self.delimiter.clear();
                let all = stop_at(&mut self.mode, checked(&self.buffer[from..end], before, plain))?;
                Ok(Some(Event::Break(Comment {
                    leading: &all[..text.start - from],
                    text: &all[text.start - from..text.end - from],
                    start,
                    end: behind.position,
                })))
            }
            Found::CopyData { end } => {
                behind.advance(&self.buffer[from..end], plain);
                self.hand_out(end, behind, true);
                Ok(Some(Event::CopyData(&self.buffer[from..end])))
            }
            Found::CopyEnd { end } => {
                behind.advance(&self.buffer[from..end], plain);
                self.hand_out(end, behind, true);
                Ok(Some(Event::CopyEnd))
            }
            Found::Tail => {
                let end = self.filled;
                behind.advance(&self.buffer[from..end], plain);
                self.hand_out(end, behind, false);
                Ok(Some(Event::Tail(stop_at(
                    &mut self.mode,
                    checked(&self.buffer[from..end], before, plain),
                )?)))
            }
            Found::More | Found::Nothing => Ok(None),
        }
    }

    fn hand_out(&mut self, end: usize, behind: Tracker, fresh_line: bool) {
        self.done = end;
        self.at = end;
        self.tracker = behind;
        self.fresh_line = fresh_line;
        self.pending = Pending::default();
        self.body.restart();
    }
}

/// Takes bytes for text, or names the first that is none. Plain ones are known to have no NUL.
#[inline]
pub(super) fn checked(bytes: &[u8], before: Tracker, plain: bool) -> Result<&str, TextError> {
    let nul = if plain { None } else { memchr(0, bytes) };
    let place = |at: usize| {
        let mut tracker = before;
        tracker.advance(&bytes[..at], plain);
        tracker.position
    };
    match (std::str::from_utf8(bytes), nul) {
        (Ok(text), None) => Ok(text),
        (Err(error), nul) if nul.is_none_or(|nul| error.valid_up_to() < nul) => {
            Err(TextError::NotUtf8 { place: place(error.valid_up_to()) })
        }
        (_, nul) => Err(TextError::NulByte { place: place(nul.unwrap_or_default()) }),
    }
}

/// Nothing follows an error.
fn stop_at<T>(mode: &mut Mode, result: Result<T, TextError>) -> Result<T, TextError> {
    if result.is_err() {
        *mode = Mode::Finished;
    }
    result
}
