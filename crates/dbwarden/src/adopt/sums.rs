//! The sums that both older versions of DBWarden make: SHA-256 of a file's statements, put together.
//!
//! Their pages show the statements joined without anything between; every version that can be had joins them with `;`. What a
//! statement is changed from version to version, and the page says nothing of it. So each way that is known, or may have been, is
//! tried: a sum of 256 bits that is met by one of them is not met by chance.

use sha2::{Digest, Sha256};

/// Returns every sum that one of the versions may have made of `text`, the whole file.
pub(super) fn all(text: &str) -> Vec<String> {
    // As Python reads a text: every line end is one character.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut section, mut plain) = (String::new(), String::new());
    for line in upgrade(&text) {
        section.push_str(line);
        section.push('\n');
        if !line.trim().starts_with("--") {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    let blocks = blocks(&text);
    let each = |split: fn(&str) -> Vec<String>| blocks.iter().flat_map(|block| split(block)).collect();
    let lists: Vec<Vec<String>> = vec![
        // Up to 0.11: blocks of lines.
        blocks.clone(),
        // 0.12 to 0.16: these, cut at each semicolon.
        each(at_semicolons),
        // From 0.17 on: cut at those that are in no quotes and no comment.
        each(outside_quotes),
        outside_quotes(&section),
        outside_quotes(&plain),
        at_semicolons(&section),
        at_semicolons(&plain),
        vec![section.trim().to_owned()],
        vec![plain.trim().to_owned()],
        vec![text.trim().to_owned()],
        outside_quotes(&text),
    ];
    let mut sums = Vec::new();
    // Nothing at all proves nothing of a file.
    for list in lists.into_iter().filter(|list| list.iter().any(|statement| !statement.is_empty())) {
        let closed: Vec<String> = list.iter().map(|statement| format!("{statement};")).collect();
        for statements in [list, closed] {
            for between in [";", "", "\n", ";\n"] {
                let sum = sum(&statements.join(between));
                if !sums.contains(&sum) {
                    sums.push(sum);
                }
            }
        }
    }
    sums
}

/// The sum of no statement at all.
pub(super) const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

const UPGRADE: &str = "-- upgrade";
const ROLLBACK: &str = "-- rollback";

/// The lines of the section, without its markers.
fn upgrade(text: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    text.split('\n').filter(move |line| {
        match line.trim() {
            UPGRADE => within = true,
            ROLLBACK => within = false,
            _ => return within,
        }
        false
    })
}

/// The lines of the section in blocks, with empty lines between, and without lines that are comments. From 0.17 on one of those is
/// kept, and ends a block.
fn blocks(text: &str) -> Vec<String> {
    const MARKER: &str = "-- @dbwarden:autocommit";
    let (mut blocks, mut lines, mut marker) = (Vec::new(), Vec::new(), false);
    let mut end = |lines: &mut Vec<&str>, marker: &mut bool| {
        let block = lines.join("\n").trim().to_owned();
        if !lines.is_empty() {
            if !block.is_empty() {
                blocks.push(if *marker { format!("{MARKER}\n{block}") } else { block });
            }
            *marker = false;
        }
        lines.clear();
    };
    let mut within = false;
    for line in text.split('\n') {
        match line.trim() {
            UPGRADE => within = true,
            ROLLBACK if within => {
                end(&mut lines, &mut marker);
                within = false;
            }
            _ if !within => {}
            MARKER => {
                end(&mut lines, &mut marker);
                marker = true;
            }
            "" => end(&mut lines, &mut marker),
            comment if comment.starts_with("--") => {}
            _ => lines.push(line),
        }
    }
    end(&mut lines, &mut marker);
    blocks
}

fn at_semicolons(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What a part of a text is in.
enum Within {
    Nothing,
    Quotes(char),
    Line,
    Block,
}

fn outside_quotes(text: &str) -> Vec<String> {
    let (mut statements, mut current, mut within) = (Vec::new(), String::new(), Within::Nothing);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A pair is taken at once: its second half opens and closes nothing.
        let mut pair = |current: &mut String, second: Option<char>| {
            let met = characters.peek().copied().filter(|next| second.is_none_or(|second| second == *next));
            if let Some(next) = met {
                characters.next();
                current.push(c);
                current.push(next);
            }
            met.is_some()
        };
        match within {
            Within::Line if c == '\n' => within = Within::Nothing,
            Within::Block if c == '*' && pair(&mut current, Some('/')) => {
                within = Within::Nothing;
                continue;
            }
            Within::Quotes(quote) if c == quote => {
                if pair(&mut current, Some(quote)) {
                    continue;
                }
                within = Within::Nothing;
            }
            Within::Quotes(_) if c == '\\' && pair(&mut current, None) => continue,
            Within::Nothing => match (c, characters.peek()) {
                ('\'' | '"' | '`', _) => within = Within::Quotes(c),
                ('-', Some('-')) => within = Within::Line,
                ('/', Some('*')) => within = Within::Block,
                (';', _) => {
                    statements.push(std::mem::take(&mut current));
                    continue;
                }
                _ => {}
            },
            _ => {}
        }
        current.push(c);
    }
    statements.push(current);
    statements.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- a file\n-- upgrade\n\n-- Step 1\nCREATE TABLE a (x TEXT DEFAULT 'a;b');\nCREATE TABLE b (x TEXT);\n\n\
                        INSERT INTO a VALUES ('it''s; \\' ;');\n\n-- rollback\n\nDROP TABLE a;\nDROP TABLE b;\n";

    #[test]
    fn statements_as_each_version_has_them() {
        let blocks = blocks(FILE);
        assert_eq!(
            blocks,
            [
                "CREATE TABLE a (x TEXT DEFAULT 'a;b');\nCREATE TABLE b (x TEXT);",
                "INSERT INTO a VALUES ('it''s; \\' ;');"
            ]
        );
        assert_eq!(at_semicolons(&blocks[1]), ["INSERT INTO a VALUES ('it''s", "\\'", "')"]);
        assert_eq!(
            outside_quotes(&blocks[0]),
            ["CREATE TABLE a (x TEXT DEFAULT 'a;b')", "CREATE TABLE b (x TEXT)"]
        );
        assert_eq!(outside_quotes(&blocks[1]), ["INSERT INTO a VALUES ('it''s; \\' ;')"]);
        assert_eq!(outside_quotes("a -- ; '\n; /* ; ' */ b;"), ["a -- ; '", "/* ; ' */ b"]);
    }

    #[test]
    fn a_marked_block() {
        let text = "-- upgrade\nA;\n-- @dbwarden:autocommit\nB;\n\nC;\n";
        assert_eq!(blocks(text), ["A;", "-- @dbwarden:autocommit\nB;", "C;"]);
    }

    /// What the pages show, and what the versions do; the sums are Python's own.
    #[test]
    fn sums_of_the_pages_and_of_the_versions() {
        let all_of = all(
            "-- upgrade\r\nCREATE TABLE a (id INTEGER);\r\n\r\nCREATE TABLE b (id INTEGER);\r\n-- rollback\r\nDROP TABLE a;\r\n",
        );
        for statements in [
            "CREATE TABLE a (id INTEGER);CREATE TABLE b (id INTEGER);",
            "CREATE TABLE a (id INTEGER);;CREATE TABLE b (id INTEGER);",
            "CREATE TABLE a (id INTEGER);CREATE TABLE b (id INTEGER)",
            "CREATE TABLE a (id INTEGER)CREATE TABLE b (id INTEGER)",
            "CREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);",
        ] {
            assert!(all_of.contains(&sum(statements)), "{statements}");
        }
        assert!(!all_of.contains(&sum("CREATE TABLE a (id INTEGER)")));
        assert_eq!(sum(""), OF_NOTHING);
        // A file without the marker had no statement there.
        assert!(!all("CREATE TABLE a (id INTEGER);\n").contains(&OF_NOTHING.to_owned()));
    }
}
