//! What became of a statement that commits by itself when its run was killed.
//!
//! The server does a definition whole or not at all (<https://dev.mysql.com/doc/refman/8.4/en/atomic-ddl.html>,
//! <https://mariadb.com/kb/en/atomic-ddl/>). So what the catalogue says of the things that a statement touches is recorded before it, in
//! one packet with it: where it says something else now, the statement was done. That nobody else has changed them meanwhile is taken
//! for granted.

use super::quote;
use super::words::{Name, Words};
use crate::dialect::{Comparison, Settle};
use crate::value::Value;

/// A sum over rows in whatever order they come. Not `GROUP_CONCAT`, which cuts what is longer than its limit
/// (<https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_group_concat_max_len>).
fn sum(columns: &str, table: &str, condition: &str) -> String {
    format!(
        "SELECT CONCAT(COUNT(*), ':', COALESCE(BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS('|', {columns})), 16), 16, 10) AS UNSIGNED)), 0)) \
         FROM information_schema.{table} WHERE {condition}"
    )
}

/// An expression with its parameters, put together piece by piece.
#[derive(Default)]
struct Evidence {
    pieces: Vec<String>,
    parameters: Vec<Value>,
}

impl Evidence {
    /// Adds a sum over the rows of `table` in the catalogue that are of `name`, by the columns of its database and its name.
    fn add(&mut self, columns: &str, table: &str, (database, key): (&str, &str), name: &Name, more: &str) {
        let home = match &name.database {
            Some(database) => {
                self.parameters.push(database.as_str().into());
                "?"
            }
            None => "DATABASE()",
        };
        self.parameters.push(name.name.as_str().into());
        self.pieces
            .push(format!("({})", sum(columns, table, &format!("{database} = {home} AND {key} = ?{more}"))));
    }

    /// What stands behind a SELECT; a file may have set `sql_select_limit`, from which LIMIT keeps it.
    fn text(&self) -> String {
        format!("CONCAT_WS('/', {}) LIMIT 1", self.pieces.join(", "))
    }

    fn compare(self) -> Settle {
        Settle::Compare(self.comparison())
    }

    fn comparison(self) -> Comparison {
        Comparison { evidence: self.text(), parameters: self.parameters, blind: false, parts: None }
    }

    fn blind(self) -> Settle {
        Settle::Compare(Comparison { blind: true, ..self.comparison() })
    }
}

const TABLE: (&str, &str) = ("table_schema", "table_name");

/// Whether a table or a view is there.
fn existence(name: &Name, evidence: &mut Evidence) {
    evidence.add("table_name", "tables", TABLE, name, "");
}

/// All that defines a table; what its rows change (their number, the next `AUTO_INCREMENT`) does not count.
fn definition(name: &Name, evidence: &mut Evidence) {
    let catalogue = [
        ("tables", "table_type, engine, row_format, table_collation, create_options, table_comment", TABLE),
        (
            "columns",
            "column_name, ordinal_position, COALESCE(column_default, '\\0'), is_nullable, column_type, \
             COALESCE(collation_name, ''), extra, column_comment, COALESCE(generation_expression, '')",
            TABLE,
        ),
        (
            "statistics",
            "index_name, seq_in_index, COALESCE(column_name, ''), non_unique, COALESCE(sub_part, ''), index_type, \
             COALESCE(collation, ''), index_comment",
            TABLE,
        ),
        ("table_constraints", "constraint_name, constraint_type", TABLE),
        (
            "key_column_usage",
            "constraint_name, column_name, ordinal_position, COALESCE(referenced_table_schema, ''), \
             COALESCE(referenced_table_name, ''), COALESCE(referenced_column_name, '')",
            TABLE,
        ),
        (
            "referential_constraints",
            "constraint_name, update_rule, delete_rule",
            ("constraint_schema", "table_name"),
        ),
        (
            "partitions",
            "COALESCE(partition_name, ''), COALESCE(subpartition_name, ''), COALESCE(partition_method, ''), \
             COALESCE(partition_expression, ''), COALESCE(partition_description, ''), partition_comment",
            TABLE,
        ),
    ];
    for (table, columns, key) in catalogue {
        evidence.add(columns, table, key, name, "");
    }
}

pub(super) fn settle(statement: &str) -> Settle {
    let mut words = Words::of(statement);
    match words.next_upper().as_str() {
        "CREATE" => create(words),
        "DROP" => drop_object(words),
        "ALTER" => alter(words),
        // https://mariadb.com/kb/en/set-statement/: what stands behind FOR is the statement.
        "SET" if words.accept("STATEMENT") => {
            words.skip_to(&["FOR"]).and_then(|_| words.rest_text()).map_or(Settle::Ask, settle)
        }
        "RENAME" if words.accept_any(&["TABLE", "TABLES"]) => rename(words),
        "TRUNCATE" => truncate(words),
        "ANALYZE" | "CACHE" | "CHECK" | "CHECKSUM" | "FLUSH" | "GRANT" | "LOAD" | "OPTIMIZE" | "REPAIR"
        | "RESET" | "SET" => Settle::Again,
        _ => Settle::Ask,
    }
}

