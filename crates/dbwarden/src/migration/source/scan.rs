//! The first pass over a file: its headers, its sections, what is committed together, and the sums.

use std::io::Read;

use super::directives::dangling;
use super::error::{SourceError, SourceProblem};
use super::headers::{self, HeaderReader};
use super::markers::{Section, begins_as_rollback, is_marker, marker, nearly_marker, other_tool};
use super::second::buffer;
use super::{Headers, SourceFile, directives};
use crate::dialect::{Dialect, Manner, SessionTrace};
use crate::migration::Script;
use crate::migration::checksum::v1;
use crate::migration::groups::{Grouper, Taken, first_words};
use crate::sql::{Event, Position, ReadError, Reader, Rules, Syntax, TextError, TokenKind, tokens};

/// What a file turns out to hold.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) headers: Headers,
    pub(super) up: Script,
    pub(super) down: Option<Script>,
}

/// What the headers at the start of a file say, found without splitting it; nothing where they are wrong, or do not end in
/// `head`, which is the `whole` file or its beginning.
pub(super) fn headers(head: &[u8], whole: bool, syntax: Syntax) -> Option<Headers> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be cut at the end.
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
    };
    let mut reader = HeaderReader::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for token in tokens(text, Rules::new(syntax).before_a_statement()) {
        // What the head is cut in may be the beginning of anything.
        if !whole && token.start + token.text.len() == text.len() {
            return None;
        }
        match token.kind {
            // An empty statement.
            _ if token.text == ";" => {}
            TokenKind::Whitespace | TokenKind::BlockComment => {}
            TokenKind::LineComment if is_marker(token.text) => {}
            TokenKind::LineComment if token.text.starts_with("--") => reader.comment(token.text).ok()?,
            TokenKind::LineComment => {}
            _ => return Some(reader.finish()),
        }
    }
    None
}

/// One section while it is read.
struct Draft {
    start: Position,
    end: u64,
    grouper: Grouper,
    hasher: v1::Hasher,
    changes_session: bool,
    as_it_stands: bool,
    /// The sum of the open group, from where it is no longer that of the whole script: most scripts are one group.
    group_hasher: Option<v1::Hasher>,
    /// The groups whose sums are finished.
    hashed: Vec<String>,
}

impl Draft {
    fn new(start: Position, each: bool) -> Self {
        Self {
            start,
            end: start.offset,
            grouper: Grouper::new(each),
            hasher: v1::Hasher::default(),
            changes_session: false,
            as_it_stands: true,
            group_hasher: None,
            hashed: Vec::new(),
        }
    }

    fn finish(mut self) -> Result<Script, (SourceProblem, Position)> {
        let checksum = self.hasher.finish();
        if self.grouper.len() > 0 {
            let last = self.group_hasher.map_or_else(|| checksum.clone(), v1::Hasher::finish);
            self.hashed.push(last.as_str().to_owned());
        }
        let (mut groups, statements) = self.grouper.finish()?;
        for (group, hash) in groups.iter_mut().zip(self.hashed) {
            group.hash = hash;
        }
        let length = self.end - self.start.offset;
        let Self { start, changes_session, as_it_stands, .. } = self;
        Ok(Script { start, length, statements, groups, changes_session, as_it_stands, checksum })
    }
}

/// A file that is to be split.
pub(super) struct Text<'a> {
    /// Its migration's name as one file.
    pub(super) name: &'a str,
    pub(super) file: &'a SourceFile,
    pub(super) role: Role<'a>,
    /// Something beside the file says what `-- no-transaction` says in it.
    pub(super) no_transaction: bool,
}

/// What a file holds of its migration.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role<'a> {
    /// All of it.
    Whole,
    /// The up script; the other one is in the file `down`.
    Up { down: &'a str },
    /// The down script. The headers of the whole migration stand in the file `up`.
    Down { up: &'a str, headers: &'a Headers },
}

