//! Backups are made and brought back for real, on each engine that has them: what was there comes back, and nothing else; a restore
//! that is killed leaves the one or the other, or says that it left a half; a secret is in nobody's list of processes.

#![cfg(all(unix, debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[cfg(feature = "duckdb")]
#[path = "backup/duckdb.rs"]
mod duckdb;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use testkit::{Database, Engine, Program};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// The engines whose databases are backed up.
const ENGINES: &[Engine] = &[
    Engine::Sqlite,
    Engine::Postgres,
    Engine::Mariadb,
    #[cfg(feature = "duckdb")]
    Engine::Duckdb,
];

/// Two tables with rows, a view, and what is the engine's own.
fn shop(engine: Engine) -> Database {
    let database = Database::new(engine);
    let own = match engine {
        Engine::Postgres => {
            "CREATE SCHEMA app;\nCREATE TYPE app.mood AS ENUM ('glad', 'sad');\n\
             CREATE TABLE app.moods (id bigserial PRIMARY KEY, mood app.mood, at timestamptz DEFAULT now());\n\
             INSERT INTO app.moods (mood) VALUES ('glad'), ('sad');\n\
             CREATE FUNCTION app.twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 2';\n\
             CREATE TYPE app.span AS RANGE (subtype = integer);\nCREATE TYPE app.place AS (x integer, y integer);\n\
             CREATE TABLE app.spans (id integer GENERATED ALWAYS AS IDENTITY, span app.span, at app.place);\n\
             INSERT INTO app.spans (span, at) VALUES (app.span(1, 5), (2, 3));\n\
             CREATE SEQUENCE app.numbers START 7;\n"
        }
        Engine::Mariadb => {
            "CREATE TABLE moods (id integer AUTO_INCREMENT PRIMARY KEY, mood ENUM('glad', 'sad'), picture BLOB, at TIMESTAMP(6) NOT NULL \
             DEFAULT CURRENT_TIMESTAMP(6), twice integer AS (id * 2) VIRTUAL);\n\
             INSERT INTO moods (mood, picture) VALUES ('glad', X'00FF0A'), ('sad', 'it''s \\\\ a\\nline');\n\
             CREATE FUNCTION twice(n integer) RETURNS integer DETERMINISTIC RETURN n * 2;\n\
             CREATE SEQUENCE numbers START WITH 7;\n\
             DELIMITER //\nCREATE PROCEDURE tidy()\nBEGIN\n  -- Table structure for table\n  DELETE FROM moods WHERE id < 0;\nEND//\n\
             CREATE TRIGGER kept BEFORE DELETE ON moods FOR EACH ROW\nBEGIN\n  SET @kept = OLD.id;\nEND//\nDELIMITER ;\n\
             CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM moods WHERE id < 0;\n"
        }
        Engine::Duckdb => {
            "CREATE SCHEMA app;\nCREATE TYPE app.mood AS ENUM ('glad', 'sad');\nCREATE SEQUENCE app.numbers START 7 INCREMENT 3;\n\
             CREATE TABLE app.moods (id bigint PRIMARY KEY DEFAULT nextval('app.numbers'), mood app.mood NOT NULL, picture blob, \
             twice bigint GENERATED ALWAYS AS (id * 2), above bigint REFERENCES app.moods (id), CHECK (id > 0));\n\
             INSERT INTO app.moods (mood, picture) VALUES ('glad', '\\x00\\xFF'::blob), ('sad', NULL);\n\
             INSERT INTO app.moods (mood, above) VALUES ('glad', 7);\nCREATE INDEX by_mood ON app.moods (mood);\n\
             CREATE MACRO twice(n) AS n * 2;\nCREATE MACRO glad() AS TABLE SELECT * FROM app.moods WHERE mood = 'glad';\n\
             CREATE VIEW z_first AS SELECT id, twice(id) AS more FROM app.moods;\nCREATE VIEW a_second AS SELECT more FROM z_first;\n\
             COMMENT ON TABLE app.moods IS 'how it''s going';\nCOMMENT ON COLUMN z_first.id IS 'of a view';\n\
             COMMENT ON MACRO twice IS 'no more than that';\n"
        }
        _ => "",
    };
    database.write(&[
        (
            "0001_shop.sql",
            &format!(
                "CREATE TABLE customers (id integer PRIMARY KEY, name text);\n\
                 INSERT INTO customers VALUES (1, 'Ana'), (2, 'Bo');\n\
                 CREATE TABLE orders (id integer PRIMARY KEY, customer integer REFERENCES customers (id));\n\
                 INSERT INTO orders VALUES (10, 1), (11, 2);\n{own}"
            ),
        ),
        (
            "0002_view.sql",
            "CREATE VIEW names AS SELECT name FROM customers;\n-- rollback\nDROP VIEW names;\n",
        ),
    ]);
    database
}

