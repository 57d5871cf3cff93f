//! A table made anew, where ALTER TABLE cannot change it: make, copy, drop, rename, in the order that SQLite's makers give
//! (<https://www.sqlite.org/lang_altertable.html#otheralter>).
//!
//! Foreign keys are off while it happens, so that dropping the table deletes no rows that refer to it; what refers to nothing
//! afterwards is found before the COMMIT (docs/design/0008). The copy overrules the table's own ON CONFLICT, which could
//! leave rows out, and the rows are counted before the table is dropped. Views and triggers that name the table are dropped first and
//! made again last, since SQLite renames nothing while one of them names a table that is not there. Definitions are made again
//! as they were written.

use std::collections::BTreeSet;

use super::Sqlite;
use super::table::{TableText, bare, computes_with, mentions};
use crate::dialect::Dialect;
use crate::dialect::render::{Render, RenderError, Sql};
use crate::operation::TableName;
use crate::value::{Row, Value};

/// What the database says of a table and of all that names it.
#[derive(Debug)]
pub(super) struct Live {
    /// The table's name, as it was written when it was made.
    pub(super) name: String,
    pub(super) text: TableText,
    columns: Vec<LiveColumn>,
    objects: Vec<Object>,
    /// The columns that each index is of, as pairs of its name and theirs; expressions are not among them.
    keys: Vec<(String, String)>,
}

#[derive(Debug)]
struct LiveColumn {
    name: String,
    key: bool,
    /// It is computed, and cannot be written.
    generated: bool,
}

/// A row of `sqlite_schema`.
#[derive(Debug)]
pub(super) struct Object {
    kind: String,
    pub(super) name: String,
    table: String,
    pub(super) sql: String,
}

/// What must be asked before a table is made anew.
pub(super) fn asks(table: &TableName) -> Vec<(String, Vec<Value>)> {
    vec![
        ("SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid".to_owned(), Vec::new()),
        (
            "SELECT name, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid".to_owned(),
            vec![table.name.as_str().into()],
        ),
        (
            "SELECT i.name, k.name FROM pragma_index_list(?, 'main') AS i, pragma_index_xinfo(i.name, 'main') AS k \
             WHERE k.key = 1 AND k.name IS NOT NULL"
                .to_owned(),
            vec![table.name.as_str().into()],
        ),
    ]
}

impl Live {
    /// Reads the answers to [`asks`].
    ///
    /// # Errors
    /// The table is not there, or is not one that can be made anew.
    pub(super) fn read(table: &TableName, answers: &[Vec<Row>]) -> Result<Self, RenderError> {
        let stubborn = |reason: String| RenderError::Stubborn { table: table.clone(), reason };
        if table.schema.as_ref().is_some_and(|schema| !schema.eq_ignore_ascii_case("main")) {
            return Err(stubborn("it is in another database than main".to_owned()));
        }
        let rows = |at: usize| answers.get(at).map_or(&[][..], Vec::as_slice);
        let text = |row: &Row, at: usize| row.text(at).to_owned();
        let objects: Vec<Object> = rows(0)
            .iter()
            .map(|row| Object {
                kind: text(row, 0),
                name: text(row, 1),
                table: text(row, 2),
                sql: text(row, 3),
            })
            .collect();
        let found = objects.iter().find(|object| {
            matches!(object.kind.as_str(), "table" | "view") && object.name.eq_ignore_ascii_case(&table.name)
        });
        let found = found.ok_or_else(|| RenderError::NoTable { table: table.clone() })?;
        let parsed = TableText::parse(&found.sql).map_err(stubborn)?;
        let columns = rows(1)
            .iter()
            .map(|row| LiveColumn {
                name: text(row, 0),
                key: row.integer(1).is_some_and(|place| place > 0),
                generated: row.integer(2).is_some_and(|hidden| hidden > 1),
            })
            .collect();
        let keys = rows(2).iter().map(|row| (text(row, 0), text(row, 1))).collect();
        Ok(Self { name: found.name.clone(), text: parsed, columns, objects, keys })
    }

    /// Returns the place of a column in the definition.
    pub(super) fn position(&self, table: &TableName, column: &str) -> Result<usize, RenderError> {
        let none = || RenderError::NoColumn { table: table.clone(), column: column.to_owned() };
        self.text.position(column).ok_or_else(none)
    }

    /// Returns whether the column at `at` is another name of the row's number.
    pub(super) fn numbers(&self, at: usize) -> bool {
        let mut keys = self.columns.iter().filter(|column| column.key);
        let alone = match (keys.next(), keys.next()) {
            (Some(key), None) => self.text.position(&key.name) == Some(at),
            _ => false,
        };
        alone && !self.text.without_rowid() && is_integer_key(&self.text, at)
    }

