//! Troubleshooting, and what is good practice.

use testkit::{Database, Engine};

use super::stamped;
use crate::program::{columns, has_table, indexes, migrator};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    troubleshooting(walk);
    walk.anew();
    reversible(walk);
    walk.anew();
    tested_before(walk);
    walk.anew();
    commented_and_versioned(walk);
    without_loss(walk);
}

fn troubleshooting(walk: &mut Walk) {
    stamped(walk);
    walk.does(
        "an error that the table `_migrations` does not exist: call `initialize()` first",
        "there is none: `status` answers without our tables, and the first `migrate` makes them",
    );
    let mut migrator = migrator(walk).build().unwrap();
    assert_eq!(migrator.pending().unwrap().len(), 2);
    assert!(!has_table(walk, "dbwarden_migrations"));
    assert_eq!(migrator.migrate().unwrap().count(), 2);

    walk.does(
        "conflicts of versions",
        "two files of one version are an error that names both; `dbwarden new --renumber FILE` gives one of them the next free number",
    );
    walk.sandbox.migration("0001_create_pens.sql", "CREATE TABLE pens (id INTEGER);\n");
    walk.sandbox.migration("0001_create_inks.sql", "CREATE TABLE inks (id INTEGER);\n");
    let refused = migrator.migrate().unwrap_err();
    assert_eq!(refused.code(), "duplicate-id", "{refused}");
    let both = ["0001_create_pens.sql", "0001_create_inks.sql"];
    assert!(both.iter().all(|name| refused.to_string().contains(name)), "{refused}");
    walk.runs("dbwarden new --renumber migrations/0001_create_inks.sql").exits(0);
    assert_eq!(migrator.migrate().unwrap().count(), 2);
    let ran = walk.types("timestamps for version numbers", "dbwarden new \"create nibs\" --timestamp");
    let file = ran.out.trim().rsplit('/').next().unwrap().to_owned();
    assert!(file.ends_with("_create_nibs.sql") && file.find('_') == Some(14), "{file}");

    walk.does(
        "SQL syntax errors: test in a development environment before production",
        "`dev_url` in the settings, and `dbwarden --dev migrate`; the error names file, line and column",
    );
    let development = Database::new(walk.engine());
    walk.sandbox.write(
        &format!("migrations/{file}"),
        "CREATE TABLE nibs (id INTEGER PRIMARY KEY);\nCREATE TABEL caps (id INTEGER);\n",
    );
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}dev_url = \"{}\"\n", development.url()));
    let ran = walk.runs("dbwarden --dev migrate").exits(1);
    assert!(ran.err.contains(&format!("migrations/{file}:2:")), "{}", ran.transcript);
    assert_eq!((development.versions().len(), walk.database.versions().len()), (4, 4));
    walk.sandbox.remove(&format!("migrations/{file}"));
}

fn reversible(walk: &mut Walk) {
    walk.not_yet(
        "1. small files, 4. descriptive names, 9. what locks a table: a look before the run",
        "dbwarden check",
    );
    stamped(walk);
    walk.sandbox.migration("20230103140000_no_way_back.sql", "CREATE TABLE lost (id INTEGER);\n");
    walk.runs("dbwarden migrate").exits(0);
    walk.does(
        "2. always provide undo SQL",
        "`rollback` of a migration without it is refused before anything is changed, however many are to be undone",
    );
    let before = walk.database.snapshot();
    let ran = walk.runs("dbwarden rollback -c 2").exits(6);
    assert!(
        ran.err.contains("error[irreversible]") && ran.err.contains("20230103140000"),
        "{}",
        ran.transcript
    );
    assert_eq!((walk.database.snapshot(), walk.database.versions().len()), (before, 3));
}

fn tested_before(walk: &mut Walk) {
    stamped(walk);
    let staging = Database::new(walk.engine());
    walk.sandbox.write(
        "warden.toml",
        "[databases.primary]\nurl = \"${DATABASE_URL}\"\nmigrations = \"migrations\"\n",
    );
    walk.sandbox.write(".env", format!("DATABASE_URL={}\n", walk.database.url()));
    walk.sandbox.write(".env.staging", format!("DATABASE_URL={}\n", staging.url()));
    walk.types("3. test in staging before production", "dbwarden --env staging migrate");
    assert_eq!((staging.versions().len(), walk.database.versions().len()), (2, 0));
    let ran = walk.types("… and look at what would run", "dbwarden migrate --dry-run");
    assert!(ran.out.contains("add age column"), "{}", ran.transcript);
    assert!(!has_table(walk, "users"));
    walk.not_yet("… and on a copy", "dbwarden migrate --sandbox");
}

