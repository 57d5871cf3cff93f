//! What MySQL and MariaDB are asked for a fingerprint, and how a database is made beside another. Tables are told by the server's own
//! `SHOW CREATE TABLE` (<https://dev.mysql.com/doc/refman/8.4/en/show-create-table.html>), part by part.
//!
//! Left out: what accounts may do, the character set of the database itself (each table has its own), temporary tables, and when an
//! event runs first, where nobody said it: it has an object of its own. Numbers of type FLOAT are compared as they are shown, with six
//! digits (<https://dev.mysql.com/doc/refman/8.4/en/problems-with-float.html>).

use crate::dialect::{Catalog, Entry, Fingerprinting, Scratching};
use crate::value::{Row, Value};

pub(super) static FINGERPRINT: Fingerprinting = Fingerprinting {
    // A database has no schemas in it.
    home: "",
    folds: true,
    begin: BEGIN,
    end: "COMMIT",
    catalogs: &[
        Catalog::asking(TABLES, parts_of_table),
        Catalog::asking(VIEWS, shown),
        Catalog::asking(ROUTINES, shown),
        Catalog::asking(SEQUENCES, shown),
        Catalog::asking(POSITIONS, position),
        Catalog::of(TRIGGERS),
        Catalog::of(EVENTS),
    ],
    columns: VALUES,
};