/// What stands between CREATE or ALTER and the sort of the object.
fn skip_attributes(words: &mut Words<'_>) {
    const SORTS: &[&str] = &[
        "TABLE",
        "INDEX",
        "VIEW",
        "PROCEDURE",
        "FUNCTION",
        "TRIGGER",
        "EVENT",
        "DATABASE",
        "SCHEMA",
        "SEQUENCE",
        "USER",
        "ROLE",
        "SERVER",
        "TABLESPACE",
        "PACKAGE",
        "LOGFILE",
        "UNDO",
        "SPATIAL",
        "RESOURCE",
    ];
    // UNIQUE, FULLTEXT, AGGREGATE, ONLINE, ALGORITHM = …, DEFINER = `a`@`b`, SQL SECURITY …
    while !words.rest().is_empty() && !SORTS.iter().any(|sort| words.is(sort)) {
        words.next();
    }
    if words.accept("SPATIAL") && !words.is("INDEX") {
        words.next();
    }
}

fn if_exists(words: &mut Words<'_>) {
    if !words.accept_all(&["IF", "NOT", "EXISTS"]) {
        words.accept_all(&["IF", "EXISTS"]);
    }
}

fn create(mut words: Words<'_>) -> Settle {
    // It says how things should be, whatever is there. A table under its name is no sign of it, and neither is none: the old one goes
    // before the new one comes (https://mariadb.com/kb/en/create-table/#create-or-replace).
    if words.accept_all(&["OR", "REPLACE"]) {
        return Settle::Again;
    }
    skip_attributes(&mut words);
    let sort = words.next_upper();
    let idempotent = words.has(&["IF", "NOT", "EXISTS"]);
    if_exists(&mut words);
    let mut evidence = Evidence::default();
    if sort == "INDEX" {
        return index(words, false);
    }
    if ["USER", "ROLE"].contains(&sort.as_str()) {
        return if idempotent { Settle::Again } else { Settle::Ask };
    }
    let Some(name) = words.name() else { return Settle::Ask };
    match sort.as_str() {
        "TABLE" | "SEQUENCE" => existence(&name, &mut evidence),
        "VIEW" => view(&name, &mut evidence),
        "DATABASE" | "SCHEMA" => schema(&name, &mut evidence),
        sort => {
            if !stored(sort, &name, &mut evidence) {
                return Settle::Ask;
            }
        }
    }
    evidence.compare()
}

/// The table or sequence that `CREATE OR REPLACE` takes away first, and on MariaDB does not bring back where what follows fails
/// (<https://mariadb.com/kb/en/create-table/#create-or-replace>).
pub(super) fn replaced(statement: &str) -> Option<Name> {
    let mut words = Words::of(statement);
    if words.next_upper() != "CREATE" || !words.accept_all(&["OR", "REPLACE"]) || words.is("TEMPORARY") {
        return None;
    }
    skip_attributes(&mut words);
    if !["TABLE", "SEQUENCE"].contains(&words.next_upper().as_str()) {
        return None;
    }
    if_exists(&mut words);
    words.name()
}

fn view(name: &Name, evidence: &mut Evidence) {
    evidence.add("MD5(view_definition), check_option, security_type, definer", "views", TABLE, name, "");
}

fn schema(name: &Name, evidence: &mut Evidence) {
    evidence.parameters.push(name.name.as_str().into());
    let columns = "default_character_set_name, default_collation_name";
    evidence.pieces.push(format!("({})", sum(columns, "schemata", "schema_name = ?")));
}

/// Procedures, functions, triggers and events; returns whether it is one of these.
fn stored(sort: &str, name: &Name, evidence: &mut Evidence) -> bool {
    let routine = |evidence: &mut Evidence, sort: &str| {
        let columns = "routine_type, MD5(COALESCE(routine_definition, '')), last_altered, security_type, sql_data_access, \
                       routine_comment, definer";
        let of = format!(" AND routine_type = '{sort}'");
        evidence.add(columns, "routines", ("routine_schema", "routine_name"), name, &of);
    };
    match sort {
        "PROCEDURE" | "FUNCTION" => routine(evidence, sort),
        "TRIGGER" => evidence.add(
            "event_object_table, event_manipulation, action_timing, action_order, MD5(action_statement), definer",
            "triggers",
            ("trigger_schema", "trigger_name"),
            name,
            "",
        ),
        "EVENT" => evidence.add(
            "MD5(event_definition), event_type, COALESCE(execute_at, ''), COALESCE(interval_value, ''), \
             COALESCE(interval_field, ''), status, on_completion, event_comment, last_altered, definer",
            "events",
            ("event_schema", "event_name"),
            name,
            "",
        ),
        _ => return false,
    }
    true
}

