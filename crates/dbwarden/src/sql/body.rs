//! Whether a `;` is inside the body of a trigger or routine. Sees the significant tokens of one statement, in order; for most
//! statements the first words tell that there is no body, and nothing more need be shown.

use super::Syntax;
use super::lexer::word_is;
use super::routine::Routine;

/// The follower of one statement.
#[derive(Debug)]
pub(crate) struct Body {
    syntax: Syntax,
    state: State,
    routine: Routine,
}

/// Where the statement is, in the dialects whose bodies hold plain statements only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing seen.
    First,
    /// Nothing more to see.
    Idle,
    /// Behind CREATE (or EXPLAIN): is it something with a body?
    Create,
    /// In the head of a PostgreSQL function or procedure.
    Function,
    /// In a SQLite trigger, before BEGIN.
    Trigger,
    /// In a PostgreSQL statement that began with CREATE, behind BEGIN.
    BeginSeen(u64),
    /// In a body; `boundary` is true directly behind BEGIN or a `;`.
    Inside { opened: u64, boundary: bool },
    /// In a PostgreSQL COPY; `from` is true directly behind FROM.
    Copy { from: bool },
    /// COPY … FROM stdin.
    CopyRows,
    /// MySQL: the routine follows.
    Routine,
}

/// Which of the tokens ahead must be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The very next one.
    Token,
    /// The word BEGIN.
    Begin,
    /// The word FROM.
    From,
    /// A word at which MySQL's routines take a turn, or a `;`.
    Turn,
    /// None, up to the next `;`.
    Nothing,
}

/// A significant token, as far as a body cares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign<'a> {
    Word(&'a [u8]),
    Symbol(u8),
    /// A literal, a number, a quoted name.
    Other,
}

impl Sign<'_> {
    #[inline]
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Sign::Word(word) if word_is(word, keyword))
    }

    #[inline]
    pub(crate) fn is_one_of(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }
}

impl Body {
    pub(crate) fn new(syntax: Syntax) -> Self {
        Body { syntax, state: State::First, routine: Routine::default() }
    }

    /// A statement has ended.
    pub(crate) fn restart(&mut self) {
        self.state = State::First;
        if self.syntax == Syntax::Mysql {
            self.routine.restart();
        }
    }

    /// Whether the tokens that follow need to be shown.
    #[inline]
    pub(crate) fn watching(&self) -> bool {
        !matches!(self.state, State::Idle | State::CopyRows)
    }

    /// Which tokens need to be shown. All others change nothing, but for what [`Body::passed`] wants to know.
    #[inline]
    pub(crate) fn awaited(&self) -> Awaited {
        match self.state {
            State::Idle | State::CopyRows | State::Inside { boundary: false, .. } => Awaited::Nothing,
            State::Trigger | State::Function => Awaited::Begin,
            State::Copy { from: false } => Awaited::From,
            State::Routine if self.routine.awaits_turn() => Awaited::Turn,
            _ => Awaited::Token,
        }
    }

    /// Tokens were not shown, the last of which makes what follows a name, or does not. Wanted behind [`Awaited::Turn`].
    pub(crate) fn passed(&mut self, name_ahead: bool) {
        self.routine.passed(name_ahead);
    }

    /// Where the body begins that is open here.
    pub(crate) fn opened(&self) -> Option<u64> {
        match self.state {
            State::Inside { opened, .. } => Some(opened),
            State::Routine => self.routine.opened(),
            _ => None,
        }
    }

    /// Whether the statement surely has no body, by its first words. MySQL's alone are told.
    pub(crate) fn is_plain(&self) -> bool {
        self.syntax == Syntax::Mysql && self.routine.is_plain()
    }

    /// Whether the statement is a COPY that takes its rows from the text behind it.
    pub(crate) fn copies(&self) -> bool {
        self.state == State::CopyRows
    }

    /// The next token; `depth` counts the open parentheses around it, `at` is its offset.
    pub(crate) fn see(&mut self, sign: Sign<'_>, at: u64, depth: u32) {
        self.state = match self.syntax {
            Syntax::Postgres => self.postgres(sign, at, depth),
            Syntax::Sqlite => self.sqlite(sign, at),
            Syntax::Duckdb => State::Idle,
            Syntax::Mysql => {
                self.routine.see(sign, at, depth);
                if self.routine.watching() { State::Routine } else { State::Idle }
            }
        }
    }

    /// `BEGIN ATOMIC … END` holds whole statements, each with its `;`, so the END that closes it stands behind a `;` (or ATOMIC), which the
    /// END of a CASE never does. <https://www.postgresql.org/docs/current/sql-createfunction.html>
    fn postgres(&self, sign: Sign<'_>, at: u64, depth: u32) -> State {
        match self.state {
            State::First if sign.is("create") => State::Create,
            State::First if sign.is("copy") => State::Copy { from: false },
            State::Create if sign.is_one_of(&["or", "replace"]) => State::Create,
            // A schema can be created with what is in it.
            State::Create if sign.is_one_of(&["function", "procedure", "schema"]) => State::Function,
            State::Function | State::BeginSeen(_) if depth == 0 && sign.is("begin") => State::BeginSeen(at),
            State::BeginSeen(opened) if sign.is("atomic") => State::Inside { opened, boundary: true },
            State::Function | State::BeginSeen(_) => State::Function,
            State::Inside { opened, boundary } => inside(sign, opened, boundary),
            // The grammar takes STDOUT here as well, and means the same.
            State::Copy { from: true } if sign.is_one_of(&["stdin", "stdout"]) => State::CopyRows,
            State::Copy { .. } => State::Copy { from: depth == 0 && sign.is("from") },
            _ => State::Idle,
        }
    }

    /// A trigger's body holds whole statements, each with its `;`, so the END that closes it stands behind a `;`, which the END of a CASE
    /// and a column called `end` never do. <https://sqlite.org/lang_createtrigger.html>
    fn sqlite(&self, sign: Sign<'_>, at: u64) -> State {
        match self.state {
            State::First if sign.is_one_of(&["create", "explain"]) => State::Create,
            State::Create if sign.is("trigger") => State::Trigger,
            State::Create if sign.is_one_of(&["create", "temp", "temporary", "query", "plan"]) => {
                State::Create
            }
            State::Trigger if sign.is("begin") => State::Inside { opened: at, boundary: true },
            State::Trigger => State::Trigger,
            State::Inside { opened, boundary } => inside(sign, opened, boundary),
            _ => State::Idle,
        }
    }
}

fn inside(sign: Sign<'_>, opened: u64, boundary: bool) -> State {
    if boundary && sign.is("end") {
        State::Idle
    } else {
        State::Inside { opened, boundary: matches!(sign, Sign::Symbol(b';')) }
    }
}
