//! The text of a `CREATE TABLE`, taken apart and changed: what is not touched stays as it was written, comments and all
//! (<https://www.sqlite.org/lang_createtable.html>).

use std::ops::Range;

use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};

/// The text of a `CREATE TABLE` and its parts.
#[derive(Debug, Clone)]
pub(super) struct TableText {
    text: String,
    /// The table's name, perhaps with its schema.
    name: Range<usize>,
    /// What stands between the commas, from the first token to the last; columns first.
    parts: Vec<Range<usize>>,
    /// Where the comma or parenthesis behind each part stands.
    ends: Vec<usize>,
    /// How many of the parts are columns.
    columns: usize,
    /// What stands behind the last parenthesis.
    options: Range<usize>,
}

/// A piece of a text: a token that means something.
#[derive(Debug, Clone)]
struct Piece {
    kind: TokenKind,
    range: Range<usize>,
}

/// What a column's definition is made of.
#[derive(Debug, Default)]
struct Definition {
    /// Behind its name.
    behind_name: usize,
    data_type: Option<Range<usize>>,
    /// What stands behind its type: each clause with its first word.
    clauses: Vec<(String, Range<usize>)>,
}

impl TableText {
    /// Takes a text apart.
    ///
    /// # Errors
    /// Why it is not one that can be changed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pieces = pieces(text, 0);
        let word = |at: usize| pieces.get(at).map_or("", |piece| &text[piece.range.clone()]);
        if !word(0).eq_ignore_ascii_case("CREATE") || !word(1).eq_ignore_ascii_case("TABLE") {
            return Err("it is no ordinary table".to_owned());
        }
        let unlike = || "its definition is not understood".to_owned();
        let mut at = 2;
        if word(2).eq_ignore_ascii_case("IF") {
            at = 5;
        }
        let begin = at;
        while at < pieces.len() && word(at) != "(" {
            at += 1;
        }
        let open = at;
        if open == begin || open >= pieces.len() {
            return Err(unlike());
        }
        let name = pieces[begin].range.start..pieces[open - 1].range.end;
        let (mut parts, mut ends, mut depth, mut first) = (Vec::new(), Vec::new(), 0_i32, open + 1);
        let mut close = None;
        for (at, piece) in pieces.iter().enumerate().skip(open) {
            let symbol = (piece.kind == TokenKind::Symbol).then(|| &text[piece.range.clone()]);
            match symbol {
                Some("(") => depth += 1,
                Some(")") => depth -= 1,
                _ => {}
            }
            if (symbol == Some(",") && depth == 1) || depth == 0 {
                if first >= at {
                    return Err(unlike());
                }
                parts.push(pieces[first].range.start..pieces[at - 1].range.end);
                ends.push(piece.range.start);
                first = at + 1;
            }
            if depth == 0 {
                close = Some(piece.range.end);
                break;
            }
        }
        let options = close.ok_or_else(unlike)?..text.len();
        let is_rule = |part: &&Range<usize>| {
            let first = tokens(&text[(*part).clone()], Rules::new(Syntax::Sqlite)).next();
            let rules = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
            first.is_some_and(|first| {
                first.kind == TokenKind::Word
                    && rules.iter().any(|rule| first.text.eq_ignore_ascii_case(rule))
            })
        };
        let columns = parts.iter().take_while(|part| !is_rule(part)).count();
        if columns == 0 {
            return Err(unlike());
        }
        Ok(Self { text: text.to_owned(), name, parts, ends, columns, options })
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns what stands behind the columns: `STRICT`, `WITHOUT ROWID`.
    pub(super) fn options(&self) -> &str {
        &self.text[self.options.clone()]
    }

    /// Returns whether it is `WITHOUT ROWID`.
    pub(super) fn without_rowid(&self) -> bool {
        let words: Vec<_> = words(self.options()).collect();
        words.windows(2).any(|pair| pair == ["WITHOUT", "ROWID"])
    }

    /// Returns whether its key is never given twice.
    pub(super) fn autoincrement(&self) -> bool {
        self.parts[..self.columns]
            .iter()
            .any(|part| words(&self.text[part.clone()]).any(|it| it == "AUTOINCREMENT"))
    }

