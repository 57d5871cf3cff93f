//! What holds for every text.

use dbwarden::sql::{Position, Reader, Rules, Syntax, keywords, tokens};
use proptest::prelude::*;

use super::show::{Dribble, Owned, collect, events};

/// Text made of the pieces that matter to the splitter, so that random ones meet.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            ";", "'", "\"", "`", "--", "-- ", "/*", "*/", "/*!", "/*M!", "/*+", "#", "$$", "$a$", "$", "\\", "\n", "\r", "\r\n", " ",
            "(", ")", "[", "]", ".", "@", ":", "E'", "x'", "U&'", "U&\"", "N'", "\n-- rollback\n", "\r\n  -- upgrade\r\n", "\\.\n",
            "\n\\.\n", "\n\\.", "\\\\", "é", "\u{feff}", "\0", ";;", "//", "-",
        ]).prop_map(str::to_owned),
        8 => prop::sample::select(vec![
            "CREATE ", "TABLE ", "TRIGGER ", "TEMP ", "PROCEDURE ", "FUNCTION ", "EVENT ", "PACKAGE ", "BODY ", "BEGIN ", "ATOMIC ",
            "NOT ", "END ", "END;", "CASE ", "IF ", "THEN ", "ELSE ", "LOOP ", "REPEAT ", "UNTIL ", "WHILE ", "FOR ", "DO ", "EACH ",
            "ROW ", "DECLARE ", "HANDLER ", "AS ", "IS ", "RETURN ", "COPY ", "FROM ", "STDIN ", "COPY t FROM stdin;\n", "DELIMITER ",
            "\nDELIMITER //\n", "\nDELIMITER ;\n", "delimiter $$\n", "SELECT 1", "x", "1", "WHEN ", "DEFINER=",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn rules() -> impl Strategy<Value = Rules> {
    let syntaxes = vec![Syntax::Sqlite, Syntax::Postgres, Syntax::Mysql, Syntax::Duckdb];
    (prop::sample::select(syntaxes), any::<bool>(), any::<bool>()).prop_map(
        |(syntax, ansi_quotes, no_backslash_escapes)| {
            let mut rules = Rules::new(syntax);
            rules.ansi_quotes = ansi_quotes;
            rules.no_backslash_escapes = no_backslash_escapes;
            rules
        },
    )
}

/// Line and column, counted the slow way.
fn place(text: &str, offset: usize) -> Position {
    let (mut line, mut column) = (1, 1);
    let mut characters = text[..offset].char_indices().peekable();
    if text.starts_with('\u{feff}') && offset > 0 {
        characters.next();
    }
    while let Some((_, c)) = characters.next() {
        match c {
            '\r' if characters.peek().is_some_and(|&(_, c)| c == '\n') => {}
            '\n' | '\r' => {
                line += 1;
                column = 1;
            }
            _ => column += 1,
        }
    }
    // Between CR and LF the line has ended.
    if text[..offset].ends_with('\r') && column != 1 {
        line += 1;
        column = 1;
    }
    Position { offset: offset as u64, line, column }
}

/// Puts the pieces together again and checks each position on the way.
fn rejoin(text: &str, events: &[Owned]) -> Result<(), TestCaseError> {
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut behind_copy = false;
    let eat = |part: &str, at: &mut usize| -> Result<(), TestCaseError> {
        prop_assert!(text[*at..].starts_with(part), "{part:?} does not stand at {at}");
        *at += part.len();
        Ok(())
    };
    for event in events {
        match event {
            Owned::Statement { leading, text: statement, trailing, start, end, terminated, copy } => {
                eat(leading, &mut at)?;
                prop_assert_eq!(*start, place(text, at));
                prop_assert!(!statement.is_empty());
                // To the engines a no-break space is a letter.
                prop_assert_eq!(statement.trim_matches(|c: char| c.is_ascii_whitespace()), statement);
                eat(statement, &mut at)?;
                prop_assert_eq!(*end, place(text, at));
                eat(trailing, &mut at)?;
                if *terminated {
                    // The next piece tells how long the terminator was; `;` and what the texts above can set.
                    let rest = &text[at..];
                    let length = [";", "//", "$$"].iter().find(|d| rest.starts_with(**d)).map(|d| d.len());
                    match length {
                        Some(length) => at += length,
                        // Some random delimiter: nothing more can be said here.
                        None => return Ok(()),
                    }
                }
                behind_copy = *copy;
                if *terminated && !text[..at].ends_with(';')
                    || text.to_ascii_lowercase().contains("delimiter")
                {
                    return Ok(());
                }
            }
            Owned::Break { leading, text: comment, start, end } => {
                eat(leading, &mut at)?;
                prop_assert_eq!(*start, place(text, at));
                eat(comment, &mut at)?;
                at +=
                    ["\r\n", "\r", "\n"].iter().find(|e| text[at..].starts_with(**e)).map_or(0, |e| e.len());
                prop_assert_eq!(*end, place(text, at));
            }
            Owned::Rows(rows) => {
                at += text[at..].find('\n').unwrap_or(0) + 1;
                behind_copy = false;
                prop_assert!(text.as_bytes()[at..].starts_with(rows));
                at += rows.len();
            }
            Owned::CopyEnd => {
                if behind_copy {
                    at += text[at..].find('\n').unwrap_or(0) + 1;
                    behind_copy = false;
                }
                prop_assert!(text[at..].starts_with("\\."));
                at += text[at..].find('\n').map_or(text.len() - at, |i| i + 1);
            }
            Owned::Tail(tail) => eat(tail, &mut at)?,
            Owned::Error { .. } => return Ok(()),
        }
    }
    prop_assert_eq!(at, text.len());
    Ok(())
}

/// `\N` is NULL to MySQL, and what the buffer still holds behind its text is no `N`.
#[test]
fn nothing_is_read_behind_the_text() {
    let text = "NN;".repeat(20) + "\\";
    let rules = Rules::new(Syntax::Mysql);
    let expected = events(text.as_bytes(), rules);
    for capacity in 1..70 {
        let found = collect(Reader::new(Dribble(text.as_bytes()), rules).with_capacity(capacity));
        assert_eq!(found, expected, "capacity {capacity}");
    }
}

/// The letters behind `1.` belong to the number, so they are no prefix of the string or tag behind them.
#[test]
fn a_number_before_a_quote_is_no_prefix() {
    let cases = [
        (Syntax::Postgres, r"SELECT 1.E'\'; SELECT 2", 2),
        (Syntax::Postgres, "SELECT 1.e$$;$$", 1),
        (Syntax::Duckdb, "SELECT 1.e$$;$$", 1),
        (Syntax::Sqlite, "SELECT ?1x';'", 1),
    ];
    for (syntax, text, count) in cases {
        let found = events(text.as_bytes(), Rules::new(syntax));
        assert_eq!(found.len(), count, "{text}: {found:?}");
    }
}

/// Before a statement the reader takes `--` for a comment whatever follows it, as people write it; MySQL's tokens do not. So what stands
/// between two statements and has one is blanked, as long as it was.
fn without_dashes(text: &str, events: &[Owned]) -> String {
    let comment = |rest: &str| rest.starts_with(|c: char| c.is_ascii_whitespace() || c.is_ascii_control());
    let (mut blanked, mut behind) = (text.to_owned(), 0);
    for event in events {
        let (start, end) = match event {
            Owned::Statement { start, end, .. } => (start.offset as usize, end.offset as usize),
            Owned::Tail(tail) => (text.len(), text.len() - tail.len()),
            _ => continue,
        };
        let between = behind..start;
        if text[between.clone()].split("--").skip(1).any(|rest| !comment(rest)) {
            // The terminator of the statement before stays.
            let kept = |c: char| if c == ';' { ";".to_owned() } else { " ".repeat(c.len_utf8()) };
            blanked.replace_range(between.clone(), &text[between].chars().map(kept).collect::<String>());
        }
        behind = end;
    }
    blanked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tokens_are_the_text(text in text(), rules in rules()) {
        let mut joined = String::new();
        for token in tokens(&text, rules) {
            prop_assert_eq!(token.start, joined.len());
            prop_assert!(!token.text.is_empty());
            joined += token.text;
        }
        prop_assert_eq!(joined, text.clone());
        prop_assert!(keywords(&text, rules).count() <= tokens(&text, rules).count());
    }

    #[test]
    fn the_pieces_are_the_text(text in text(), rules in rules()) {
        rejoin(&text, &events(text.as_bytes(), rules))?;
    }

    #[test]
    fn buffer_and_reads_make_no_difference(text in text(), rules in rules(), capacity in 1usize..70) {
        let expected = events(text.as_bytes(), rules);
        let found = collect(Reader::new(Dribble(text.as_bytes()), rules).with_capacity(capacity));
        prop_assert_eq!(found, expected);
    }

    /// A statement by itself is one statement. (Under a DELIMITER it may hold several, and a meta command or marker is none.)
    #[test]
    fn a_statement_splits_into_itself(text in text(), rules in rules()) {
        if text.to_ascii_lowercase().contains("delimiter") {
            return Ok(());
        }
        for event in events(text.as_bytes(), rules) {
            let Owned::Statement { text: statement, copy: false, start, .. } = event else { continue };
            // At the very end `--` is a comment to MySQL; before a `;` it is not.
            if statement.ends_with("--") {
                continue;
            }
            let again = collect(Reader::starting_at(statement.as_bytes(), rules, start));
            match &again[..] {
                [Owned::Statement { text, .. }] => prop_assert_eq!(text, &statement),
                other => prop_assert!(false, "{:?} became {:?}", statement, other),
            }
        }
    }

    /// The reader goes over most bytes without cutting them into tokens; it must stop where tokens do.
    #[test]
    fn statements_end_where_tokens_do(text in text(), rules in rules()) {
        let lower = text.to_ascii_lowercase();
        if lower.contains("delimiter") || lower.contains("copy") || lower.contains("rollback") || lower.contains("upgrade") {
            return Ok(());
        }
        let all = events(text.as_bytes(), rules);
        let text = if rules.syntax == Syntax::Mysql { without_dashes(&text, &all) } else { text };
        let tokens: Vec<_> = tokens(&text, rules).collect();
        for event in all {
            let Owned::Statement { start, end, terminated, .. } = event else { continue };
            let (start, end) = (start.offset as usize, end.offset as usize);
            prop_assert!(tokens.iter().any(|token| token.start == start), "no token begins at {start}");
            let last = tokens.iter().rfind(|token| token.start < end).unwrap();
            prop_assert_eq!(last.start + last.text.len(), end);
            let semicolons: Vec<_> =
                tokens.iter().filter(|token| token.text == ";" && token.start >= start).map(|t| t.start).collect();
            if terminated {
                prop_assert!(semicolons.iter().any(|&at| at >= end));
            }
            let hidden = semicolons.iter().any(|&at| at < end);
            // Only a body or, in PostgreSQL, a parenthesis hides a `;`.
            let may_hide = match rules.syntax {
                Syntax::Duckdb => false,
                Syntax::Sqlite => lower.contains("trigger"),
                Syntax::Postgres => lower.contains("atomic") || text.contains('('),
                Syntax::Mysql => true,
            };
            prop_assert!(!hidden || may_hide);
        }
    }

    #[test]
    fn a_section_reads_the_same_by_itself(text in text(), rules in rules()) {
        let all = events(text.as_bytes(), rules);
        let Some(i) = all.iter().position(|event| matches!(event, Owned::Break { .. })) else { return Ok(()) };
        let Owned::Break { end, .. } = &all[i] else { return Ok(()) };
        let rest = &text.as_bytes()[end.offset as usize..];
        prop_assert_eq!(collect(Reader::starting_at(rest, rules, *end)), all[i + 1..].to_vec());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), rules in rules()) {
        let expected = events(&bytes, rules);
        prop_assert_eq!(collect(Reader::new(Dribble(&bytes), rules).with_capacity(3)), expected);
    }
}
