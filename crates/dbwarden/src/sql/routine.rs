//! Compound statements of MySQL and MariaDB: which `;` stand inside them, without the help of a `DELIMITER`.
//! <https://dev.mysql.com/doc/refman/8.4/en/sql-compound-statements.html>
//! <https://mariadb.com/kb/en/programmatic-compound-statements/>
//!
//! Words such as IF, REPEAT, END or BEGIN are also functions or plain names, so a word opens or closes a block only where a statement
//! can begin. MariaDB's Oracle mode (`AS` with declarations, packages, `<<labels>>`) is understood as far as its blocks go.

use super::body::Sign;

/// The follower of one statement.
#[derive(Debug, Default)]
pub(crate) struct Routine {
    place: Place,
    blocks: Vec<(Block, u64)>,
    previous: Previous,
    /// The next word is the name of the thing that is made.
    name_due: bool,
    /// The word before may be a label: a `:` makes it one.
    label_due: bool,
    /// The first words are those of a statement without a body.
    plain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Begin,
    If,
    CaseStatement,
    CaseExpression,
    /// LOOP, WHILE, FOR.
    Loop,
    Repeat,
    /// Oracle mode: declarations between AS and BEGIN.
    Declare,
    Package,
}

/// What the next token can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// The first token of the whole statement.
    #[default]
    First,
    /// Nothing to follow (any more).
    Idle,
    /// Behind BEGIN as the first word: a transaction, or MariaDB's anonymous block.
    FirstBegin(u64),
    /// Behind CREATE or ALTER: what is it?
    Create,
    /// In a trigger's head, up to FOR EACH ROW.
    TriggerHead,
    /// In an event's head, up to DO.
    EventHead,
    /// In the head of a routine or handler: a statement begins somewhere ahead.
    Seek,
    /// Behind RETURN in the head of a routine: its whole body, or in Oracle mode its type.
    Return,
    /// Behind PACKAGE.
    PackageHead,
    /// Behind END: the kind of block or its label may follow.
    Ended,
    /// Oracle mode: behind AS or IS in the head of a routine.
    As(u64),
    /// A statement begins here.
    Start,
    /// In the middle of a statement.
    Middle,
    /// In the condition behind UNTIL, which its END REPEAT ends without a `;`.
    Until,
    /// Behind DECLARE; a handler's own statement may follow.
    Declaration,
    /// Behind HANDLER, up to FOR.
    Handler,
}

/// The token before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Previous {
    #[default]
    Other,
    /// `.`, `@` or `=`: what follows is a name.
    NameAhead,
    /// EACH.
    Each,
    /// CHARACTER, CHAR or RETURNS: a SET behind it is no statement.
    TypeWord,
}

/// Words that open a block where a statement can begin.
const OPENERS: &[&str] = &["begin", "if", "case", "loop", "repeat", "while", "for"];

/// Words that change the place in the middle of a statement or head. [`Routine::awaits_turn`] and its places must agree on them.
pub(crate) const TURNS: &[&str] = &["case", "do", "each", "end", "handler", "loop", "then"];

/// Words of plain statements whose expressions may hold IF(…), REPEAT(…) or CASE.
const PLAIN: &[&str] = &[
    "select", "insert", "update", "delete", "replace", "set", "call", "do", "with", "values", "signal",
    "resignal", "execute", "get",
];

/// Words that begin a whole statement without a body, with those above.
const ALONE: &[&str] = &[
    "drop",
    "truncate",
    "rename",
    "use",
    "prepare",
    "deallocate",
    "grant",
    "revoke",
    "start",
    "commit",
    "analyze",
];

/// What CREATE and ALTER make and change that has no body.
const MADE: &[&str] = &[
    "table",
    "temporary",
    "unique",
    "fulltext",
    "spatial",
    "index",
    "user",
    "role",
    "database",
    "schema",
    "sequence",
];

impl Routine {
    pub(crate) fn restart(&mut self) {
        self.place = Place::First;
        self.blocks.clear();
        self.previous = Previous::Other;
        self.name_due = false;
        self.label_due = false;
        self.plain = false;
    }