/// Takes away and adds: what a restore must bring back, and what it must not leave.
const CHANGES: (&str, &str) = (
    "0003_changes.sql",
    "DELETE FROM orders WHERE id = 10;\nUPDATE customers SET name = 'Ana Maria' WHERE id = 1;\n\
     CREATE TABLE newer (id integer PRIMARY KEY, of integer REFERENCES orders (id));\nINSERT INTO newer VALUES (1, 11);\n\
     CREATE VIEW of_both AS SELECT names.name, newer.id FROM names, newer;\n",
);

fn files(database: &Database) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(database.folder().join("backups"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_was_there_comes_back_and_nothing_else() {
    for &engine in ENGINES {
        let database = shop(engine);
        let program = Program::new(BINARY, &database);
        program.run(&["migrate"]).expect(0);
        let (before, records) = (database.snapshot(), database.history());

        database.write(&[CHANGES]);
        let report = program.run(&["migrate", "--with-backup", "--json"]).expect(0);
        let backup = json(&report.stdout)["databases"][0]["backup"].clone();
        let path = backup["path"].as_str().unwrap().to_owned();
        assert_eq!(backup["last"], "0002", "{engine:?}");
        assert_eq!(backup["reason"], "migrate", "{engine:?}");
        assert_eq!(files(&database).len(), 2, "the file and its record: {:?}", files(&database));
        for file in files(&database) {
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
        let after = database.snapshot();
        assert_ne!(before, after);

        let restored = program.run(&["restore", &path, "--json"]).expect(0);
        let restored = &json(&restored.stdout)["databases"][0]["restored"];
        assert_eq!(restored["last"], "0002", "{engine:?}");
        assert_eq!(database.snapshot(), before, "{engine:?}");
        assert_eq!(database.history(), records, "{engine:?}");
        assert_eq!((database.lock_owner(), database.journalled()), (String::new(), 0), "{engine:?}");

        // What was replaced was backed up too, and comes back as well.
        let replaced = restored["replaced"]["path"].as_str().unwrap();
        program.run(&["restore", replaced]).expect(0);
        assert_eq!(database.snapshot(), after, "{engine:?}");
        program.run(&["restore", &path, "--no-backup"]).expect(0);
        assert_eq!(database.snapshot(), before, "{engine:?}");
        program.run(&["migrate"]).expect(0);
        assert_eq!(
            database.snapshot(),
            after,
            "{engine:?}: the records are right, so the same can be applied again"
        );
        let listed = program.run(&["backups", "--json"]).expect(0);
        let listed = &json(&listed.stdout)["databases"][0]["backups"];
        assert_eq!(listed.as_array().unwrap().len(), 3, "{engine:?}: before migrate, before restore twice");
    }
}

/// Within one second all would have one name.
#[test]
fn several_at_once_do_not_take_each_others_name() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let database = shop(engine);
        let program = Program::new(BINARY, &database);
        program.run(&["migrate"]).expect(0);
        // What a killed run left is nobody's to take away.
        fs::create_dir_all(database.folder().join("backups")).unwrap();
        let now = jiff::Timestamp::now();
        let left: Vec<_> = (0..20)
            .map(|ahead| (now + jiff::SignedDuration::from_secs(ahead)).strftime("%Y%m%d_%H%M%S").to_string())
            .map(|time| {
                format!(
                    "backups/.primary_{time}.{}.partial",
                    if engine == Engine::Sqlite { "db" } else { "dump" }
                )
            })
            .map(|name| database.folder().join(name))
            .collect();
        for path in &left {
            fs::write(path, "half").unwrap();
        }
        let mut made = std::collections::BTreeSet::new();
        for _ in 0..2 {
            let running: Vec<_> = (0..4).map(|_| program.start(&["backup", "--json"])).collect();
            for one in running {
                let report = json(&one.finish().expect(0).stdout);
                made.insert(report["databases"][0]["backup"]["path"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(made.len(), 8, "{engine:?}: {made:?}");
        for path in &left {
            assert_eq!(fs::read_to_string(path).unwrap(), "half", "{engine:?}: {}", path.display());
            fs::remove_file(path).unwrap();
        }
        assert_eq!(files(&database).len(), 16, "{engine:?}: {:?}", files(&database));
        let before = database.snapshot();
        for path in made.iter().step_by(3) {
            program.run(&["restore", path, "--no-backup"]).expect(0);
            assert_eq!(database.snapshot(), before, "{engine:?}: {path}");
        }
    }
}

/// The lock's table keeps its schema from being dropped.
#[test]
fn postgresql_with_our_tables_in_a_schema() {
    let database = Database::new(Engine::Postgres);
    let settings = format!("url = \"{}\"\nschema = \"app\"\n", database.url());
    fs::write(database.folder().join("warden.toml"), settings).unwrap();
    // The address of the settings, not that of an option, which takes their schema away.
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(BINARY);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ran =
            command.env_clear().env("PATH", path).current_dir(database.folder()).args(arguments).output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    database.write(&[(
        "0001_a.sql",
        "CREATE TABLE a (id integer PRIMARY KEY);\nINSERT INTO a VALUES (1);\nCREATE SCHEMA other;\n\
         CREATE TABLE other.b (id integer PRIMARY KEY);\nCOMMENT ON SCHEMA app IS 'ours';\n",
    )]);
    // The lock's numbers never go back.
    let state = || {
        let all = database.snapshot();
        let lines =
            all.lines().filter(|line| !line.starts_with("holder\t") && !line.starts_with("heartbeat\t"));
        lines.collect::<Vec<_>>().join("\n")
    };
    run(&["migrate"]);
    let ours = "SELECT schemaname FROM pg_tables WHERE tablename = 'dbwarden_lock'";
    assert_eq!(database.one(ours), "app", "the setting counts");
    let before = state();
    run(&["backup"]);
    let path = files(&database)[0].display().to_string();
    // Of the sorts that no table takes along.
    database.write(&[(
        "0002_since.sql",
        "DELETE FROM a;\nDROP TABLE other.b;\n\
         CREATE COLLATION other.german FROM \"C\";\nCREATE TEXT SEARCH CONFIGURATION other.words (COPY = simple);\n\
         CREATE TEXT SEARCH DICTIONARY other.plain (TEMPLATE = pg_catalog.simple);\n\
         CREATE FUNCTION other.plus(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + $2';\n\
         CREATE OPERATOR other.@@@ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = other.plus);\n\
         CREATE FUNCTION other.apart(double precision, double precision) RETURNS double precision IMMUTABLE LANGUAGE sql AS 'SELECT $1 - $2';\n\
         CREATE TYPE other.stretch AS RANGE (subtype = double precision, subtype_diff = other.apart);\n\
         CREATE TYPE other.numbers AS RANGE (subtype = integer);\n\
         CREATE DOMAIN other.short AS other.stretch CHECK (upper(VALUE) < 9);\nCREATE TYPE other.pair AS (one other.short, two integer);\n\
         CREATE FUNCTION other.of_both(other.pair, other.stretch[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';\n\
         CREATE TABLE other.stretches (id integer GENERATED ALWAYS AS IDENTITY, it other.short);\n\
         CREATE AGGREGATE other.total(integer) (SFUNC = other.plus, STYPE = integer);\n\
         CREATE OPERATOR FAMILY other.family USING btree;\nCREATE COLLATION german FROM \"C\";\n",
    )]);
    run(&["migrate"]);
    assert_ne!(state(), before);
    run(&["restore", &path, "--no-backup"]);
    assert_eq!(state(), before);
    assert_eq!(database.one("SELECT count(*) FROM app.a"), "1");
    assert_eq!(database.one("SELECT count(*) FROM pg_collation WHERE collname = 'german'"), "0");
    assert_eq!(database.one("SELECT string_agg(typname, ' ' ORDER BY typname) FROM pg_type WHERE typnamespace = 'other'::regnamespace"), "_b b");
    assert_eq!(database.one("SELECT obj_description('app'::regnamespace)"), "ours");
    run(&["migrate"]);
    run(&["status", "--check"]);
}

/// Others have their migrations and records in another schema of the same database.
#[test]
fn what_belongs_to_others_in_the_same_database() {
    for (engine, main) in [
        (Engine::Postgres, "public"),
        #[cfg(feature = "duckdb")]
        (Engine::Duckdb, "main"),
    ] {
        let database = shop(engine);
        let program = Program::new(BINARY, &database);
        program.run(&["migrate"]).expect(0);
        let theirs = |owner: &str| {
            format!(
                "CREATE SCHEMA crm; CREATE TABLE crm.dbwarden_lock AS SELECT * FROM {main}.dbwarden_lock; \
                 UPDATE crm.dbwarden_lock SET owner = {owner}, since = '2026-01-01 10:00:00.000' WHERE name = 'holder'; \
                 CREATE TABLE crm.customers AS SELECT 1 AS id;"
            )
        };
        // Not one of this machine, so that nobody can see whether he lives.
        database.execute(&theirs("'{\"user\":\"ben\",\"host\":\"ci-9\",\"pid\":7}'"));
        program.run(&["backup"]).expect(0);
        let path = files(&database)[0].display().to_string();
        database.execute("INSERT INTO crm.customers VALUES (2);");
        let refused = program.run(&["restore", &path, "--yes"]).expect(4);
        let said = "error[locked]: ben@ci-9 (pid 7) holds the lock of the migrations in crm, which would be replaced too";
        assert!(refused.stderr.contains(said), "{engine:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("nothing was changed"), "{engine:?}: {}", refused.stderr);
        database.execute("UPDATE crm.dbwarden_lock SET owner = NULL;");
        let refused = program.run(&["restore", &path]).expect(6);
        assert!(refused.stderr.contains("error[other-schemas]"), "{engine:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("also what is in crm, which other migrations made"),
            "{engine:?}: {}",
            refused.stderr
        );
        assert!(refused.stderr.contains("nothing was changed"), "{engine:?}: {}", refused.stderr);
        assert_eq!(
            (database.one("SELECT count(*) FROM crm.customers"), files(&database).len()),
            ("2".to_owned(), 2)
        );
        program.run(&["restore", &path, "--yes"]).expect(0);
        assert_eq!(database.one("SELECT count(*) FROM crm.customers"), "1", "{engine:?}");
    }
}

#[test]
fn mariadb_at_an_address_of_mysql() {
    let database = shop(Engine::Mariadb);
    let url = database.url().replace("mariadb://", "mysql://");
    assert!(url.starts_with("mysql://"), "{url}");
    let program = Program::new(BINARY, &database).on(&url);
    program.run(&["migrate"]).expect(0);
    let before = database.snapshot();
    database.write(&[CHANGES]);
    let report = program.run(&["migrate", "--with-backup", "--json"]).expect(0);
    let backup = json(&report.stdout)["databases"][0]["backup"].clone();
    assert_eq!(backup["engine"], "mariadb", "who answered");
    let listed = program.run(&["backups", "--json"]).expect(0);
    assert_eq!(json(&listed.stdout)["databases"][0]["backups"].as_array().unwrap().len(), 1);
    program.run(&["restore", backup["path"].as_str().unwrap(), "--no-backup"]).expect(0);
    assert_eq!(database.snapshot(), before);
}

#[test]
fn the_token_of_the_lock_never_goes_back() {
    for &engine in ENGINES {
        let database = shop(engine);
        let program = Program::new(BINARY, &database);
        let token =
            || database.one("SELECT token FROM dbwarden_lock WHERE name = 'holder'").parse::<u64>().unwrap();
        program.run(&["migrate", "-c", "1"]).expect(0);
        program.run(&["backup"]).expect(0);
        let path = files(&database)[0].display().to_string();
        program.run(&["migrate"]).expect(0);
        let before = token();
        program.run(&["restore", &path, "--no-backup"]).expect(0);
        assert!(token() > before, "{engine:?}: {} after {before}", token());
        program.run(&["migrate"]).expect(0);
    }
}

#[test]
fn a_restore_that_is_killed_leaves_the_one_or_the_other() {
    for &engine in ENGINES {
        let database = shop(engine);
        let rows = "INSERT INTO bulk SELECT n, 'a row that takes some room in the file, so that copying takes a while' FROM \
                    (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000) \
                    SELECT n FROM numbers) AS numbers;\n";
        let bulk = format!("CREATE TABLE bulk (id integer PRIMARY KEY, words text);\n{rows}");
        database.write(&[(
            "0002_view.sql",
            &format!("CREATE VIEW names AS SELECT name FROM customers;\n{bulk}"),
        )]);
        let program = Program::new(BINARY, &database);
        program.run(&["migrate"]).expect(0);
        program.run(&["backup"]).expect(0);
        let path = files(&database)[0].display().to_string();
        let old = database.snapshot();
        database.write(&[CHANGES, ("0004_bulk.sql", "DELETE FROM bulk WHERE id > 30000;\n")]);
        program.run(&["migrate"]).expect(0);
        let new = database.snapshot();

        let started = std::time::Instant::now();
        program.run(&["restore", &path, "--no-backup"]).expect(0);
        let whole = started.elapsed();
        assert_eq!(database.snapshot(), old, "{engine:?}");
        let mut ends = [0, 0];
        for turn in 1..=12_u32 {
            program.run(&["migrate"]).expect(0);
            let restoring = program.start(&["restore", &path, "--no-backup"]);
            std::thread::sleep(whole * turn / 11);
            restoring.kill();
            restoring.finish();
            if engine == Engine::Mariadb {
                // Not at once there; but nobody takes half a database for a whole one.
                let status = program.run(&["status"]);
                let half = !status.succeeded();
                assert!(!half || status.stderr.contains("error[half-restored]"), "{}", status.stderr);
                if half {
                    for command in [&["migrate"][..], &["rollback", "--yes"], &["backup"], &["stamp", "0001"]]
                    {
                        let refused = program.run(command);
                        assert!(
                            refused.stderr.contains("error[half-restored]"),
                            "{command:?}: {}",
                            refused.stderr
                        );
                    }
                }
                ends[usize::from(!half)] += 1;
            } else {
                // The server works on until it sees that its client is gone.
                let state = settled(&database);
                assert!(
                    state == old || state == new,
                    "{engine:?}, killed after {turn}/11: neither the one nor the other"
                );
                ends[usize::from(state == old)] += 1;
            }
            // The next run finds its way: to the end of the restore, whatever the killed one left.
            program.run(&["restore", &path, "--no-backup"]).expect(0);
            assert_eq!(database.snapshot(), old, "{engine:?}");
            assert_eq!(database.lock_owner(), "", "{engine:?}");
        }
        assert!(ends[0] > 0, "{engine:?}: some are killed before their end, {ends:?}");
    }
}

/// On PostgreSQL nobody comes by: the paused one's transaction has the tables locked, and ends with it.
#[test]
fn a_restore_that_was_paused_past_its_lease_writes_nothing_more() {
    let database = shop(Engine::Mariadb);
    let words = "with words enough to fill what the system keeps between two programs ".repeat(8);
    let rows: String = (0..4000).map(|n| format!("INSERT INTO bulk VALUES ({n}, '{words}');\n")).collect();
    database.write(&[
        ("0003_bulk.sql", &format!("CREATE TABLE bulk (id integer PRIMARY KEY, words text);\n{rows}")),
        ("0004_last.sql", "CREATE TABLE last_of_all (id integer PRIMARY KEY);\n"),
    ]);
    let program = Program::new(BINARY, &database).with_lease(500);
    program.run(&["migrate"]).expect(0);
    program.run(&["backup"]).expect(0);
    let path = files(&database)[0].display().to_string();
    let old = database.snapshot();

    let paused = program.start(&["restore", &path, "--no-backup"]);
    let there = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'last_of_all'";
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while database.one(there) != "0" && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    paused.stop();
    std::thread::sleep(Duration::from_millis(1500));
    program.run(&["restore", &path, "--no-backup"]).expect(0);
    database.write(&[("0005_mine.sql", "CREATE TABLE mine (id integer PRIMARY KEY);\n")]);
    program.run(&["migrate"]).expect(0);
    let new = database.snapshot();
    assert_ne!(new, old);
    paused.go_on();
    let ended = paused.finish();
    assert!(!ended.succeeded(), "{}", ended.stdout);
    assert_eq!(database.snapshot(), new, "{}", ended.stderr);
    program.run(&["migrate"]).expect(0);
    program.run(&["status", "--check"]).expect(0);
}

/// The state once nobody else works on the database.
fn settled(database: &Database) -> String {
    if database.engine() == Engine::Postgres {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                      AND application_name = 'dbwarden'";
        for _ in 0..400 {
            if database.one(others) == "0" {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
    database.snapshot()
}

/// Half way would be too late: everything is dropped by then.
#[test]
fn what_others_defined_is_seen_before_anything_is_replaced() {
    let database = shop(Engine::Mariadb);
    let program = Program::new(BINARY, &database);
    program.run(&["migrate"]).expect(0);
    program.run(&["backup"]).expect(0);
    let path = files(&database)[0].display().to_string();
    let role = database.owned().server().role("keeper");
    let name = database.owned().name();
    database.execute(&format!("GRANT ALL ON {name}.* TO '{}'@'%'", role.name()));
    let before = database.snapshot();
    let url = database.owned().url_as(&role);
    let keeper = Program::new(BINARY, &database).on(&url);
    let refused = keeper.run(&["restore", &path, "--no-backup", "--yes"]).expect(1);
    assert!(
        refused.stderr.contains("error[backup-definer]") && refused.stderr.contains("root@"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    assert_eq!(database.snapshot(), before);
    program.run(&["restore", &path, "--no-backup"]).expect(0);
    assert_eq!(database.snapshot(), before);
}

#[test]
fn a_backup_that_cannot_be_made_keeps_the_run_from_beginning() {
    for &engine in ENGINES {
        let database = shop(engine);
        let program = Program::new(BINARY, &database);
        program.run(&["migrate"]).expect(0);
        let before = database.snapshot();
        database.write(&[CHANGES]);
        fs::write(database.folder().join("a-file"), "").unwrap();
        let refused = program.run(&["migrate", "--with-backup", "--backup-dir", "a-file"]).expect(1);
        assert!(refused.stderr.contains("error[backup-file]"), "{}", refused.stderr);
        assert_eq!(database.snapshot(), before, "{engine:?}");
        assert_eq!(database.lock_owner(), "", "{engine:?}");
    }
}

#[test]
fn passwords_are_given_by_environment_alone() {
    let all: [(Engine, &str, &[&str]); 2] = [
        (Engine::Postgres, "PGPASSWORD", &["pg_dump", "pg_restore", "psql"]),
        (Engine::Mariadb, "MYSQL_PWD", &["mariadb-dump", "mariadb"]),
    ];
    for (engine, variable, tools) in all {
        given_by_environment(engine, variable, tools);
    }
}

fn given_by_environment(engine: Engine, variable: &str, tools: &[&str]) {
    let database = shop(engine);
    let folder = database.folder().join("tools");
    fs::create_dir(&folder).unwrap();
    let seen = database.folder().join("seen");
    let path = std::process::Command::new("sh").args(["-c", "printf %s \"$PATH\""]).output().unwrap().stdout;
    let path = String::from_utf8(path).unwrap();
    for tool in tools {
        let real =
            path.split(':').map(|dir| PathBuf::from(dir).join(tool)).find(|file| file.is_file()).unwrap();
        let script = format!(
            "#!/bin/sh\necho {tool} \"$@\" >> '{0}'\n[ -n \"${variable}\" ] && echo {tool} has it >> '{0}'\nexec '{1}' \"$@\"\n",
            seen.display(),
            real.display()
        );
        fs::write(folder.join(tool), script).unwrap();
        fs::set_permissions(folder.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = Program::new(BINARY, &database).with("PATH", format!("{}:{path}", folder.display()));
    program.run(&["migrate", "--with-backup"]).expect(0);
    let backup = files(&database)[0].display().to_string();
    let restored = program.run(&["restore", &backup, "-v"]).expect(0);
    let url = database.url();
    let login = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
    let password = login.split_once(':').unwrap().1;
    assert!(password.len() > 8, "the test's own server has a password");
    let seen = fs::read_to_string(seen).unwrap();
    for tool in tools.iter().filter(|tool| **tool != "pg_restore") {
        assert!(seen.contains(&format!("{tool} has it")), "{seen}");
    }
    let records: String = files(&database)
        .iter()
        .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
        .collect();
    for (what, text) in [
        ("arguments", &seen),
        ("output", &restored.stdout),
        ("errors", &restored.stderr),
        ("files", &records),
    ] {
        assert!(!text.contains(password), "{engine:?}: the password is in the {what}");
    }

    // A tool that fails may say whatever it knows.
    for (tool, command) in
        [(tools[0], &["backup"][..]), (tools[tools.len() - 1], &["restore", &backup, "--no-backup"])]
    {
        let working = fs::read(folder.join(tool)).unwrap();
        let real = String::from_utf8(working.clone()).unwrap();
        let real = real.lines().last().unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {real}\ncat > /dev/null\necho \"no entry with ${variable}\"\n\
             echo \"no entry with ${variable}\" >&2\nexit 3\n"
        );
        fs::write(folder.join(tool), script).unwrap();
        for options in [&[][..], &["--json"], &["-v"]] {
            let failed = program.run(&[command, options].concat()).expect(1);
            let said = format!("{}{}", failed.stdout, failed.stderr);
            assert!(said.contains("no entry with"), "{engine:?}: {tool} is heard: {said}");
            assert!(!said.contains(password), "{engine:?}: {said}");
        }
        fs::write(folder.join(tool), working).unwrap();
    }
}