    /// Returns the place of the column called `name`.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        (0..self.columns).find(|&at| self.column_name(at).eq_ignore_ascii_case(name))
    }

    /// Returns whether the column at `at` is the last.
    pub(super) fn is_last(&self, at: usize) -> bool {
        at + 1 == self.columns
    }

    fn column_name(&self, at: usize) -> String {
        let text = &self.text[self.parts[at].clone()];
        tokens(text, Rules::new(Syntax::Sqlite)).next().map_or_else(String::new, |token| bare(token.text))
    }

    /// Returns the definition of the column at `at`, as it was written.
    pub(super) fn column(&self, at: usize) -> &str {
        &self.text[self.parts[at].clone()]
    }

    /// Returns the type of the column at `at`, as it was written; empty where it has none.
    pub(super) fn data_type(&self, at: usize) -> &str {
        self.definition(at).data_type.map_or("", |range| &self.text[range])
    }

    /// Returns the parts but the one at `at`.
    pub(super) fn others(&self, at: usize) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .enumerate()
            .filter(move |(other, _)| *other != at)
            .map(|(_, part)| &self.text[part.clone()])
    }

    /// Returns whether the column at `at` is a key, is unique or refers to another table by its own definition.
    pub(super) fn is_bound(&self, at: usize) -> bool {
        let definition = self.definition(at);
        definition
            .clauses
            .iter()
            .any(|(word, _)| ["PRIMARY", "UNIQUE", "REFERENCES"].contains(&word.as_str()))
    }

    /// Returns whether a row must be given a value for the column at `at`.
    pub(super) fn wants_value(&self, at: usize) -> bool {
        let clauses = self.definition(at).clauses;
        let has = |words: &[&str]| clauses.iter().any(|(word, _)| words.contains(&word.as_str()));
        has(&["NOT"]) && !has(&["DEFAULT", "GENERATED", "AS"])
    }

    /// Returns the text for a table called `name`, which is quoted already. What names the table itself within it names the new one:
    /// it would be unknown while that is being made.
    pub(super) fn named(&self, name: &str, old: &str) -> String {
        let mut text = String::new();
        let mut from = self.name.end;
        let rest = pieces(&self.text[from..], from);
        for (at, piece) in rest.iter().enumerate() {
            let dotted = rest.get(at + 1).is_some_and(|next| &self.text[next.range.clone()] == ".");
            let is_name = matches!(piece.kind, TokenKind::Word | TokenKind::Identifier);
            if dotted && is_name && bare(&self.text[piece.range.clone()]).eq_ignore_ascii_case(old) {
                text.push_str(&self.text[from..piece.range.start]);
                text.push_str(name);
                from = piece.range.end;
            }
        }
        text.push_str(&self.text[from..]);
        format!(
            "CREATE TABLE {name}{}",
            if text.starts_with([' ', '\n', '(']) { text } else { format!(" {text}") }
        )
    }

    /// Returns the text with a column behind the last one.
    pub(super) fn with_column(&self, definition: &str) -> Result<Self, String> {
        self.inserted(self.parts[self.columns - 1].end, definition)
    }

    /// Returns the text with a rule behind everything.
    pub(super) fn with_rule(&self, rule: &str) -> Result<Self, String> {
        self.inserted(self.parts[self.parts.len() - 1].end, rule)
    }

    fn inserted(&self, at: usize, part: &str) -> Result<Self, String> {
        // As the parts before it are set: each on its line, or all on one.
        let first = self.parts[0].start;
        let line = self.text[..first].rfind('\n').map(|start| &self.text[start..first]);
        let space = line.filter(|line| line.trim().is_empty()).unwrap_or(" ");
        let (before, behind) = self.text.split_at(at);
        Self::parse(&format!("{before},{space}{part}{behind}"))
    }

    /// Returns the text without the column at `at`.
    pub(super) fn without(&self, at: usize) -> Result<Self, String> {
        let range = match (at, self.parts.get(at + 1)) {
            (0, Some(next)) => self.parts[0].start..next.start,
            (0, None) => return Err("it would have no column left".to_owned()),
            _ => self.parts[at - 1].end..self.parts[at].end,
        };
        if self.columns == 1 {
            return Err("it would have no column left".to_owned());
        }
        self.spliced(range, "")
    }

    /// Returns the text that `ALTER TABLE … DROP COLUMN` leaves: a column goes with all up to the next, the last one with all from the
    /// comma before it to what stands behind.
    pub(super) fn dropped(&self, at: usize) -> Result<Self, String> {
        let start = self.parts[at].start;
        if !self.is_last(at) {
            return self.spliced(start..self.parts[at + 1].start, "");
        }
        let comma = self.text[..start].rfind(',').ok_or_else(|| "it would have no column left".to_owned())?;
        self.spliced(comma..self.ends[at], "")
    }

    fn spliced(&self, range: Range<usize>, text: &str) -> Result<Self, String> {
        let mut all = self.text.clone();
        all.replace_range(range, text);
        Self::parse(&all)
    }

    /// Returns the text in which the column at `at` is of another type.
    pub(super) fn with_type(&self, at: usize, data_type: &str) -> Result<Self, String> {
        let definition = self.definition(at);
        match definition.data_type {
            Some(range) => self.spliced(range, data_type),
            None => self.spliced(definition.behind_name..definition.behind_name, &format!(" {data_type}")),
        }
    }

    /// Returns the text in which the column at `at` may hold nothing, or may not.
    pub(super) fn with_null(&self, at: usize, nullable: bool) -> Result<Self, String> {
        let clean = self.without_clauses(at, |word, _| ["NOT", "NULL"].contains(&word))?;
        if nullable { Ok(clean) } else { clean.with_clause(at, "NOT NULL") }
    }

    /// Returns the text in which the column at `at` has another default, or none.
    pub(super) fn with_default(&self, at: usize, default: Option<&str>) -> Result<Self, String> {
        let clean = self.without_clauses(at, |word, _| word == "DEFAULT")?;
        match default {
            Some(default) => clean.with_clause(at, &format!("DEFAULT {default}")),
            None => Ok(clean),
        }
    }

    fn with_clause(&self, at: usize, clause: &str) -> Result<Self, String> {
        let definition = self.definition(at);
        let behind = definition.data_type.map_or(definition.behind_name, |data_type| data_type.end);
        self.spliced(behind..behind, &format!(" {clause}"))
    }

    /// Returns the text in which the column at `at` has no check that a list of texts brought with it: `CHECK ("name" IN ('a', 'b'))`,
    /// the name in double quotes, and no name of its own.
    pub(super) fn without_list(&self, at: usize) -> Result<Self, String> {
        let name = format!("\"{}\"", self.column_name(at).replace('"', "\"\""));
        self.without_clauses(at, |word, clause| {
            let pieces = pieces(clause, 0);
            let mut texts = pieces.iter().map(|piece| &clause[piece.range.clone()]);
            let begins = ["CHECK", "(", &name, "IN", "("].iter().all(|it| texts.next() == Some(*it));
            let list: Vec<_> = pieces.iter().skip(5).collect();
            let is_list = list.chunks(2).all(|pair| match pair {
                [text, comma] if text.kind == TokenKind::String => {
                    [",", ")"].contains(&&clause[comma.range.clone()])
                }
                [close] => &clause[close.range.clone()] == ")",
                _ => false,
            });
            word == "CHECK" && begins && is_list && list.len() > 2
        })
    }

    fn without_clauses(&self, at: usize, is_one: impl Fn(&str, &str) -> bool) -> Result<Self, String> {
        let mut clean = self.clone();
        loop {
            let definition = clean.definition(at);
            let found =
                definition.clauses.iter().find(|(word, range)| is_one(word, &clean.text[range.clone()]));
            let Some((_, range)) = found else { return Ok(clean) };
            // With the space before it.
            let before = clean.text[..range.start].trim_end().len();
            clean = clean.spliced(before..range.end, "")?;
        }
    }

    /// Takes the definition of the column at `at` apart.
    fn definition(&self, at: usize) -> Definition {
        const CLAUSES: &[&str] = &[
            "CONSTRAINT",
            "PRIMARY",
            "NOT",
            "NULL",
            "UNIQUE",
            "CHECK",
            "DEFAULT",
            "COLLATE",
            "REFERENCES",
            "GENERATED",
            "AS",
        ];
        let range = self.parts[at].clone();
        let pieces = pieces(&self.text[range.clone()], range.start);
        let word = |at: usize| match pieces.get(at) {
            Some(piece) if piece.kind == TokenKind::Word => {
                self.text[piece.range.clone()].to_ascii_uppercase()
            }
            Some(piece) => self.text[piece.range.clone()].to_owned(),
            None => String::new(),
        };
        let mut definition = Definition { behind_name: pieces[0].range.end, ..Definition::default() };
        let begins = |at: usize| {
            pieces.get(at).is_some_and(|piece| piece.kind == TokenKind::Word)
                && CLAUSES.contains(&word(at).as_str())
        };
        let mut at = 1;
        while at < pieces.len() && !begins(at) {
            at = if word(at) == "(" { at + group(&pieces[at..], &self.text) } else { at + 1 };
        }
        if at > 1 {
            definition.data_type = Some(pieces[1].range.start..pieces[at - 1].range.end);
        }
        while at < pieces.len() {
            let from = at;
            if word(at) == "CONSTRAINT" {
                at += 2;
            }
            let first = word(at);
            at = match first.as_str() {
                "DEFAULT" => default_end(&pieces, at + 1, &word, &self.text),
                "REFERENCES" => reference_end(&pieces, at + 1, &word, &self.text),
                "NOT" | "PRIMARY" | "COLLATE" => at + 2,
                _ => at + 1,
            };
            // Up to the next clause.
            while at < pieces.len() && (!begins(at) || (first == "GENERATED" && word(at) == "AS")) {
                at = if word(at) == "(" { at + group(&pieces[at..], &self.text) } else { at + 1 };
            }
            let end = pieces[at.min(pieces.len()) - 1].range.end;
            definition.clauses.push((first, pieces[from].range.start..end));
        }
        definition
    }
}

