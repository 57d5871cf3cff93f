//! What "different objects" is worth: two scripts that touch different objects, by their text, come to the same in either order. On a
//! real database, with scripts made up at random.
//!
//! Views and triggers of these scripts read one table that nobody takes away: SQLite refuses to rename a table while a view of another
//! is broken, which stands in no text.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use dbwarden::migration::objects::Touched;
use dbwarden::sql::Syntax;
use testkit::{Database, Engine, Random};

const BASE: [&str; 4] = ["t0", "t1", "t2", "t3"];
const NEW: [&str; 4] = ["n0", "n1", "n2", "n3"];

/// A name as somebody may write it.
fn written(random: &mut Random, name: &str) -> String {
    match random.below(6) {
        0 => format!("\"{name}\""),
        1 => format!("[{name}]"),
        2 => name.to_uppercase(),
        3 => format!("main.{name}"),
        4 => format!("/* here */ {name}"),
        _ => name.to_owned(),
    }
}

fn one_of(random: &mut Random, names: &[&str]) -> String {
    names[usize::try_from(random.below(names.len() as u64)).unwrap()].to_owned()
}

fn statement(random: &mut Random) -> String {
    let (base, goes, new) = (one_of(random, &BASE), one_of(random, &BASE[..3]), one_of(random, &NEW));
    let other = one_of(random, &BASE);
    let number = random.below(3);
    let (base_w, other_w, new_w) = (written(random, &base), written(random, &other), written(random, &new));
    // An index and a trigger belong to a table that is named without its schema.
    let plain = format!("\"{base}\"");
    match random.below(13) {
        0 => format!("CREATE TABLE {new_w} (id INTEGER PRIMARY KEY, x INTEGER REFERENCES \"{other}\" (id))"),
        1 => format!("CREATE TABLE {new_w} AS SELECT o.a FROM {other_w} AS o JOIN {base_w} ON 1 = 1"),
        2 => format!("CREATE VIEW v_{new} AS SELECT * FROM t3"),
        3 => format!("CREATE INDEX i_{new} ON {plain} (a)"),
        4 => format!("CREATE TRIGGER g_{new} AFTER INSERT ON {plain} BEGIN UPDATE t3 SET a = a + 1; END"),
        5 => format!("ALTER TABLE {base_w} ADD COLUMN c{number} INTEGER"),
        6 => format!("ALTER TABLE {} RENAME TO {new}", written(random, &goes)),
        7 => format!("DROP TABLE {}", written(random, &goes)),
        8 => format!("INSERT INTO {base_w} (a) VALUES ({number})"),
        9 => format!("INSERT INTO {base_w} (a) SELECT a FROM {other_w} ORDER BY a"),
        10 => format!("UPDATE {base_w} SET a = (SELECT count(*) FROM {other_w})"),
        11 => format!("DELETE FROM {base_w} WHERE a IN (SELECT a FROM {other_w} WHERE id > 1)"),
        _ => format!("DROP VIEW IF EXISTS v_{new}"),
    }
}

fn script(random: &mut Random) -> String {
    let count = 1 + random.below(3);
    (0..count).map(|_| statement(random) + ";\n").collect()
}

/// Runs both, each in a transaction of its own, and returns which of them came to its end, and what is there then.
fn run(first: &str, second: &str) -> (bool, bool, String) {
    let database = Database::new(Engine::Sqlite);
    let setup: String = BASE
        .iter()
        .map(|table| {
            format!(
                "CREATE TABLE {table} (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);\n\
                 INSERT INTO {table} (a, b) VALUES (1, '{table}'), (2, 'x');\n"
            )
        })
        .collect();
    database.execute(&setup);
    let connection = database.connect();
    let done = |script: &str| {
        let done = connection.execute_batch(&format!("BEGIN;\n{script}COMMIT;\n")).is_ok();
        if !done {
            connection.execute_batch("ROLLBACK").ok();
        }
        done
    };
    let (one, other) = (done(first), done(second));
    drop(connection);
    (one, other, database.snapshot())
}

#[test]
fn scripts_that_touch_different_objects_commute() {
    let mut random = Random::new(20_261_121);
    let (mut free, mut changed, mut failed) = (0, 0, 0);
    for round in 0..1500 {
        let (one, other) = (script(&mut random), script(&mut random));
        let touched = |text: &str| Touched::by(text, Syntax::Sqlite).unwrap();
        if touched(&one).overlap(&touched(&other)).is_some() {
            continue;
        }
        free += 1;
        let (a, b, forward) = run(&one, &other);
        let (d, c, backward) = run(&other, &one);
        assert_eq!((a, b), (c, d), "round {round}\n{one}---\n{other}");
        assert_eq!(forward, backward, "round {round}\n{one}---\n{other}");
        changed += usize::from(a && b);
        failed += usize::from(!a || !b);
    }
    assert!(free > 100 && changed > 50 && failed > 0, "too little was tried: {free}, {changed}, {failed}");
}