/// Reads `text`, some `size` bytes, the whole of the file that `of` tells of.
pub(super) fn scan(
    of: &Text<'_>,
    text: impl Read,
    size: u64,
    dialect: &'static dyn Dialect,
) -> Result<Scanned, SourceError> {
    let file = of.file;
    let headers = HeaderReader::of(of.name, of.no_transaction);
    let scan = Scan { headers, role: of.role, ..Scan::new(dialect) };
    scan.run(text, size).map_err(|(problem, position)| {
        let mut error = SourceError::new(file.name.clone(), problem);
        if let Some(position) = position {
            error = error.at(position);
            error.line = file.line_at(position.offset);
        }
        error
    })
}

/// Reads a stored down script: headers, a marker, and the script, in which nothing is a header.
pub(super) fn stored(
    file: &SourceFile,
    text: &str,
    dialect: &'static dyn Dialect,
) -> Result<(Script, Headers), SourceError> {
    let rules = Rules::new(dialect.syntax());
    let (head, body) = stored_parts(text);
    let end = head.len();
    let mut reader = HeaderReader::default();
    let wrong = |(problem, position): Problem| {
        let mut error = SourceError::new(file.name.clone(), problem);
        error.position = position;
        error
    };
    for token in tokens(head, rules).filter(|token| token.kind == TokenKind::LineComment) {
        if !is_marker(token.text) {
            reader.comment(token.text).map_err(|problem| wrong((problem, None)))?;
        }
    }
    let headers = reader.finish();
    let mut scan = Scan::new(dialect);
    scan.in_headers = false;
    scan.no_transaction = headers.no_transaction;
    let mut script = scan.script(body, rules).map_err(wrong)?;
    // Its places are those of the whole text.
    script.start.offset += end as u64;
    Ok((script, headers))
}

/// The lines that we put before a stored down script, to their marker; and the script.
fn stored_parts(text: &str) -> (&str, &str) {
    const OURS: &[&str] = &["-- no-transaction", "-- lock_timeout:", "-- statement_timeout:", "-- retries:"];
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if line.trim_end() == "-- rollback" {
            return text.split_at(end);
        }
        if !OURS.iter().any(|ours| line.starts_with(ours)) {
            break;
        }
    }
    ("", text)
}

type Problem = (SourceProblem, Option<Position>);

struct Scan<'a> {
    dialect: &'static dyn Dialect,
    role: Role<'a>,
    headers: HeaderReader,
    /// Whether headers may still come.
    in_headers: bool,
    no_transaction: bool,
    /// The section that statements go to; none before the first marker.
    opened: Option<Section>,
    up: Option<Draft>,
    down: Option<Draft>,
    first_marker: Option<String>,
    /// Statements before the first marker, which make a section of their own where that marker opens the other one.
    stray: Option<Draft>,
    /// Headers are looked for behind the first statement too, where they mean nothing.
    whole_file: bool,
    /// A comment that begins as a rollback's marker does, behind a statement.
    suspicious: Option<(String, Position)>,
    encoded: Vec<u8>,
}

fn at(position: Position) -> impl Fn(SourceProblem) -> Problem {
    move |problem| (problem, Some(position))
}

fn placed((problem, position): (SourceProblem, Position)) -> Problem {
    (problem, Some(position))
}