/// Behind a default: something in parentheses, a number with its sign, or one word or literal.
fn default_end(pieces: &[Piece], at: usize, word: &impl Fn(usize) -> String, text: &str) -> usize {
    match word(at).as_str() {
        "(" => at + group(&pieces[at..], text),
        "+" | "-" => at + 2,
        _ => at + 1,
    }
}

/// Behind a foreign key: `NULL`, `DEFAULT` and `NOT` in it begin no clause of the column.
fn reference_end(pieces: &[Piece], mut at: usize, word: &impl Fn(usize) -> String, text: &str) -> usize {
    at += 1;
    if word(at) == "(" {
        at += group(&pieces[at..], text);
    }
    loop {
        at += match (word(at).as_str(), word(at + 1).as_str()) {
            ("ON", _) if word(at + 2) == "SET" || word(at + 2) == "NO" => 4,
            ("ON", _) => 3,
            ("MATCH", _) | ("NOT", "DEFERRABLE") | ("INITIALLY", _) => 2,
            ("DEFERRABLE", _) => 1,
            _ => return at,
        };
    }
}

/// How many pieces there are from a parenthesis to the one that closes it.
fn group(pieces: &[Piece], text: &str) -> usize {
    let mut depth = 0_i32;
    let end = pieces.iter().position(|piece| {
        if piece.kind == TokenKind::Symbol {
            let symbol = &text[piece.range.clone()];
            depth += i32::from(symbol == "(") - i32::from(symbol == ")");
        }
        depth == 0
    });
    end.map_or(pieces.len(), |end| end + 1)
}

