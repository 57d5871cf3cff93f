//! Conflicts, failures, locks, and what to do then.

use testkit::Engine;

use super::{INDEXES, INITIAL, PREFERENCES, VERSIONS, preferences, project, revision};
use crate::program::{columns, has_table};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    conflicts(walk);
    failures(walk);
    locks(walk);
    recovery(walk);
}

fn conflicts(walk: &mut Walk) {
    project(walk);
    let column = |name: &str| {
        (
            format!("ALTER TABLE tokens ADD COLUMN {name} TEXT;"),
            format!("ALTER TABLE tokens DROP COLUMN {name};"),
        )
    };
    for (id, name) in [("a1b2c3d4e5f6", "sms"), ("b2c3d4e5f6a7", "push")] {
        let (up, down) = column(name);
        revision(walk, id, INDEXES, &format!("add_{name}"), &up, &down);
    }
    let ran = walk.types("`alembic heads`: `a1b2c3d4e5f6 (head)`, `b2c3d4e5f6a7 (head)`", "dbwarden heads");
    let heads: Vec<_> =
        ran.out.lines().filter(|line| line.contains("(head)")).map(|line| &line[..19]).collect();
    assert_eq!(heads, ["a1b2c3d4e5f6 (head)", "b2c3d4e5f6a7 (head)"], "{}", ran.transcript);
    let ran = walk.types_to(
        1,
        "`alembic upgrade head` with several heads (exit code 1; `heads` takes both)",
        "dbwarden upgrade head",
    );
    assert!(ran.err.contains("dbwarden merge a1b2c3d4e5f6 b2c3d4e5f6a7"), "{}", ran.transcript);
    assert!(!has_table(walk, "tokens"));
    let ran = walk.types(
        "`alembic merge -m \"Merge migrations\" a1b2c3 b2c3d4`",
        "dbwarden merge -m \"Merge migrations\" a1b2c3 b2c3d4",
    );
    let file = ran.out.lines().next().unwrap().to_owned();
    assert!(file.starts_with(VERSIONS) && file.ends_with("_merge_migrations.sql"), "{file}");
    assert!(walk.sandbox.read(&file).contains("-- down_revision: [\"a1b2c3d4e5f6\", \"b2c3d4e5f6a7\"]"));
    walk.runs("dbwarden upgrade head").exits(0);
    let all = columns(walk, "tokens");
    assert!(["sms", "push"].iter().all(|name| all.contains(&(*name).to_owned())), "{all:?}");
    let ran = walk.runs("dbwarden heads").exits(0);
    assert_eq!(ran.out.matches("(head)").count(), 1, "{}", ran.transcript);
}

fn failures(walk: &mut Walk) {
    project(walk);
    let key = walk.database.key();
    let up = format!(
        "CREATE TABLE half (id {key});\nINSERT INTO half (id) VALUES (1);\nINSERT INTO half (id) VALUES (1);"
    );
    revision(walk, PREFERENCES, INDEXES, "half", &up, "DROP TABLE half;");
    walk.does(
        "`except` in `upgrade()`, to drop what was half made",
        "nothing: a migration that fails leaves nothing of itself, and the next run begins it anew",
    );
    let ran = walk.runs("dbwarden upgrade").exits(1);
    assert!(ran.err.contains("a1b2c3d4e5f6 is rolled back whole"), "{}", ran.transcript);
    assert!(!has_table(walk, "half"));
    assert_eq!(
        (walk.database.versions(), walk.database.journalled()),
        (vec![INITIAL.to_owned(), INDEXES.to_owned()], 0)
    );
    walk.does(
        "`downgrade()` with `op.drop_table('new_table', checkfirst=True)`",
        "`DROP TABLE IF EXISTS …`, or `-- only-if: table …` before the statement",
    );
    let up = format!("CREATE TABLE whole (id {key});\nCREATE TABLE other (id {key});");
    let down = "DROP TABLE IF EXISTS whole;\n-- only-if: table other\nDROP TABLE other;";
    revision(walk, PREFERENCES, INDEXES, "half", &up, down);
    walk.runs("dbwarden upgrade").exits(0);
    walk.database.execute("DROP TABLE whole;\nDROP TABLE other");
    walk.runs("dbwarden downgrade").exits(0);
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES]);
}

/// Does `body` while somebody else holds a lock on the table of tokens.
fn while_locked(walk: &Walk, body: impl FnOnce()) {
    match walk.engine() {
        Engine::Sqlite => {
            let holder = walk.database.connect();
            holder.execute_batch("BEGIN IMMEDIATE").unwrap();
            body();
        }
        _ => {
            let owned = walk.database.owned();
            let (server, name) = (owned.server(), owned.name());
            let asleep =
                format!("datname = '{name}' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()");
            std::thread::scope(|scope| {
                // Ended by the test when it has seen what it wants to see.
                scope
                    .spawn(|| server.try_shell(name, "BEGIN; LOCK TABLE tokens; SELECT pg_sleep(30);").err());
                let waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                               AND relation = 'tokens'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
                crate::sandbox::wait_until("the table is locked", || walk.database.one(waiting) == "1");
                body();
                walk.database.execute(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {asleep}"
                ));
            });
        }
    }
}

