//! The format of the files, and the complete example.

use dbwarden::ops::new::{NewOptions, Scripts};

use super::{people, stamped};
use crate::program::{columns, has_table, migrator};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    format(walk);
    walk.anew();
    taken_over(walk);
    walk.anew();
    complete_example(walk);
}

fn format(walk: &mut Walk) {
    walk.does(
        "`<version>_<description>.sql`: `20230101120000_create_users_table.sql`, `20230102130000_add_age_column.sql`",
        "the same names in `migrations/`",
    );
    stamped(walk);
    let heads = migrator(walk).build().unwrap().heads().unwrap();
    assert_eq!(heads, ["20230102130000".into()]);
    walk.does("`-- Forward migration`, `-- @UNDO`, `-- Undo migration` in a file", "the same");
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at", "age"]);
    walk.runs("dbwarden rollback").exits(0);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at"]);
    walk.runs("dbwarden rollback").exits(0);
    assert!(!has_table(walk, "users"));
    assert!(walk.database.versions().is_empty());
}

/// A database that Manticore has migrated, with its records.
fn taken_over(walk: &mut Walk) {
    stamped(walk);
    walk.database.execute(&people(walk, "users"));
    walk.database.execute(
        "CREATE TABLE _migrations (version VARCHAR(20) PRIMARY KEY, description TEXT, applied_at TIMESTAMP);\n\
         INSERT INTO _migrations VALUES ('20230101120000', 'create users table', '2023-01-01 12:00:05')",
    );
    let refused = walk.runs("dbwarden migrate").exits(6);
    assert!(refused.err.contains("error[foreign-records]"), "{}", refused.transcript);
    let ran = walk.types("a database with Manticore's `_migrations`", "dbwarden adopt");
    assert!(ran.out.contains("recorded 1 migration"), "{}", ran.transcript);
    assert_eq!(walk.database.rows("SELECT count(*) FROM _migrations"), ["1"]);
    let ran = walk.runs("dbwarden migrate").exits(0);
    assert!(ran.out.contains("applied 1"), "{}", ran.transcript);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at", "age"]);
}

fn complete_example(walk: &mut Walk) {
    walk.does(
        "the complete example: create two, load, migrate, insert, roll back one, migrate again",
        "the same in Rust; rows are the program's own business",
    );
    let mut migrator = migrator(walk).build().unwrap();
    let scripts = Some(Scripts { up: people(walk, "users"), down: Some("DROP TABLE users;".to_owned()) });
    let options = NewOptions { timestamp: true, scripts, ..NewOptions::of("create users table") };
    migrator.create_from(&options).unwrap();
    let age = ("ALTER TABLE users ADD COLUMN age INTEGER;", "ALTER TABLE users DROP COLUMN age;");
    migrator.create_with("add age column", age.0, Some(age.1)).unwrap();
    assert_eq!(migrator.migrations().unwrap().len(), 2);
    assert_eq!(migrator.migrate().unwrap().count(), 2);
    walk.database.execute("INSERT INTO users (nickname, mail, age) VALUES ('ada', 'ada@example.org', 36)");
    assert_eq!(walk.database.rows("SELECT nickname, age FROM users"), ["ada|36"]);
    assert_eq!(migrator.rollback_count(1).unwrap().count(), 1);
    assert_eq!(walk.database.rows("SELECT nickname FROM users"), ["ada"]);
    assert!(!columns(walk, "users").contains(&"age".to_owned()));
    assert_eq!(migrator.migrate().unwrap().count(), 1);
    assert_eq!(walk.database.rows("SELECT nickname, age FROM users"), ["ada|NULL"]);

    walk.not_yet("`db.drop_table(\"_migrations\", if_exists=True)`", "dbwarden database clean");
    walk.does(
        "the same, as SQL: `DROP TABLE IF EXISTS _migrations`",
        "`DROP TABLE IF EXISTS dbwarden_migrations`; the next `migrate` begins at the first file",
    );
    walk.database.execute("DROP TABLE IF EXISTS users; DROP TABLE IF EXISTS dbwarden_migrations");
    assert_eq!(migrator.migrate().unwrap().count(), 2);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at", "age"]);
    walk.does("`db.close()`", "nothing: each call has a connection of its own, and closes it");
    assert_eq!(walk.database.lock_owner(), "");
}