fn commented_and_versioned(walk: &mut Walk) {
    stamped(walk);
    walk.runs("dbwarden migrate").exits(0);
    walk.does(
        "5. comments in complex migrations",
        "the same; they may be written after it ran: they are no part of its checksum",
    );
    let name = "migrations/20230102130000_add_age_column.sql";
    let text =
        walk.sandbox.read(name).replacen("ALTER", "-- Asked for by the club: see its rules.\nALTER", 1);
    walk.sandbox.write(name, &text);
    walk.runs("dbwarden verify").exits(0);
    walk.does(
        "6. version control",
        "the same; a checkout with other line ends changes nothing, an edited statement is an error that names it",
    );
    walk.sandbox.write(name, text.replace('\n', "\r\n"));
    walk.runs("dbwarden verify").exits(0);
    walk.sandbox.write(name, text.replace("INTEGER", "SMALLINT"));
    let ran = walk.runs("dbwarden migrate").exits(5);
    assert!(ran.err.contains("20230102130000"), "{}", ran.transcript);
    walk.sandbox.write(name, text);
}

fn without_loss(walk: &mut Walk) {
    walk.database.execute("INSERT INTO users (nickname, mail, age) VALUES ('ada', 'ada@example.org', 36)");
    walk.does(
        "7. backup tables or columns before destructive changes",
        "the same, in the file; beside it, a backup of the whole before the run",
    );
    walk.sandbox.migration(
        "20230103140000_drop_age.sql",
        "CREATE TABLE users_before AS SELECT mail, age FROM users;\nALTER TABLE users DROP COLUMN age;\n-- @UNDO\n\
         ALTER TABLE users ADD COLUMN age INTEGER;\n\
         UPDATE users SET age = (SELECT b.age FROM users_before b WHERE b.mail = users.mail);\nDROP TABLE users_before;\n",
    );
    let ran = walk.types("… a backup", "dbwarden migrate --with-backup");
    assert!(ran.out.contains("to go back: `dbwarden restore backups/primary_"), "{}", ran.transcript);
    let listed = walk.runs("dbwarden backups --json").exits(0).json();
    assert_eq!(listed["databases"][0]["backups"].as_array().map(Vec::len), Some(1), "{listed}");
    assert!(!columns(walk, "users").contains(&"age".to_owned()));
    walk.runs("dbwarden rollback").exits(0);
    assert_eq!(walk.database.rows("SELECT nickname, age FROM users"), ["ada|36"]);

    let on_postgres = walk.does_on(
        Engine::Postgres,
        "9. adding indexes can lock tables",
        "`CREATE INDEX CONCURRENTLY` in a file of its own or among others: it is recognised, and run outside a transaction",
    );
    if on_postgres {
        walk.sandbox.remove("migrations/20230103140000_drop_age.sql");
        walk.sandbox.migration(
            "20230103150000_index_users.sql",
            "CREATE TABLE notes (id INTEGER);\nCREATE INDEX CONCURRENTLY users_age ON users (age);\n-- @UNDO\n\
             DROP INDEX CONCURRENTLY users_age;\nDROP TABLE notes;\n",
        );
        let ran = walk.runs("dbwarden status").exits(0);
        assert!(
            ran.out.contains("CREATE INDEX CONCURRENTLY") || ran.out.contains("outside a transaction"),
            "{}",
            ran.transcript
        );
        walk.runs("dbwarden migrate").exits(0);
        assert_eq!(indexes(walk, "users"), ["users_age"]);
        walk.runs("dbwarden rollback").exits(0);
        assert!(indexes(walk, "users").is_empty() && !has_table(walk, "notes"));
    }
    walk.not_yet("10. documentation of the schema", "dbwarden check-db -o html");
}