/// What a session or an account may be set to and what changes how something is written. A snapshot is one of rows alone: definitions
/// are as they are when they are asked for.
const BEGIN: &[&str] = &[
    "SET SESSION sql_mode = '', time_zone = '+00:00', sql_quote_show_create = 1",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// `SHOW CREATE` of `$what`, whose name is in the column `$name`.
macro_rules! show {
    ($what:literal, $name:literal) => {
        concat!("CONCAT('SHOW CREATE ', ", $what, ", ' `', REPLACE(", $name, ", '`', '``'), '`')")
    };
}

const TABLES: &str = concat!(
    "SELECT 'table', NULL, table_name, NULL, ",
    show!("'TABLE'", "table_name"),
    " FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
);

const VIEWS: &str = concat!(
    "SELECT 'view', NULL, table_name, NULL, ",
    show!("'VIEW'", "table_name"),
    " FROM information_schema.views WHERE table_schema = DATABASE()"
);

const ROUTINES: &str = concat!(
    "SELECT LOWER(routine_type), NULL, NULL, routine_name, ",
    show!("routine_type", "routine_name"),
    " FROM information_schema.routines WHERE routine_schema = DATABASE()"
);

/// MariaDB's (<https://mariadb.com/kb/en/sequences/>).
const SEQUENCES: &str = concat!(
    "SELECT 'sequence', NULL, table_name, NULL, ",
    show!("'SEQUENCE'", "table_name"),
    " FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'"
);

const POSITIONS: &str = "SELECT 'position of sequence', NULL, table_name, NULL, \
     CONCAT('SELECT next_not_cached_value, cycle_count FROM `', REPLACE(table_name, '`', '``'), '`') \
     FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'";

const TRIGGERS: &str = "SELECT 'trigger', NULL, event_object_table, trigger_name, CONCAT_WS(' ', action_timing, event_manipulation, \
     action_order, 'DEFINER', definer, 'SQL_MODE', QUOTE(sql_mode), character_set_client, collation_connection, database_collation, \
     action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE()";

/// Where nobody says when an event begins, it is when it was made.
const EVENTS: &str = "SELECT 'event', NULL, NULL, event_name, CONCAT_WS(' ', event_type, execute_at, interval_value, interval_field, ends, \
     status, on_completion, 'DEFINER', definer, 'SQL_MODE', QUOTE(sql_mode), time_zone, character_set_client, collation_connection, \
     database_collation, QUOTE(event_comment), event_definition) FROM information_schema.events WHERE event_schema = DATABASE() \
     UNION ALL SELECT 'start of event', NULL, NULL, event_name, starts FROM information_schema.events \
     WHERE event_schema = DATABASE() AND starts IS NOT NULL";

/// All that the server says, but for the object's own name and when it was made. An account that may not see it gets nothing in its
/// place.
fn shown(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    let said = rows.iter().flat_map(|row| row.0.iter().skip(1));
    let said = said.map(|value| match value {
        Value::Null => "(not shown to this account)".to_owned(),
        value => value.to_string(),
    });
    entry.definition = said.collect::<Vec<_>>().join("\n");
    vec![entry]
}

fn position(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    let Some(row) = rows.first() else { return Vec::new() };
    entry.definition = format!("{} in round {}", row.get(0), row.get(1));
    vec![entry]
}

/// What a number that comes next stands behind, in the options of a table.
const NEXT: &str = " AUTO_INCREMENT=";

/// The table's options, and each line of its text by its own name.
fn parts_of_table(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let text = rows.first().map(|row| row.text(1)).unwrap_or_default();
    let mut found: Vec<Entry> = Vec::new();
    let mut options: Option<String> = None;
    let mut columns = 0;
    // The first line names the table.
    for line in text.lines().skip(1) {
        if let Some(options) = &mut options {
            options.push('\n');
            options.push_str(line);
        } else if line.starts_with(')') {
            options = Some(line.to_owned());
        } else if let Some((sort, name)) = part(line) {
            let mut definition = line.trim().to_owned();
            if sort == "column" {
                columns += 1;
                definition = format!("{columns}: {definition}");
            }
            found.push(Entry { sort: sort.to_owned(), name: Some(name), definition, ..entry.clone() });
        } else if let Some(last) = found.last_mut() {
            last.definition.push('\n');
            last.definition.push_str(line);
        }
    }
    // Whether another line follows says nothing of it.
    for part in &mut found {
        part.definition.truncate(part.definition.trim_end_matches(',').len());
    }
    let mut options = options.unwrap_or_default();
    if let Some(at) = options.find(NEXT) {
        let digits = options[at + NEXT.len()..].chars().take_while(char::is_ascii_digit).count();
        let end = at + NEXT.len() + digits;
        let definition = options[at + NEXT.len()..end].to_owned();
        found.push(Entry { sort: "next number of".to_owned(), definition, ..entry.clone() });
        options.replace_range(at..end, "");
    }
    found.push(Entry { definition: options, ..entry.clone() });
    found
}

/// What a line of a table's text is, and its name.
fn part(line: &str) -> Option<(&'static str, String)> {
    let rest = line.strip_prefix("  ")?;
    let word = rest.split(' ').next().unwrap_or_default();
    let sort = match word {
        _ if rest.starts_with('`') => "column",
        "PRIMARY" => return Some(("index", "PRIMARY".to_owned())),
        "KEY" | "UNIQUE" | "FULLTEXT" | "SPATIAL" | "VECTOR" => "index",
        "CONSTRAINT" => "constraint",
        "PERIOD" | "CHECK" => return Some(("constraint", rest.trim_end_matches(',').to_owned())),
        _ => return None,
    };
    Some((sort, name(rest)?))
}

/// The first name in backquotes.
fn name(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut characters = text[text.find('`')? + 1..].chars().peekable();
    while let Some(c) = characters.next() {
        if c == '`' && characters.next_if_eq(&'`').is_none() {
            return Some(name);
        }
        name.push(c);
    }
    None
}

const VALUES: &str = "SELECT NULL, t.table_name, CONCAT('`', REPLACE(t.table_name, '`', '``'), '` AS x'), c.column_name, \
     CONCAT('x.`', REPLACE(c.column_name, '`', '``'), '`') FROM information_schema.tables AS t JOIN information_schema.columns AS c \
     ON c.table_schema = t.table_schema AND c.table_name = t.table_name WHERE t.table_schema = DATABASE() \
     AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY CAST(t.table_name AS BINARY), c.ordinal_position";

pub(super) static SCRATCH: Scratching = Scratching {
    like: "SELECT CONCAT(' CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name) \
           FROM information_schema.schemata WHERE schema_name = DATABASE()",
    alike: None,
    drop: &["DROP DATABASE IF EXISTS {name}"],
    taken: "1007",
    right: "CREATE",
    grant: "SELECT CONCAT('GRANT ALL PRIVILEGES ON `dbwarden\\_scratch\\_%`.* TO ', QUOTE(LEFT(CURRENT_USER(), \
            CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1)), '@', \
            QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_table_comes_apart_by_line() {
        let text = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a``b` text DEFAULT 'x,',\n  `c` int(11) GENERATED ALWAYS AS ('x\n\
                    y') STORED,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`c`),\n  CONSTRAINT `f` FOREIGN KEY (`c`) REFERENCES `t` (`id`),\n  \
                    CONSTRAINT `k` CHECK (`c` > 0)\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4\n PARTITION BY HASH (`id`)";
        let entry = Entry::of(Row(vec!["table".into(), Value::Null, "t".into()]));
        let found = parts_of_table(&entry, &[Row(vec!["t".into(), text.into()])]);
        let lines: Vec<_> = found
            .iter()
            .map(|it| format!("{} {}: {:?}", it.sort, it.name.as_deref().unwrap_or("-"), it.definition))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