impl Scan<'_> {
    fn new(dialect: &'static dyn Dialect) -> Self {
        Self {
            dialect,
            role: Role::Whole,
            headers: HeaderReader::default(),
            in_headers: true,
            no_transaction: false,
            opened: None,
            up: None,
            down: None,
            first_marker: None,
            stray: None,
            whole_file: false,
            suspicious: None,
            encoded: Vec::new(),
        }
    }

    /// Reads `text` as one script: no marker in it means anything.
    fn script(mut self, text: &str, rules: Rules) -> Result<Script, Problem> {
        let size = text.len() as u64;
        let mut reader = Reader::new(text.as_bytes(), rules).with_capacity(buffer(size));
        self.stray = Some(Draft::new(Position::START, self.no_transaction));
        self.pieces(&mut reader)?;
        match self.stray {
            Some(draft) => draft.finish().map_err(placed),
            None => Draft::new(Position::START, false).finish().map_err(placed),
        }
    }

    fn run(mut self, text: impl Read, size: u64) -> Result<Scanned, Problem> {
        let rules = Rules::new(self.dialect.syntax());
        self.whole_file = true;
        let mut reader = Reader::new(text, rules).with_breaks(is_marker).with_capacity(buffer(size));
        self.pieces(&mut reader)?;
        self.finish()
    }

    fn pieces<R: Read>(&mut self, reader: &mut Reader<R>) -> Result<(), Problem> {
        loop {
            let before = reader.position();
            let event = match reader.next() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(ReadError::Io(error)) => return Err((SourceProblem::Unreadable { error }, None)),
                Err(ReadError::Text(error)) => {
                    let place = error.place();
                    return Err((SourceProblem::Text(error), Some(place)));
                }
            };
            match event {
                Event::Break(comment) => {
                    self.comments(comment.leading, before)?;
                    self.dangling(comment.leading, before)?;
                    if let Some(section) = marker(comment.text) {
                        self.open(section, comment.text, comment.start, comment.end)?;
                    } else if let Some(tool) = other_tool(comment.text) {
                        let found = comment.text.trim().to_owned();
                        return Err((SourceProblem::OtherTool { found, tool }, Some(comment.start)));
                    } else if let Some(known) = nearly_marker(comment.text).filter(|known| self.means(known))
                    {
                        let found = comment.text.trim().to_owned();
                        let problem = SourceProblem::MarkerNearMiss { found, known };
                        return Err((problem, Some(comment.start)));
                    }
                }
                Event::Statement(statement) => {
                    self.comments(statement.leading, before)?;
                    self.suspect(statement.leading, before);
                    if self.in_headers {
                        self.in_headers = false;
                        self.no_transaction = self.headers.no_transaction();
                    }
                    self.statement(statement.leading, statement.text, statement.start, before)?;
                }
                Event::CopyData(rows) => {
                    self.encoded.clear();
                    v1::encode_rows(rows, &mut self.encoded);
                    self.hash_encoded();
                }
                Event::CopyEnd => {
                    if let Some(draft) = self.draft() {
                        draft.as_it_stands = false;
                    }
                    self.encoded.clear();
                    self.encoded.push(0);
                    self.hash_encoded();
                }
                Event::Tail(tail) => {
                    self.comments(tail, before)?;
                    self.dangling(tail, before)?;
                    self.closed(tail, before)?;
                }
            }
            let end = reader.position().offset;
            if let Some(draft) = self.draft() {
                draft.end = end;
            }
        }
    }

    fn finish(self) -> Result<Scanned, Problem> {
        if let Role::Down { headers, .. } = self.role {
            return self.finish_down(headers);
        }
        if let (None, Some((found, place)), Role::Whole) = (&self.down, self.suspicious, self.role) {
            return Err((SourceProblem::MarkerNearMiss { found, known: "-- rollback" }, Some(place)));
        }
        let headers = self.headers.finish();
        let up = match (self.up, self.stray) {
            (Some(up), _) | (None, Some(up)) => up.finish().map_err(placed)?,
            // A file that is still to be written stops nobody before it is to be run.
            (None, None) => Draft::new(Position::START, false).finish().map_err(placed)?,
        };
        let down = self.down.map(Draft::finish).transpose().map_err(placed)?;
        // A rollback of comments alone would undo nothing and say that it had.
        let down = down.filter(|down| down.statements > 0);
        if let Some(down) = &down
            && headers.irreversible
        {
            return Err((SourceProblem::IrreversibleWithDown, Some(down.start)));
        }
        Ok(Scanned { headers, up, down })
    }

    /// Takes what was read as a down script.
    fn finish_down(self, whole: &Headers) -> Result<Scanned, Problem> {
        let headers = self.headers.finish_down(whole);
        let empty = || Draft::new(Position::START, false).finish().map_err(placed);
        let down = self.stray.map(Draft::finish).transpose().map_err(placed)?;
        let down = down.filter(|down| down.statements > 0);
        if let Some(down) = &down
            && headers.irreversible
        {
            return Err((SourceProblem::IrreversibleWithDown, Some(down.start)));
        }
        Ok(Scanned { headers, up: empty()?, down })
    }

    /// Whether a slip of the marker `known` would matter in this file: that of its own script changes nothing.
    fn means(&self, known: &str) -> bool {
        let up = matches!(marker(known), Some(Section::Up));
        match self.role {
            Role::Whole => true,
            Role::Up { .. } => !up,
            Role::Down { .. } => up,
        }
    }

    /// Refuses a comment that runs to the end of the file: SQLite takes it, and whatever stands in it is silently left out.
    fn closed(&self, tail: &str, start: Position) -> Result<(), Problem> {
        let last = tokens(tail, Rules::new(self.dialect.syntax()).before_a_statement()).last();
        match last.filter(|token| token.kind == TokenKind::BlockComment) {
            Some(token) if token.text.len() < 4 || !token.text.ends_with("*/") => {
                let place = start.advance(&tail[..token.start]);
                Err((SourceProblem::Text(TextError::UnterminatedComment { place }), Some(place)))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the first comment behind a statement that begins as a rollback's marker does. In a file without a rollback section what
    /// follows it would be run as a part of the upgrade.
    fn suspect(&mut self, leading: &str, start: Position) {
        let begun = self.draft().is_some_and(|draft| draft.grouper.len() > 0);
        if !begun || self.suspicious.is_some() || !leading.contains("--") {
            return;
        }
        let rules = Rules::new(self.dialect.syntax()).before_a_statement();
        let found = tokens(leading, rules).find(|token| {
            let alone = leading[..token.start].contains(['\n', '\r']);
            token.kind == TokenKind::LineComment && alone && begins_as_rollback(token.text)
        });
        self.suspicious =
            found.map(|token| (token.text.trim().to_owned(), start.advance(&leading[..token.start])));
    }

    fn draft(&mut self) -> Option<&mut Draft> {
        match self.opened {
            Some(Section::Up) => self.up.as_mut(),
            Some(Section::Down) => self.down.as_mut(),
            None => self.stray.as_mut(),
        }
    }

    /// Refuses a directive that stands before no statement.
    fn dangling(&self, leading: &str, start: Position) -> Result<(), Problem> {
        match dangling(leading, self.dialect.syntax()).filter(|_| self.whole_file) {
            Some((directive, offset)) => {
                let place = start.advance(&leading[..offset]);
                Err((SourceProblem::DanglingDirective { directive }, Some(place)))
            }
            None => Ok(()),
        }
    }

    /// Takes the comments between two pieces: headers, as long as no statement was seen. Behind one they are an error.
    fn comments(&mut self, leading: &str, start: Position) -> Result<(), Problem> {
        if !leading.contains("--") || !self.in_headers && !self.whole_file {
            return Ok(());
        }
        let rules = Rules::new(self.dialect.syntax()).before_a_statement();
        for token in tokens(leading, rules).filter(|token| token.kind == TokenKind::LineComment) {
            if !self.in_headers {
                // What stands behind code on its line is a remark on that.
                let alone = start.column == 1 || leading[..token.start].contains(['\n', '\r']);
                if let Some(header) = headers::late(token.text).filter(|_| alone) {
                    let place = start.advance(&leading[..token.start]);
                    return Err((SourceProblem::LateHeader { header }, Some(place)));
                }
            } else if token.text.starts_with("--") {
                let place = start.advance(&leading[..token.start]);
                self.headers.comment(token.text).map_err(at(place))?;
                if let Role::Down { up, headers } = self.role
                    && let Some(header) = self.headers.disagrees(headers)
                {
                    let file = up.to_owned();
                    return Err((SourceProblem::HeaderOfWhole { header, file }, Some(place)));
                }
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        section: Section,
        marker: &str,
        start: Position,
        end: Position,
    ) -> Result<(), Problem> {
        let other = match (self.role, section) {
            (Role::Up { down }, Section::Down) => Some(down),
            (Role::Down { up, .. }, Section::Up) => Some(up),
            _ => None,
        };
        if let Some(file) = other {
            let (marker, section, file) = (marker.trim().to_owned(), section.name(), file.to_owned());
            return Err((SourceProblem::OfOtherFile { marker, section, file }, Some(start)));
        }
        if matches!(self.role, Role::Down { .. }) {
            // It says what the file's name says.
            return match &self.stray {
                Some(draft) if draft.grouper.len() > 0 => {
                    let first = draft.start.line;
                    Err((SourceProblem::TwoSections { section: section.name(), first }, Some(start)))
                }
                _ => Ok(()),
            };
        }
        let first = self.first_marker.is_none();
        if first {
            self.first_marker = Some(marker.trim().to_owned());
            if let (Section::Up, Some(stray)) = (section, &self.stray) {
                let position = stray.start;
                return Err((
                    SourceProblem::StatementBeforeMarker { marker: marker.trim().to_owned() },
                    Some(position),
                ));
            }
            // Without a marker of its own, what stands before `-- rollback` is the up script.
            self.up = self.stray.take();
        }
        let draft = match section {
            Section::Up => &mut self.up,
            Section::Down => &mut self.down,
        };
        match draft {
            // Markers of one side with only comments between them open one section.
            Some(draft) if self.opened == Some(section) && draft.grouper.len() == 0 => {}
            Some(draft) => {
                let first = draft.start.line;
                return Err((SourceProblem::TwoSections { section: section.name(), first }, Some(start)));
            }
            None => *draft = Some(Draft::new(end, self.no_transaction)),
        }
        self.opened = Some(section);
        Ok(())
    }

    fn statement(
        &mut self,
        leading: &str,
        text: &str,
        start: Position,
        before: Position,
    ) -> Result<(), Problem> {
        let dialect = self.dialect;
        let each = self.no_transaction;
        let found = directives(leading, dialect.syntax())
            .map_err(|(problem, offset)| (problem, Some(before.advance(&leading[..offset]))))?;
        if self.opened.is_none() && self.stray.is_none() {
            self.stray = Some(Draft::new(before, each));
        }
        self.encoded.clear();
        for (directive, text) in &found {
            if !matches!(directive, super::Directive::Allow { .. }) {
                v1::encode_directive(text, &mut self.encoded);
            }
        }
        v1::encode(text, dialect.syntax(), &mut self.encoded);
        let encoded = std::mem::take(&mut self.encoded);
        if let Some(draft) = self.draft() {
            // The header may stand between the marker and the first statement.
            if draft.grouper.len() == 0 && each {
                draft.grouper.set_each();
            }
            let groups = draft.grouper.len();
            draft.grouper.settle(dialect.table_state(text));
            let manner = dialect.manner(text);
            let taken = draft.grouper.take(manner, text, start).map_err(placed)?;
            if manner == Manner::Begin {
                draft.grouper.set_modes(dialect.transaction_modes(text));
            }
            if taken == Taken::Control
                && let Some((directive, _)) = found.first()
            {
                let directive = match directive {
                    super::Directive::Unless(_) => "unless",
                    super::Directive::OnlyIf(_) => "only-if",
                    super::Directive::Allow { .. } => "dbwarden",
                };
                let statement = first_words(text);
                return Err((SourceProblem::DirectiveOnControl { directive, statement }, Some(start)));
            }
            if draft.grouper.len() > groups && groups > 0 {
                let hasher = draft.group_hasher.replace(v1::Hasher::default());
                let sum = hasher.unwrap_or_else(|| draft.hasher.clone()).finish();
                draft.hashed.push(sum.as_str().to_owned());
            } else if taken == Taken::Control && draft.group_hasher.is_none() {
                // What is not run is part of the script's sum alone.
                let empty = draft.grouper.len() == 0;
                draft.group_hasher = Some(if empty { v1::Hasher::default() } else { draft.hasher.clone() });
            }
            if taken == Taken::Run && dialect.session_trace(text) != SessionTrace::None {
                draft.changes_session = true;
            }
            if !found.is_empty()
                || taken == Taken::Control
                || dialect.changes_reading(text)
                || dialect.changes_role(text)
            {
                draft.as_it_stands = false;
            }
            draft.hasher.update(&encoded);
            if taken == Taken::Run
                && let Some(hasher) = &mut draft.group_hasher
            {
                hasher.update(&encoded);
            }
        }
        self.encoded = encoded;
        Ok(())
    }

    fn hash_encoded(&mut self) {
        let encoded = std::mem::take(&mut self.encoded);
        if let Some(draft) = self.draft() {
            draft.hasher.update(&encoded);
            if let Some(hasher) = &mut draft.group_hasher {
                hasher.update(&encoded);
            }
        }
        self.encoded = encoded;
    }
}