fn pieces(text: &str, offset: usize) -> Vec<Piece> {
    let means = |token: &Token<'_>| {
        !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment | TokenKind::Hint
        )
    };
    tokens(text, Rules::new(Syntax::Sqlite))
        .filter(means)
        .map(|token| Piece {
            kind: token.kind,
            range: offset + token.start..offset + token.start + token.text.len(),
        })
        .collect()
}

/// Words in capitals.
fn words(text: &str) -> impl Iterator<Item = String> {
    tokens(text, Rules::new(Syntax::Sqlite))
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.text.to_ascii_uppercase())
}

/// Returns whether `text` has the name as a word or between quotes.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    tokens(text, Rules::new(Syntax::Sqlite)).any(|token| {
        matches!(token.kind, TokenKind::Word | TokenKind::Identifier | TokenKind::String)
            && bare(token.text).eq_ignore_ascii_case(name)
    })
}

/// Returns whether an index, whose `CREATE INDEX` this is, has the column behind its first parenthesis: between the words before
/// that stand its own name and its table's. Texts are not looked at, nor are names of functions, collations and types.
pub(super) fn computes_with(create: &str, column: &str) -> bool {
    let pieces = pieces(create, 0);
    let text = |at: usize| pieces.get(at).map_or("", |piece| &create[piece.range.clone()]);
    let open = (0..pieces.len()).find(|&at| text(at) == "(").unwrap_or(pieces.len());
    (open + 1..pieces.len()).any(|at| {
        let before = text(at - 1);
        let other =
            text(at + 1) == "(" || ["COLLATE", "AS"].iter().any(|word| before.eq_ignore_ascii_case(word));
        matches!(pieces[at].kind, TokenKind::Word | TokenKind::Identifier)
            && !other
            && bare(text(at)).eq_ignore_ascii_case(column)
    })
}

