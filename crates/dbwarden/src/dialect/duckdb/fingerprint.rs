//! What DuckDB is asked for a fingerprint, by its own catalogue (<https://duckdb.org/docs/stable/sql/meta/duckdb_table_functions>).
//!
//! Left out: what is temporary, what is attached, and what belongs to the instance and not to the file: settings, secrets, extensions.

use crate::dialect::{Catalog, Entry, Fingerprinting};
use crate::value::Row;

pub(super) static FINGERPRINT: Fingerprinting = Fingerprinting {
    home: "main",
    folds: true,
    begin: &["BEGIN TRANSACTION"],
    end: "COMMIT",
    catalogs: &[
        Catalog::of(SCHEMAS),
        Catalog::of(TABLES),
        Catalog::of(COLUMNS),
        Catalog::of(CONSTRAINTS),
        Catalog::of(INDEXES),
        Catalog::of(SEQUENCES),
        Catalog::asking(TYPES, type_of),
        Catalog::of(MACROS),
    ],
    columns: VALUES,
};

/// The session's own database as a text: [`HOME_TEXT`](super::HOME_TEXT).
macro_rules! home {
    () => {
        "'\u{1}home'"
    };
}

macro_rules! here {
    () => {
        concat!("database_name = ", home!(), " AND NOT internal")
    };
}

const SCHEMAS: &str = concat!(
    "SELECT 'schema', NULL, NULL, schema_name, coalesce('COMMENT ' || comment, '') FROM duckdb_schemas() WHERE schema_name <> 'main' AND ",
    here!()
);

const TABLES: &str = concat!(
    "SELECT 'table', schema_name, table_name, NULL, sql || coalesce(' COMMENT ' || comment, '') FROM duckdb_tables() WHERE NOT temporary AND ",
    here!(),
    " UNION ALL SELECT 'view', schema_name, view_name, NULL, sql || coalesce(' COMMENT ' || comment, '') FROM duckdb_views() \
     WHERE NOT temporary AND ",
    here!()
);

const COLUMNS: &str = concat!(
    "SELECT 'column', schema_name, table_name, column_name, column_index || ': ' || data_type \
     || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END || coalesce(' DEFAULT ' || column_default, '') \
     || coalesce(' COMMENT ' || comment, '') FROM duckdb_columns() WHERE ",
    here!(),
    " AND table_oid IN (SELECT table_oid FROM duckdb_tables() WHERE NOT temporary AND ",
    here!(),
    ")"
);

const CONSTRAINTS: &str = concat!(
    "SELECT 'constraint', schema_name, table_name, coalesce(constraint_name, constraint_index::VARCHAR), constraint_text \
     FROM duckdb_constraints() WHERE database_name = ",
    home!()
);

const INDEXES: &str = concat!(
    "SELECT 'index', schema_name, table_name, index_name, sql || coalesce(' COMMENT ' || comment, '') FROM duckdb_indexes() \
     WHERE database_name = ",
    home!()
);

/// A sequence, and where it stands: once a number was taken, the start is that place too.
const SEQUENCES: &str = concat!(
    "SELECT 'sequence', schema_name, NULL, sequence_name, concat_ws(' ', 'by', increment_by, 'min', min_value, \
     'max', max_value, CASE WHEN cycle THEN 'cycle' END, 'COMMENT ' || comment) FROM duckdb_sequences() \
     WHERE NOT temporary AND database_name = ",
    home!(),
    " UNION ALL SELECT 'position of sequence', schema_name, NULL, sequence_name, coalesce('behind ' || last_value, 'at ' || start_value) \
     FROM duckdb_sequences() WHERE NOT temporary AND database_name = ",
    home!()
);

/// The catalogue has the labels of an ENUM, and of other types the sort alone.
const TYPES: &str = concat!(
    "SELECT 'type', schema_name, NULL, type_name, 'SELECT typeof(NULL::\"' || replace(schema_name, '\"', '\"\"') || '\".\"' \
     || replace(type_name, '\"', '\"\"') || '\")' || coalesce(' || '' COMMENT ' || replace(comment, '''', '''''') || '''', '') \
     FROM duckdb_types() WHERE ",
    here!()
);

fn type_of(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    entry.definition = rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
    vec![entry]
}

const MACROS: &str = concat!(
    "SELECT replace(function_type, '_', ' '), schema_name, NULL, function_name, concat_ws(' ', macro_definition, 'COMMENT ' || comment), \
     '(' || array_to_string(parameters, ', ') || ')' FROM duckdb_functions() WHERE function_type IN ('macro', 'table_macro') AND ",
    here!()
);

/// As text, which tells all values of all types apart.
const VALUES: &str = concat!(
    "SELECT c.schema_name, c.table_name, '\"' || replace(c.database_name, '\"', '\"\"') || '\".\"' || replace(c.schema_name, '\"', '\"\"') \
     || '\".\"' || replace(c.table_name, '\"', '\"\"') || '\" AS x', c.column_name, \
     'CAST(x.\"' || replace(c.column_name, '\"', '\"\"') || '\" AS VARCHAR)' FROM duckdb_columns() AS c \
     JOIN duckdb_tables() AS t ON t.table_oid = c.table_oid AND t.database_oid = c.database_oid WHERE c.database_name = ",
    home!(),
    " AND NOT t.internal AND NOT t.temporary ORDER BY c.schema_name, c.table_name, c.column_index"
);

#[cfg(test)]
mod tests {
    #[test]
    fn the_home_is_the_drivers() {
        assert_eq!(home!(), super::super::HOME_TEXT);
    }
}
