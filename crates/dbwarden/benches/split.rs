//! How fast statements are cut, for each dialect, on some 64 MB of ordinary SQL: `cargo bench -p dbwarden --bench split`,
//! with words such as `-- sqlite inserts` for one of them.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::fmt::Write as _;
use std::time::Instant;

use dbwarden::sql::{Event, Reader, Rules, Syntax, tokens};

const SIZE: usize = 64 << 20;

/// One row for each INSERT, as seed files are written.
fn inserts(syntax: Syntax) -> String {
    let mut text = table(syntax);
    let mut i = 0u32;
    while text.len() < SIZE {
        writeln!(
            text,
            "INSERT INTO users (id, email, name, active, created_at) VALUES ({i}, 'user{i}@example.com', 'O''Brien {i}', true, \
             '2024-01-01 00:00:00');"
        )
        .unwrap_or_default();
        i += 1;
    }
    text
}

/// A thousand rows for each INSERT, as dumps are written.
fn dump(syntax: Syntax) -> String {
    let mut text = table(syntax);
    let mut i = 0u32;
    while text.len() < SIZE {
        text += "INSERT INTO users VALUES ";
        for _ in 0..1000 {
            let _ = write!(
                text,
                "({i},'user{i}@example.com','a longer text that says nothing; and goes on',NULL,{i}.5),"
            );
            i += 1;
        }
        text.pop();
        text += ";\n";
    }
    text
}

fn tables(syntax: Syntax) -> String {
    let one = table(syntax);
    one.repeat(SIZE / one.len())
}

fn table(syntax: Syntax) -> String {
    let mut text = String::from(
        "-- the people\nCREATE TABLE users (\n    id INTEGER PRIMARY KEY,\n    email VARCHAR(255) NOT NULL UNIQUE, -- lower case\n    \
         name TEXT DEFAULT '',\n    active BOOLEAN NOT NULL DEFAULT true\n);\n\n/* found by name */\nCREATE INDEX users_name ON users (name);\n",
    );
    text += match syntax {
        Syntax::Sqlite => {
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN\n  UPDATE users SET name = 'x' WHERE id = new.id;\nEND;\n"
        }
        Syntax::Postgres => {
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN new;\nEND;\n$$;\n"
        }
        Syntax::Mysql => {
            "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW BEGIN\n  IF NEW.name IS NULL THEN SET NEW.name = 'x'; END IF;\nEND;\n"
        }
        Syntax::Duckdb => "CREATE MACRO f(a) AS a + 1;\n",
    };
    text
}

/// Triggers and functions with long bodies of statements, as MySQL's client wants them and without a `DELIMITER`.
fn bodies(syntax: Syntax, delimiter: bool) -> String {
    let statements = "  -- keep the sums right\n  UPDATE accounts SET balance = balance + new.amount WHERE id = new.account_id;\n  \
        INSERT INTO refused (account_id, why) VALUES (new.account_id, CASE WHEN new.amount < 0 THEN 'too small' ELSE 'unknown' END);\n";
    let statements = statements.repeat(6);
    let one = match syntax {
        Syntax::Sqlite => format!("CREATE TRIGGER book AFTER INSERT ON bookings BEGIN\n{statements}END;\n"),
        Syntax::Postgres => {
            format!("CREATE FUNCTION book() RETURNS void LANGUAGE sql BEGIN ATOMIC\n{statements}END;\n")
        }
        Syntax::Mysql if delimiter => format!(
            "DELIMITER $$\nCREATE TRIGGER book AFTER INSERT ON bookings FOR EACH ROW BEGIN\n{statements}END$$\nDELIMITER ;\n"
        ),
        Syntax::Mysql => {
            format!("CREATE TRIGGER book AFTER INSERT ON bookings FOR EACH ROW BEGIN\n{statements}END;\n")
        }
        Syntax::Duckdb => format!("CREATE MACRO book() AS $$\n{statements}$$;\n"),
    };
    one.repeat(SIZE / one.len())
}

/// Makes the text of one kind.
type Text = fn(Syntax) -> String;

fn main() {
    // `cargo test --all-targets` starts benches too, without this word.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for syntax in [Syntax::Sqlite, Syntax::Postgres, Syntax::Mysql, Syntax::Duckdb] {
        let kinds: [(&str, Text); 5] = [
            ("inserts", inserts),
            ("dump", dump),
            ("tables", tables),
            ("bodies", |syntax| bodies(syntax, false)),
            ("delimiter", |syntax| bodies(syntax, true)),
        ];
        for (name, text) in kinds {
            let heading = format!("{syntax:?} {name}").to_lowercase();
            let client_only = name == "delimiter" && syntax != Syntax::Mysql;
            if client_only || !wanted.iter().all(|word| heading.contains(word.as_str())) {
                continue;
            }
            let text = text(syntax);
            let megabytes = text.len() as f64 / 1e6;
            let mut best = f64::MAX;
            let mut statements = 0u64;
            for _ in 0..7 {
                let begun = Instant::now();
                let mut reader = Reader::new(text.as_bytes(), Rules::new(syntax))
                    .with_breaks(|comment| comment == "-- rollback");
                statements = 0;
                while let Ok(Some(event)) = reader.next() {
                    statements += u64::from(matches!(event, Event::Statement(_)));
                }
                best = best.min(begun.elapsed().as_secs_f64());
            }
            let begun = Instant::now();
            let count = tokens(&text, Rules::new(syntax)).count();
            let alone = megabytes / begun.elapsed().as_secs_f64();
            println!(
                "{syntax:?} {name}: {:.0} MB/s, {statements} statements; tokens alone {alone:.0} MB/s, {count} tokens",
                megabytes / best
            );
        }
    }
}