/// A name without its quotes.
pub(super) fn bare(name: &str) -> String {
    let pairs = [('"', '"'), ('`', '`'), ('[', ']'), ('\'', '\'')];
    for (open, close) in pairs {
        if let Some(inside) = name.strip_prefix(open).and_then(|name| name.strip_suffix(close)) {
            return inside.replace(&format!("{close}{close}"), &close.to_string());
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE \"users\" (\n    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key\n    \
        \"na,me\" VARCHAR(20) CONSTRAINT n NOT NULL ON CONFLICT ABORT DEFAULT (trim(' a, ')) COLLATE NOCASE,\n    \
        boss INTEGER REFERENCES users (id) ON DELETE SET NULL NOT DEFERRABLE DEFAULT -1 CHECK (users.boss <> 0),\n    \
        plain,\n    twice AS (boss * 2) STORED, -- computed\n    UNIQUE (\"na,me\", boss) -- a rule\n) STRICT, WITHOUT ROWID";

    fn table() -> TableText {
        TableText::parse(TABLE).unwrap()
    }

    #[test]
    fn a_definition_is_changed_where_it_is_asked_and_nowhere_else() {
        let table = table();
        assert!(table.without_rowid() && table.autoincrement());
        assert_eq!(table.columns, 5);
        let (name, boss, plain) = (1, 2, 3);
        assert_eq!((table.position("NA,ME"), table.position("plain")), (Some(name), Some(plain)));
        assert!(table.is_bound(0) && table.is_bound(boss) && !table.is_bound(name) && !table.is_bound(plain));
        let shown = [
            ("a type", table.with_type(name, "TEXT")),
            ("a type where there was none", table.with_type(plain, "TEXT")),
            ("nothing allowed", table.with_null(name, true)),
            ("nothing forbidden", table.with_null(plain, false)),
            ("forbidden twice", table.with_null(name, false)),
            ("another default", table.with_default(boss, Some("'x'"))),
            ("no default", table.with_default(name, None)),
            ("a column", table.with_column("age INTEGER")),
            ("a rule", table.with_rule("CHECK (age > 0)")),
            ("without the first", table.without(0)),
            ("without one", table.without(boss)),
        ]
        .map(|(what, text)| format!("-- {what}\n{}\n", text.unwrap().text()));
        insta::assert_snapshot!(shown.join("\n"));
        insta::assert_snapshot!(table.named("\"users__new\"", "users"));
    }

    #[test]
    fn one_line_stays_one_line() {
        let table = TableText::parse("CREATE TABLE t(a,b)").unwrap();
        assert_eq!(table.with_column("c INTEGER").unwrap().text(), "CREATE TABLE t(a,b, c INTEGER)");
        assert_eq!(table.without(1).unwrap().text(), "CREATE TABLE t(a)");
        assert_eq!(table.named("\"x\"", "t"), "CREATE TABLE \"x\"(a,b)");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in
            ["CREATE VIRTUAL TABLE t USING fts5(a)", "CREATE VIEW v AS SELECT 1", "CREATE TABLE t", ""]
        {
            assert!(TableText::parse(text).is_err(), "{text}");
        }
        assert!(TableText::parse("CREATE TABLE t (a)").unwrap().without(0).is_err());
    }
}