/// An index of a table, behind its own name.
fn index(mut words: Words<'_>, dropped: bool) -> Settle {
    let Some(index) = words.name() else { return Settle::Ask };
    if words.skip_to(&["ON"]).is_none() {
        return Settle::Ask;
    }
    let Some(table) = words.name() else { return Settle::Ask };
    let mut evidence = Evidence::default();
    let columns = if dropped {
        "index_name"
    } else {
        "seq_in_index, COALESCE(column_name, ''), non_unique, COALESCE(sub_part, ''), index_type, index_comment"
    };
    evidence.add(columns, "statistics", TABLE, &table, " AND index_name = ?");
    evidence.parameters.push(index.name.into());
    evidence.compare()
}

fn drop_object(mut words: Words<'_>) -> Settle {
    let sort = words.next_upper();
    let forgiving = words.has(&["IF", "EXISTS"]);
    if_exists(&mut words);
    let mut evidence = Evidence::default();
    match sort.as_str() {
        "INDEX" => index(words, true),
        "TABLE" | "TABLES" | "VIEW" | "SEQUENCE" => {
            let sort = if sort == "TABLES" { "TABLE" } else { &sort };
            let mut all = Vec::new();
            loop {
                let Some(name) = words.name() else { return Settle::Ask };
                existence(&name, &mut evidence);
                all.push(match &name.database {
                    Some(database) => format!("{}.{}", quote(database), quote(&name.name)),
                    None => quote(&name.name),
                });
                if !words.accept(",") {
                    break;
                }
            }
            // MariaDB drops one after the other, and what is gone stays gone.
            let gone = vec!["0:0"; all.len()].join("/");
            let finish = format!("DROP {sort} IF EXISTS {}", all.join(", "));
            Settle::Compare(Comparison { parts: Some((gone, finish)), ..evidence.comparison() })
        }
        "DATABASE" | "SCHEMA" => match words.name() {
            Some(name) => {
                schema(&name, &mut evidence);
                evidence.compare()
            }
            None => Settle::Ask,
        },
        "USER" | "ROLE" if forgiving => Settle::Again,
        sort => match words.name() {
            Some(name) if stored(sort, &name, &mut evidence) => evidence.compare(),
            _ => Settle::Ask,
        },
    }
}

fn alter(mut words: Words<'_>) -> Settle {
    skip_attributes(&mut words);
    let sort = words.next_upper();
    if_exists(&mut words);
    let mut evidence = Evidence::default();
    let Some(name) = words.name() else { return Settle::Ask };
    match sort.as_str() {
        "TABLE" => {
            definition(&name, &mut evidence);
            // The rows change places, or come from elsewhere, and the catalogue shows nothing of it.
            if ["EXCHANGE", "TABLESPACE"].iter().any(|word| words.any(word))
                || words.has(&["TRUNCATE", "PARTITION"])
            {
                evidence.blind()
            } else {
                evidence.compare()
            }
        }
        "VIEW" => {
            view(&name, &mut evidence);
            evidence.compare()
        }
        "DATABASE" | "SCHEMA" => {
            schema(&name, &mut evidence);
            evidence.compare()
        }
        "USER" => Settle::Again,
        sort if stored(sort, &name, &mut evidence) => evidence.compare(),
        _ => Settle::Ask,
    }
}

/// All of it, or nothing; two tables that change places look alike where they are alike.
fn rename(mut words: Words<'_>) -> Settle {
    if_exists(&mut words);
    let (mut evidence, mut names) = (Evidence::default(), Vec::new());
    loop {
        let Some(from) = words.name() else { return Settle::Ask };
        // NOWAIT, WAIT n
        let Some(to) = words.skip_to(&["TO"]).and_then(|_| words.name()) else { return Settle::Ask };
        names.extend([from, to]);
        if !words.accept(",") {
            break;
        }
    }
    for name in &names {
        definition(name, &mut evidence);
    }
    evidence.blind()
}

/// Emptying what is empty does no harm; where there are rows, they may have come since.
fn truncate(mut words: Words<'_>) -> Settle {
    words.accept("TABLE");
    let Some(name) = words.name() else { return Settle::Ask };
    let table = match &name.database {
        Some(database) => format!("{}.{}", quote(database), quote(&name.name)),
        None => quote(&name.name),
    };
    let query = format!(
        "SELECT IF(EXISTS (SELECT 1 FROM {table}), 'ask', 'again'), 'the table has rows, which may have come since' LIMIT 1"
    );
    Settle::Look { query, parameters: Vec::new(), before: false }
}