    /// Returns the indexes that somebody made, in order.
    pub(super) fn indexes(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| {
            object.kind == "index" && object.table.eq_ignore_ascii_case(&self.name) && !object.sql.is_empty()
        })
    }

    /// Returns whether an index is of a column, or has it in an expression or in its condition.
    pub(super) fn is_of(&self, index: &Object, column: &str) -> bool {
        let key = |(of, name): &(String, String)| {
            of.eq_ignore_ascii_case(&index.name) && name.eq_ignore_ascii_case(column)
        };
        self.keys.iter().any(key) || computes_with(&index.sql, column)
    }

    /// Returns the views and triggers that name the table, or a view that does, in the order in which they can be made again.
    pub(super) fn dependents(&self) -> Vec<&Object> {
        let mut names = BTreeSet::from([self.name.to_ascii_lowercase()]);
        loop {
            let known = names.len();
            let views = self.objects.iter().filter(|object| object.kind == "view");
            let more: Vec<_> = views
                .filter(|view| names.iter().any(|name| mentions(&view.sql, name)))
                .map(|view| view.name.to_ascii_lowercase())
                .collect();
            names.extend(more);
            if names.len() == known {
                break;
            }
        }
        let is_one = |object: &&Object| {
            let of = names.contains(&object.table.to_ascii_lowercase());
            match object.kind.as_str() {
                "view" => names.contains(&object.name.to_ascii_lowercase()),
                "trigger" => of || names.iter().any(|name| mentions(&object.sql, name)),
                _ => false,
            }
        };
        let (views, triggers): (Vec<_>, Vec<_>) =
            self.objects.iter().filter(is_one).partition(|object| object.kind == "view");
        [views, triggers].concat()
    }

    /// A name beside the table's that nothing has.
    fn free(&self, end: &str) -> String {
        let free = |name: &String| !self.objects.iter().any(|object| object.name.eq_ignore_ascii_case(name));
        let mut names = (0..).map(|at| match at {
            0 => format!("{}__{end}", self.name),
            _ => format!("{}__{end}{at}", self.name),
        });
        names.find(free).unwrap_or_default()
    }
}

/// One way of a rebuild.
pub(super) struct Rebuild<'a> {
    pub(super) live: &'a Live,
    /// What the table is before.
    pub(super) from: &'a TableText,
    /// What it is to be.
    pub(super) to: &'a TableText,
    /// A column whose values come from an expression.
    pub(super) using: Option<(&'a str, &'a str)>,
    /// The indexes that it has before.
    pub(super) before: Vec<&'a Object>,
    /// The indexes that it has afterwards.
    pub(super) indexes: Vec<&'a Object>,
}

