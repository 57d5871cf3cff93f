//! What SQLite is asked for a fingerprint (<https://www.sqlite.org/schematab.html>). Definitions are the text that made them, so that
//! a table that was altered differs from one that was made so at once.
//!
//! Left out: what ANALYZE found, the rows of tables that a virtual table keeps for itself (its own rows are read in their place),
//! numbers of rows that no column shows, and attached files.

use crate::dialect::{Catalog, Entry, Fingerprinting};
use crate::value::Row;

pub(super) static FINGERPRINT: Fingerprinting = Fingerprinting {
    home: "main",
    folds: true,
    // Not one that may write: a reader keeps nobody waiting for long.
    begin: &["BEGIN"],
    end: "COMMIT",
    catalogs: &[
        Catalog::of(OBJECTS),
        Catalog::of(COLUMNS),
        Catalog::of(SETTINGS),
        Catalog::asking(LAST_NUMBERS, last_numbers),
    ],
    columns: VALUES,
};

/// What is there without a text comes with its table.
const OBJECTS: &str = "SELECT type, 'main', tbl_name, CASE WHEN type IN ('table', 'view') THEN NULL ELSE name END, sql \
     FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// Those of tables: a view may not be readable, and its text says all.
const COLUMNS: &str = "SELECT 'column', 'main', t.name, c.name, \
     printf('%d: %s', c.cid + 1, c.type) || CASE WHEN c.\"notnull\" THEN ' NOT NULL' ELSE '' END \
     || coalesce(' DEFAULT ' || c.dflt_value, '') || CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END \
     || CASE c.hidden WHEN 2 THEN ' virtual' WHEN 3 THEN ' stored' ELSE '' END \
     FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name, 'main') AS c \
     WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// What stands in the file's header (<https://www.sqlite.org/fileformat2.html#the_database_header>), where it is not as in a new one.
const SETTINGS: &str = "SELECT 'user_version', NULL, NULL, NULL, user_version FROM pragma_user_version WHERE user_version <> 0 \
     UNION ALL SELECT 'application_id', NULL, NULL, NULL, application_id FROM pragma_application_id WHERE application_id <> 0 \
     UNION ALL SELECT 'encoding', NULL, NULL, NULL, encoding FROM pragma_encoding WHERE encoding <> 'UTF-8'";

/// Of tables with AUTOINCREMENT (<https://www.sqlite.org/autoinc.html>); there is such a table once there is one of them.
const LAST_NUMBERS: &str = "SELECT 'last number of', 'main', NULL, NULL, 'SELECT name, seq FROM main.sqlite_sequence' \
     FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";

fn last_numbers(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let of = |row: &Row| Entry {
        table: row.optional_text(0),
        definition: row.get(1).to_string(),
        ..entry.clone()
    };
    rows.iter().map(of).collect()
}

/// Without the columns that a virtual table has for its own use.
const VALUES: &str = "SELECT 'main', t.name, 'main.\"' || replace(t.name, '\"', '\"\"') || '\" AS x', c.name, \
     'x.\"' || replace(c.name, '\"', '\"\"') || '\"' \
     FROM pragma_table_list AS t LEFT JOIN pragma_table_xinfo(t.name, 'main') AS c ON c.hidden <> 1 \
     WHERE t.schema = 'main' AND t.type IN ('table', 'virtual') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid";
