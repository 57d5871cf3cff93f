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

/// What stands there before, on PostgreSQL.
const POSTGRES: &str = "CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE ids;
CREATE FUNCTION seven() RETURNS integer LANGUAGE sql AS 'SELECT 7';
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := 'touched'; RETURN NEW; END $$;
CREATE SCHEMA app;
";

/// What is there in the end: columns, defaults, indexes, values of types, functions, triggers, rows.
const SEEN: &str = "
SELECT table_schema, table_name, column_name, udt_name, column_default FROM information_schema.columns
WHERE table_schema IN ('public', 'app') ORDER BY 1, 2, ordinal_position;
SELECT schemaname, indexdef FROM pg_indexes WHERE schemaname IN ('public', 'app') ORDER BY 1, 2;
SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, e.enumsortorder;
SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2;
SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT sequencename, last_value FROM pg_sequences ORDER BY 1;
SELECT relname, query_to_xml(format('SELECT * FROM %I.%I ORDER BY 1', nspname, relname), true, false, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm') AND nspname IN ('public', 'app') ORDER BY nspname, relname;
SELECT obj_description(oid), relname, relacl FROM pg_class WHERE relname ~ '^[tn][0-9]' ORDER BY relname;
";

/// A name as somebody may write it on PostgreSQL.
fn in_postgres(random: &mut Random, name: &str) -> String {
    match random.below(5) {
        0 => format!("\"{name}\""),
        1 => name.to_uppercase(),
        2 => format!("public.{name}"),
        3 => format!("\"public\" . {name}"),
        _ => name.to_owned(),
    }
}

/// The statements that name a type, a function, a sequence or a schema.
const NAMING: [u64; 9] = [6, 7, 10, 17, 19, 21, 22, 26, 29];

fn statement_of_postgres(random: &mut Random, naming: bool) -> String {
    let (base, new, other) = (one_of(random, &BASE), one_of(random, &NEW), one_of(random, &BASE));
    let number = random.below(3);
    let (base_w, other_w, new_w) =
        (in_postgres(random, &base), in_postgres(random, &other), in_postgres(random, &new));
    let sort = random.below(33);
    let sort = if naming { NAMING[usize::try_from(sort).unwrap() % NAMING.len()] } else { sort };
    match sort {
        0 => format!("CREATE TABLE {new_w} (id integer PRIMARY KEY, x integer REFERENCES {other_w} (id))"),
        1 => {
            format!("CREATE TABLE {new_w} AS SELECT o.a FROM {other_w} o, ONLY {base_w} p WHERE o.id = p.id")
        }
        2 => format!("CREATE VIEW v_{new} AS SELECT count(*) FROM {base_w} LEFT JOIN {other_w} USING (id)"),
        3 => format!("CREATE MATERIALIZED VIEW m_{new} AS SELECT a FROM (SELECT * FROM {base_w}) AS x"),
        4 => format!("CREATE INDEX i_{new} ON {base_w} (a)"),
        5 => format!("CREATE TRIGGER g BEFORE INSERT ON {base_w} FOR EACH ROW EXECUTE FUNCTION touched()"),
        6 => format!("ALTER TABLE {base_w} ADD COLUMN c{number} integer DEFAULT seven()"),
        7 => format!("ALTER TABLE {base_w} ADD COLUMN m{number} mood"),
        8 => format!("ALTER TABLE {base_w} RENAME TO {new}"),
        9 => format!("ALTER TABLE {base_w} RENAME COLUMN b TO bb"),
        10 => format!("ALTER TABLE {base_w} SET SCHEMA app"),
        11 => format!("DROP TABLE {base_w}"),
        12 => format!("INSERT INTO {base_w} (id, a) SELECT id + 10, a FROM {other_w}"),
        13 => format!("UPDATE {base_w} SET a = o.a + 1 FROM {other_w} AS o WHERE o.id > 1"),
        14 => format!("DELETE FROM {base_w} USING {other_w} AS o WHERE o.a = 2"),
        15 => format!(
            "WITH x AS (DELETE FROM {base_w} RETURNING a) INSERT INTO {other_w} (id, a) SELECT 99, max(a) FROM x"
        ),
        16 => format!("TRUNCATE {base_w}"),
        17 => format!("ALTER TYPE mood ADD VALUE 'more{number}'"),
        18 => format!("CREATE TYPE y_{new} AS ENUM ('one')"),
        19 => "CREATE OR REPLACE FUNCTION seven() RETURNS integer LANGUAGE sql AS 'SELECT 8'".to_owned(),
        20 => format!(
            "CREATE FUNCTION f_{new}() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {base_w}'"
        ),
        21 => format!("CREATE TABLE {new_w} (x integer DEFAULT nextval('ids'), m mood)"),
        22 => "ALTER SEQUENCE ids RENAME TO numbers".to_owned(),
        23 => format!("SELECT setval('public.ids', (SELECT max(a) FROM {base_w}) + 10)"),
        24 => format!("COMMENT ON COLUMN {base}.a IS 'said {number}'"),
        25 => format!("COMMENT ON TABLE {base_w} IS 'said {number}'"),
        26 => "DROP FUNCTION seven()".to_owned(),
        27 => format!("CREATE TABLE {new_w} (LIKE {other_w} INCLUDING ALL)"),
        28 => format!("GRANT SELECT ON {base_w} TO PUBLIC"),
        29 => "ALTER SCHEMA app RENAME TO old".to_owned(),
        // A statement may begin behind THEN and DO.
        30 => format!(
            "CREATE FUNCTION u_{new}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.id > 0 THEN UPDATE {other_w} SET a = a * 2; END IF; RETURN NEW; END $$;\n\
             CREATE TRIGGER u BEFORE INSERT ON {base_w} FOR EACH ROW EXECUTE FUNCTION u_{new}();\n\
             INSERT INTO {base_w} (id, a) VALUES (7{number}, 1)"
        ),
        31 => format!("CREATE RULE r_{new} AS ON INSERT TO {base_w} DO UPDATE {other_w} SET a = a + 1"),
        _ => format!("INSERT INTO {base_w} (id, a, b) TABLE {other_w}"),
    }
}

/// Runs both in one transaction, and returns what is there then, or that it failed.
fn run_on_postgres(database: &Database, first: &str, second: &str) -> Option<String> {
    let tables: String = BASE
        .iter()
        .map(|table| {
            format!(
                "CREATE TABLE {table} (id integer PRIMARY KEY, a integer, b text);\n\
                 INSERT INTO {table} VALUES (1, 1, '{table}'), (2, 2, 'x');\n"
            )
        })
        .collect();
    let sql = format!("BEGIN;\n{tables}{POSTGRES}{first}{second}{SEEN}ROLLBACK;\n");
    database.owned().server().try_shell(database.owned().name(), &sql).ok()
}

#[test]
fn scripts_that_touch_different_objects_commute_on_postgres() {
    let database = Database::new(Engine::Postgres);
    let mut random = Random::new(20_261_122);
    let (mut free, mut changed) = (0, 0);
    for round in 0..200 {
        let mut script = || {
            let count = 1 + random.below(2);
            (0..count).map(|_| statement_of_postgres(&mut random, round % 2 == 1) + ";\n").collect::<String>()
        };
        let (one, other) = (script(), script());
        let touched = |text: &str| Touched::by(text, Syntax::Postgres).unwrap();
        if touched(&one).overlap(&touched(&other)).is_some() {
            continue;
        }
        free += 1;
        let (forward, backward) =
            (run_on_postgres(&database, &one, &other), run_on_postgres(&database, &other, &one));
        assert_eq!(forward, backward, "round {round}\n{one}---\n{other}");
        changed += usize::from(forward.is_some());
    }
    assert!(free > 40 && changed > 20, "too little was tried: {free}, {changed}");
}

/// Scripts that come to something else in the other order, by what stands behind THEN, DO and TABLE, and by what a table uses without
/// its name: each must be seen.
const APART: [(&str, &str); 7] = [
    (
        "CREATE FUNCTION u() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id > 0 THEN UPDATE t1 SET a = a * 2; END IF; \
         RETURN NEW; END $$;\nCREATE TRIGGER u BEFORE INSERT ON t0 FOR EACH ROW EXECUTE FUNCTION u();\nINSERT INTO t0 (id) VALUES (7);\n",
        "UPDATE t1 SET a = a + 1;\n",
    ),
    ("CREATE RULE r AS ON INSERT TO t0 DO UPDATE t1 SET a = a + 1;\n", "ALTER TABLE t1 RENAME TO n1;\n"),
    (
        "CREATE RULE r AS ON INSERT TO t0 DO UPDATE t1 SET a = a + 1;\nINSERT INTO t0 VALUES (7);\n",
        "UPDATE t1 SET a = 5;\n",
    ),
    ("INSERT INTO n0 TABLE t1;\n", "DELETE FROM t1;\n"),
    ("CLUSTER t1 USING t1_pkey;\n", "ALTER TABLE t1 RENAME TO n1;\n"),
    ("ALTER INDEX t1_pkey RENAME TO by_id;\n", "ALTER TABLE t1 DROP CONSTRAINT IF EXISTS t1_pkey;\n"),
    ("ALTER SEQUENCE s1_id_seq RESTART WITH 1000;\n", "INSERT INTO s1 DEFAULT VALUES;\n"),
];

#[test]
fn what_does_not_commute_on_postgres_is_seen() {
    let database = Database::new(Engine::Postgres);
    let before = "CREATE TABLE n0 (id integer, a integer, b text);\nCREATE TABLE s1 (id serial);\n";
    for (one, other) in APART {
        let (forward, backward) = (
            run_on_postgres(&database, &format!("{before}{one}"), other),
            run_on_postgres(&database, &format!("{before}{other}"), one),
        );
        assert_ne!(forward, backward, "{one}---\n{other}");
        let touched = |text: &str| Touched::by(text, Syntax::Postgres).unwrap();
        assert!(touched(one).overlap(&touched(other)).is_some(), "{one}---\n{other}");
    }
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