    /// Whether the statement surely has no body.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    pub(crate) fn watching(&self) -> bool {
        self.place != Place::Idle
    }

    /// Whether only [`TURNS`], a `;`, and a `:` behind a label can change anything here.
    pub(crate) fn awaits_turn(&self) -> bool {
        matches!(
            self.place,
            Place::TriggerHead | Place::EventHead | Place::Middle | Place::Until | Place::Declaration
        ) && !self.name_due
            && self.previous != Previous::Each
    }

    /// Other tokens went by, the last of which was a `.` or `@`, or was not.
    pub(crate) fn passed(&mut self, name_ahead: bool) {
        self.label_due = false;
        self.previous = if name_ahead { Previous::NameAhead } else { Previous::Other };
    }

    /// Where the outermost open block begins.
    pub(crate) fn opened(&self) -> Option<u64> {
        self.blocks.first().map(|&(_, at)| at)
    }

    pub(crate) fn see(&mut self, sign: Sign<'_>, at: u64, depth: u32) {
        if depth > 0 || matches!(sign, Sign::Symbol(b'(' | b')')) {
            self.parenthesis();
            return;
        }
        match sign {
            Sign::Symbol(b';') => self.semicolon(),
            Sign::Symbol(symbol) => self.symbol(symbol),
            Sign::Word(_) if self.previous != Previous::NameAhead => self.word(sign, at),
            Sign::Word(_) | Sign::Other => self.other(),
        }
        self.previous = match sign {
            Sign::Symbol(b'.' | b'@') => Previous::NameAhead,
            Sign::Symbol(b'=') if self.place == Place::Create => Previous::NameAhead,
            _ if self.place == Place::TriggerHead && sign.is("each") => Previous::Each,
            _ if self.place == Place::Seek && sign.is_one_of(&["character", "char", "returns"]) => {
                Previous::TypeWord
            }
            _ => Previous::Other,
        };
    }

    fn top(&self) -> Option<Block> {
        self.blocks.last().map(|&(block, _)| block)
    }

    fn open(&mut self, block: Block, at: u64, then: Place) {
        self.blocks.push((block, at));
        self.place = then;
    }

    fn parenthesis(&mut self) {
        self.previous = Previous::Other;
        self.label_due = false;
        match self.place {
            Place::Start => self.place = Place::Middle,
            Place::First => self.place = Place::Idle,
            _ => {}
        }
    }

    fn semicolon(&mut self) {
        self.label_due = false;
        self.name_due = false;
        self.place = if self.blocks.is_empty() { Place::Idle } else { Place::Start };
    }

    fn symbol(&mut self, symbol: u8) {
        match (self.place, symbol) {
            (Place::Middle, b':') if self.label_due => self.place = Place::Start,
            // `<<label>>`
            (Place::Start, b'<') => self.place = Place::Seek,
            (Place::Start, _) => self.place = Place::Middle,
            (Place::First | Place::FirstBegin(_), _) => self.place = Place::Idle,
            _ => {}
        }
        self.label_due = false;
    }

    fn other(&mut self) {
        self.name_due = false;
        self.label_due = self.place == Place::Start;
        match self.place {
            Place::Start => self.place = Place::Middle,
            // AS "…": the body is a string.
            Place::As(_) => self.place = Place::Idle,
            Place::First | Place::FirstBegin(_) => self.place = Place::Idle,
            _ => {}
        }
    }

    fn word(&mut self, word: Sign<'_>, at: u64) {
        self.label_due = false;
        if self.name_due {
            // CREATE PROCEDURE IF NOT EXISTS name, CREATE PACKAGE BODY name
            self.name_due = word.is_one_of(&["if", "not", "exists", "body"]);
            return;
        }
        match self.place {
            Place::First => self.first(word, at),
            Place::FirstBegin(_) if word.is("work") => self.place = Place::Idle,
            Place::FirstBegin(begin) => {
                self.open(Block::Begin, begin, Place::Start);
                self.start(word, at);
            }
            Place::Create => self.create(word, at),
            Place::TriggerHead if word.is("row") && self.previous == Previous::Each => {
                self.place = Place::Start
            }
            Place::EventHead if word.is("do") => self.place = Place::Start,
            Place::Seek => self.seek(word, at),
            Place::Return if word.is_one_of(&["as", "is"]) => self.place = Place::As(at),
            Place::PackageHead if word.is_one_of(&["as", "is"]) => self.place = Place::Start,
            Place::PackageHead if word.is_one_of(&["procedure", "function"]) => self.start(word, at),
            Place::Ended => self.place = Place::Middle,
            // RETURN a IS NULL
            Place::As(_) if word.is_one_of(&["null", "not", "true", "false", "unknown"]) => self.plain(),
            Place::As(opened) => {
                self.open(Block::Declare, opened, Place::Start);
                self.start(word, at);
            }
            Place::Start => self.start(word, at),
            Place::Middle | Place::Until => self.middle(word, at),
            Place::Declaration if word.is("handler") => self.place = Place::Handler,
            Place::Declaration if word.is("case") => self.open(Block::CaseExpression, at, Place::Middle),
            Place::Handler if word.is("for") => self.place = Place::Seek,
            Place::Idle
            | Place::TriggerHead
            | Place::EventHead
            | Place::Return
            | Place::PackageHead
            | Place::Declaration
            | Place::Handler => {}
        }
    }

    fn first(&mut self, word: Sign<'_>, at: u64) {
        if word.is_one_of(&["create", "alter"]) {
            self.place = Place::Create;
        } else if word.is("begin") {
            self.place = Place::FirstBegin(at);
        } else if word.is("declare") {
            self.open(Block::Declare, at, Place::Middle);
        } else if word.is_one_of(OPENERS) {
            // MariaDB runs these outside of routines too.
            self.start(word, at);
        } else {
            // Any other word may be the label of a block.
            self.plain = word.is_one_of(PLAIN) || word.is_one_of(ALONE);
            self.place = Place::Idle;
        }
    }

    fn create(&mut self, word: Sign<'_>, at: u64) {
        if word.is_one_of(&["procedure", "function"]) {
            self.place = Place::Seek;
            self.name_due = true;
        } else if word.is("trigger") {
            self.place = Place::TriggerHead;
            self.name_due = true;
        } else if word.is("event") {
            self.place = Place::EventHead;
            self.name_due = true;
        } else if word.is("package") {
            self.open(Block::Package, at, Place::PackageHead);
            self.name_due = true;
        } else if !word.is_one_of(&["or", "replace", "definer", "aggregate", "current_user", "current_role"])
        {
            self.plain = word.is_one_of(MADE);
            self.place = Place::Idle;
        }
    }

    fn seek(&mut self, word: Sign<'_>, at: u64) {
        if word.is_one_of(OPENERS) {
            self.start(word, at);
        } else if word.is_one_of(&["as", "is"]) {
            self.place = Place::As(at);
        } else if word.is("return") {
            self.place = Place::Return;
        } else if word.is_one_of(PLAIN) && !(word.is("set") && self.previous == Previous::TypeWord) {
            self.plain();
        }
    }

    /// A plain statement has begun.
    fn plain(&mut self) {
        self.place = if self.blocks.is_empty() { Place::Idle } else { Place::Middle };
    }

    fn end(&mut self) {
        self.blocks.pop();
        self.place = if self.blocks.is_empty() { Place::Idle } else { Place::Ended };
    }

    fn start(&mut self, word: Sign<'_>, at: u64) {
        let top = self.top();
        if word.is("end") {
            self.end();
        } else if word.is("begin") {
            match self.blocks.last_mut() {
                Some((block @ Block::Declare, _)) => *block = Block::Begin,
                // The initialisation of a package shares its END.
                Some((Block::Package, _)) if self.place == Place::Start => {}
                _ => self.blocks.push((Block::Begin, at)),
            }
            self.place = Place::Start;
        } else if word.is("if") {
            self.open(Block::If, at, Place::Middle);
        } else if word.is("case") {
            self.open(Block::CaseStatement, at, Place::Middle);
        } else if word.is_one_of(&["while", "for"]) {
            self.open(Block::Loop, at, Place::Middle);
        } else if word.is("loop") {
            self.open(Block::Loop, at, Place::Start);
        } else if word.is("repeat") {
            self.open(Block::Repeat, at, Place::Start);
        } else if word.is("until") && top == Some(Block::Repeat) {
            self.place = Place::Until;
        } else if word.is("declare") {
            self.place = Place::Declaration;
        } else if word.is_one_of(&["procedure", "function"])
            && matches!(top, Some(Block::Package | Block::Declare))
        {
            self.place = Place::Seek;
            self.name_due = true;
        } else if word.is_one_of(&["follows", "precedes"]) && self.blocks.is_empty() {
            // FOR EACH ROW FOLLOWS other_trigger
            self.name_due = true;
        } else if !word.is_one_of(&["else", "not", "atomic", "exception"]) {
            self.place = Place::Middle;
            self.label_due = true;
        }
    }

    fn middle(&mut self, word: Sign<'_>, at: u64) {
        let top = self.top();
        if word.is("case") {
            self.blocks.push((Block::CaseExpression, at));
        } else if word.is("end") {
            if top == Some(Block::CaseExpression) {
                self.blocks.pop();
            } else if self.place == Place::Until {
                self.end();
            }
        } else if word.is("then") && top != Some(Block::CaseExpression)
            || word.is_one_of(&["do", "loop"]) && top == Some(Block::Loop)
        {
            self.place = Place::Start;
        }
    }
}