fn locks(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    let text = |first: &str| {
        format!(
            "-- revision: c3d4e5f6a7b8\n-- down_revision: {INDEXES}\n{first}ALTER TABLE tokens ADD COLUMN waits TEXT;\n-- rollback\nALTER TABLE tokens DROP COLUMN waits;\n"
        )
    };
    let file = format!("{VERSIONS}/c3d4e5f6a7b8_waits.sql");
    walk.does(
        "`connection.execute(\"SET lock_timeout = '10s'\")`",
        "`-- lock_timeout: 10s` in the file, `safety.lock_timeout` in the settings for all; it is 10 s where nothing is said. `-- retries:` says how often it is tried again",
    );
    walk.sandbox.write(&file, text("-- lock_timeout: 200ms\n-- retries: 1\n"));
    walk.does(
        "`except OperationalError`, where it was the timeout of a lock",
        "the error says so (exit code 4, code `busy` or `locked`), and nothing of the migration is left",
    );
    while_locked(walk, || {
        // On SQLite, where one writer keeps out all others, it is our own lock that waits.
        let ran = walk.runs("dbwarden upgrade --lock-wait 1s").exits(4);
        let says = if walk.engine() == Engine::Sqlite {
            "keeps the database from being written"
        } else {
            "lock timeout"
        };
        assert!(ran.err.contains(says), "{}", ran.transcript);
    });
    assert!(!columns(walk, "tokens").contains(&"waits".to_owned()));
    if walk.does_on(
        Engine::Postgres,
        "… as a statement of the file: `SET lock_timeout = '10s'`",
        "the same; it holds for that file",
    ) {
        walk.sandbox.write(&file, text("-- retries: 0\nSET lock_timeout = '200ms';\n"));
        while_locked(walk, || {
            let ran = walk.runs("dbwarden upgrade").exits(4);
            assert!(ran.err.contains("lock timeout"), "{}", ran.transcript);
        });
    }
    if walk.engine() == Engine::Postgres {
        let up = "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS setting;";
        revision(walk, "d4e5f6a7b8c9", "c3d4e5f6a7b8", "next", up, "DROP TABLE seen;");
        walk.runs("dbwarden upgrade").exits(0);
        assert_eq!(walk.database.rows("SELECT setting FROM seen"), ["10s"]);
        let settings = walk.sandbox.read("warden.toml");
        walk.sandbox.write("warden.toml", format!("{settings}safety.lock_timeout = \"7s\"\n"));
        walk.runs("dbwarden downgrade").exits(0);
        walk.runs("dbwarden upgrade").exits(0);
        assert_eq!(walk.database.rows("SELECT setting FROM seen"), ["7s"]);
    }
    walk.runs("dbwarden upgrade").exits(0);
    assert!(columns(walk, "tokens").contains(&"waits".to_owned()));
}

fn recovery(walk: &mut Walk) {
    project(walk);
    preferences(walk);
    let wrong = walk.sandbox.read(&format!("{VERSIONS}/{PREFERENCES}_add_preferences_table.sql"));
    let file = format!("{VERSIONS}/{PREFERENCES}_add_preferences_table.sql");
    walk.sandbox.write(&file, wrong.replacen("ON preferences", "ON prefrences", 1));
    walk.runs("dbwarden upgrade").exits(1);
    let ran = walk.types("1. `alembic current`", "dbwarden current");
    assert!(ran.out.contains("at f6e5d4c3b2a1, 1 pending"), "{}", ran.transcript);
    let ran = walk.types("… `alembic history`", "dbwarden history");
    assert!(ran.out.contains("f6e5d4c3b2a1 -> a1b2c3d4e5f6 (head)"), "{}", ran.transcript);

    walk.does(
        "2. `SELECT * FROM alembic_version`",
        "`SELECT version, applied_at FROM dbwarden_migrations ORDER BY sequence`",
    );
    let rows = walk.database.rows("SELECT version, applied_at FROM dbwarden_migrations ORDER BY sequence");
    assert!(rows.len() == 2 && rows[1].starts_with("f6e5d4c3b2a1|20"), "{rows:?}");
    walk.types("… `UPDATE alembic_version SET version_num = …`", "dbwarden stamp e5d4c3b2a1f6");
    assert_eq!(walk.database.versions(), [INITIAL]);
    walk.runs("dbwarden stamp f6e5d4c3b2a1").exits(0);
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES]);

    walk.does("3. `vim migrations/versions/problematic_migration.py`", "the same of the `.sql` file");
    walk.sandbox.write(&file, &wrong);
    walk.types("… `alembic upgrade head`", "dbwarden upgrade head");
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES, PREFERENCES]);
    taken_over(walk);
}

/// A database that Alembic has migrated.
fn taken_over(walk: &mut Walk) {
    walk.runs("dbwarden downgrade -1").exits(0);
    walk.database.execute(
        "DROP TABLE dbwarden_migrations;\nDROP TABLE dbwarden_lock;\nDROP TABLE dbwarden_journal;\n\
         CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);\nINSERT INTO alembic_version VALUES ('f6e5d4c3b2a1')",
    );
    let ran = walk.types("a database with Alembic's `alembic_version`", "dbwarden adopt");
    assert!(ran.out.contains("recorded 2 migrations"), "{}", ran.transcript);
    walk.runs("dbwarden upgrade head").exits(0);
    assert_eq!(walk.database.versions(), [INITIAL, INDEXES, PREFERENCES]);
}