impl Rebuild<'_> {
    /// Writes it.
    pub(super) fn write(&self, sql: &mut Sql) {
        let live = self.live;
        let (new, count) = (live.free("new"), live.free("check"));
        let (old_name, new_name, count_name) =
            (Sqlite.quote(&live.name), Sqlite.quote(&new), Sqlite.quote(&count));
        sql.comment("SQLite cannot change this in place: the table is made anew and its rows are copied.");
        sql.statement("PRAGMA foreign_keys = OFF");
        sql.comment(
            "Nothing goes on unless the table is what this was written for, and unless every row was copied.",
        );
        let known = Sqlite.quote(&format!(
            "{} has the definition, indexes and triggers that this was written for",
            live.name
        ));
        let copied = Sqlite.quote(&format!("every row of {} was copied", live.name));
        sql.statement(format!(
            "CREATE TABLE {count_name} (known INTEGER CONSTRAINT {known} CHECK (known = 1), \
             copied INTEGER CONSTRAINT {copied} CHECK (copied = 1))"
        ));
        sql.statement(format!("INSERT INTO {count_name} (known)\nSELECT (SELECT {}", self.is_known()));
        let dependents = live.dependents();
        // Triggers go with their table or view.
        let views: Vec<_> = dependents.iter().filter(|object| object.kind == "view").collect();
        let goes_with = |name: &str| {
            name.eq_ignore_ascii_case(&live.name)
                || views.iter().any(|view| view.name.eq_ignore_ascii_case(name))
        };
        for trigger in
            dependents.iter().filter(|object| object.kind == "trigger" && !goes_with(&object.table))
        {
            sql.statement(format!("DROP TRIGGER {}", Sqlite.quote(&trigger.name)));
        }
        for view in &views {
            sql.statement(format!("DROP VIEW {}", Sqlite.quote(&view.name)));
        }
        sql.statement(self.to.named(&new_name, &live.name));
        let (targets, sources) = self.columns();
        sql.statement(format!(
            "INSERT OR ABORT INTO {new_name} ({})\nSELECT {} FROM {old_name}",
            targets.join(", "),
            sources.join(", ")
        ));
        sql.statement(format!(
            "INSERT INTO {count_name} (copied)\nSELECT (SELECT count(*) FROM {old_name}) = (SELECT count(*) FROM {new_name})"
        ));
        sql.statement(format!("DROP TABLE {count_name}"));
        if self.from.autoincrement() && self.to.autoincrement() {
            let (old, new) = (Sqlite.literal(&live.name), Sqlite.literal(&new));
            sql.comment("Keys that were given once are not given again.");
            sql.statement(format!("DELETE FROM sqlite_sequence WHERE name = {new}"));
            sql.statement(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}"
            ));
        }
        sql.statement(format!("DROP TABLE {old_name}"));
        sql.statement(format!("ALTER TABLE {new_name} RENAME TO {old_name}"));
        for object in self.indexes.iter().chain(&dependents) {
            sql.statement(object.sql.trim().trim_end_matches(';').trim_end());
        }
    }

    /// Whether the table, its indexes and its triggers are what the script knows: what it does not know would be lost, and what was
    /// changed since would be undone.
    fn is_known(&self) -> String {
        let dependents = self.live.dependents();
        let mut objects: Vec<&Object> = self.before.iter().chain(&dependents).copied().collect();
        objects.sort_unstable_by_key(|it| (it.name.as_str(), it.kind.as_str()));
        let behind: String = objects.iter().map(|it| format!("\n{}", it.sql)).collect();
        // As it was made, and as RENAME leaves it.
        let renamed = self.from.named(&Sqlite.quote(&self.live.name), &self.live.name);
        let texts = [self.from.text(), &renamed].map(|text| {
            let columns = text.find('(').map_or(text, |open| &text[open..]);
            Sqlite.literal(&plain(&format!("{columns}{behind}")))
        });
        let texts = if texts[0] == texts[1] { &texts[..1] } else { &texts[..] };
        let list = |names: Vec<&str>| {
            names.into_iter().map(|name| Sqlite.literal(name)).collect::<Vec<_>>().join(", ")
        };
        let views = dependents.iter().filter(|it| it.kind == "view").map(|it| it.name.as_str());
        let tables: Vec<_> = std::iter::once(self.live.name.as_str()).chain(views).collect();
        let is_far = |it: &&&Object| !tables.iter().any(|table| table.eq_ignore_ascii_case(&it.table));
        let far: Vec<_> = dependents.iter().filter(is_far).map(|it| it.name.as_str()).collect();
        let far = match far.is_empty() {
            true => String::new(),
            false => format!(" OR type = 'trigger' AND name IN ({})", list(far)),
        };
        let all = "group_concat(sql, char(10))".to_owned();
        let all = PLAIN.iter().fold(all, |sql, (_, c)| format!("replace({sql}, {c}, '')"));
        format!(
            "{all}\nFROM (SELECT CASE type WHEN 'table' THEN substr(sql, instr(sql, '(')) ELSE sql END AS sql FROM sqlite_schema\n\
             WHERE sql IS NOT NULL AND (tbl_name COLLATE NOCASE IN ({}){far}) ORDER BY type <> 'table', name, type))\nIN ({})",
            list(tables),
            texts.join(",\n")
        )
    }

    /// What is written in the new table, and what is read from the old one.
    fn columns(&self) -> (Vec<String>, Vec<String>) {
        let stays = |column: &&LiveColumn| {
            // A column of both may be generated in one of them alone.
            !column.generated
                && self.from.position(&column.name).is_some()
                && self.to.position(&column.name).is_some()
        };
        let live: Vec<_> = self.live.columns.iter().filter(stays).collect();
        let (mut targets, mut sources) = (Vec::new(), Vec::new());
        // The number of a row that has no key is all that foreign programs may know of it.
        let is_key = |column: &&LiveColumn| column.key;
        let keys: Vec<_> = self.live.columns.iter().filter(is_key).collect();
        let numbered = |text: &TableText| match keys[..] {
            [key] => text.position(&key.name).is_some_and(|at| is_integer_key(text, at)),
            _ => false,
        };
        let kept = [self.from, self.to].iter().all(|text| !text.without_rowid() && !numbered(text));
        let names = ["rowid", "_rowid_", "oid"];
        let free = |name: &&str| [self.from, self.to].iter().all(|text| text.position(name).is_none());
        if let Some(rowid) = names.into_iter().find(free).filter(|_| kept) {
            targets.push(rowid.to_owned());
            sources.push(rowid.to_owned());
        }
        for column in live {
            let name = Sqlite.quote(&column.name);
            let using = self.using.filter(|(of, _)| of.eq_ignore_ascii_case(&column.name));
            sources.push(using.map_or_else(|| name.clone(), |(_, expression)| expression.to_owned()));
            targets.push(name);
        }
        (targets, sources)
    }
}

/// Whether the column at `at`, the only one of the key, is another name of the row's number
/// (<https://www.sqlite.org/lang_createtable.html#rowid>).
fn is_integer_key(text: &TableText, at: usize) -> bool {
    bare(text.data_type(at)).eq_ignore_ascii_case("INTEGER")
}

/// What is left out of definitions before they are compared, and how SQL writes it: RENAME puts other quotes around names, and a
/// checkout may have other line ends.
const PLAIN: [(char, &str); 5] =
    [('"', "'\"'"), ('`', "'`'"), ('[', "'['"), (']', "']'"), ('\r', "char(13)")];

fn plain(text: &str) -> String {
    text.replace(PLAIN.map(|(c, _)| c), "")
}
