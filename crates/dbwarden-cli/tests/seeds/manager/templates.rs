//! The templates: each is typed, what it prints is made a migration, and that is applied, undone and applied again. The library
//! writes the same of an operation.

use dbwarden::operation::{
    Action, Column, Constraint, DataType, DefaultValue, Expression, ForeignKey, Index, IndexPart, Operation,
    Table, TableName,
};
use dbwarden::sql::Syntax;
use testkit::Engine;

use super::{columns, migrator, refuses};
use crate::walk::Walk;

const BEGINNING: &str = "-- upgrade
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email VARCHAR(255), age INTEGER, status TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT);
INSERT INTO users (id, name, email) VALUES (1, 'Ada', 'ada@example.org'), (2, 'Søren', 'soren@example.org');
INSERT INTO posts (id, user_id, title) VALUES (1, 1, 'first'), (2, 2, 'second');
-- rollback
DROP TABLE posts;
DROP TABLE users;
";

pub(super) fn chapter(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migration("0001_create_users_and_posts.sql", BEGINNING);
    migrator(walk).migrate().unwrap();
    column(walk);
    index(walk);
    foreign_key(walk);
    table(walk);
    rename(walk);
    check(walk);
    data(walk);
}

/// Types a template, puts what it prints into the file `NUMBER_template.sql`, and sees that the library writes the same and that it
/// makes `look` say something else, and undone the same as before. Leaves it applied; returns what `look` says then.
#[track_caller]
fn template(
    walk: &mut Walk,
    (call, line): (&str, &str),
    (number, operation, here): (&str, Operation, &str),
    look: impl Fn(&Walk) -> String,
) -> String {
    let printed = walk.types(&format!("`MigrationTemplates.{call}`"), line).out;
    let (up, down) = printed.split_once("\n-- rollback\n").unwrap();
    walk.does(&format!("`MigrationTemplates.{call}`"), &format!("`migrator.template(&[{here}])?`"));
    let written = migrator(walk).template(&[operation]).unwrap();
    assert_eq!(up.strip_prefix("-- upgrade\n").unwrap().trim(), written.upgrade);
    assert_eq!(Some(down.trim()), written.downgrade.as_deref());

    let before = look(walk);
    walk.sandbox.migration(&format!("{number}_template.sql"), &printed);
    assert_eq!(migrator(walk).migrate().unwrap().count(), 1);
    let after = look(walk);
    assert_ne!(before, after);
    assert_eq!(migrator(walk).rollback().unwrap().count(), 1);
    assert_eq!(look(walk), before);
    migrator(walk).migrate().unwrap();
    assert_eq!(look(walk), after);
    assert_eq!(walk.database.one("SELECT count(*) FROM users"), "2", "rows are kept");
    after
}

fn users() -> TableName {
    TableName::new("users")
}

fn column(walk: &mut Walk) {
    let line = "dbwarden template add_column --table users --column phone --type 'sa.String(20)' --null --comment 'with its country'";
    let column = Column {
        comment: Some("with its country".to_owned()),
        ..Column::new("phone", DataType::String(Some(20)))
    };
    let operation = Operation::AddColumn { table: users(), column };
    let after = template(
        walk,
        ("add_column_template(table_name, column_name, column_type, nullable, default, comment)", line),
        ("0002", operation, "Operation::AddColumn { … }"),
        |walk| {
            let sql = match walk.engine() {
                Engine::Postgres => {
                    "SELECT data_type, character_maximum_length, is_nullable, col_description('users'::regclass, ordinal_position) \
                     FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'phone'"
                }
                _ => "SELECT type, \"notnull\" FROM pragma_table_info('users') WHERE name = 'phone'",
            };
            walk.database.one(sql)
        },
    );
    let expected = match walk.engine() {
        Engine::Postgres => "character varying|20|YES|with its country",
        _ => "VARCHAR(20)|0",
    };
    assert_eq!(after, expected);
}

fn index(walk: &mut Walk) {
    let line = "dbwarden template add_index --table users --column email --unique --name uix_users_email";
    let index = Index {
        name: Some("uix_users_email".to_owned()),
        parts: vec![IndexPart::Column { name: "email".to_owned(), descending: false }],
        unique: true,
        condition: None,
        method: None,
        concurrently: false,
    };
    let operation = Operation::AddIndex { table: users(), index };
    let after = template(
        walk,
        ("add_index_template(table_name, column_names, unique, index_name)", line),
        ("0003", operation, "Operation::AddIndex { … }"),
        |walk| {
            let sql = match walk.engine() {
                Engine::Postgres => {
                    "SELECT indexname FROM pg_indexes WHERE tablename = 'users' AND indexname LIKE 'u%_email'"
                }
                _ => "SELECT name FROM pragma_index_list('users') WHERE \"unique\" AND origin = 'c'",
            };
            walk.database.one(sql)
        },
    );
    assert_eq!(after, "uix_users_email");
    let word = if walk.engine() == Engine::Postgres { "uix_users_email" } else { "UNIQUE" };
    refuses(walk, "INSERT INTO users (id, email) VALUES (3, 'ada@example.org')", word);
}

fn foreign_key(walk: &mut Walk) {
    let line = "dbwarden template add_foreign_key --table posts --column user_id --references users.id --on-delete CASCADE";
    let key = ForeignKey {
        name: None,
        column: "user_id".to_owned(),
        references: users(),
        referenced: "id".to_owned(),
        on_delete: Some(Action::Cascade),
        on_update: None,
    };
    let operation =
        Operation::AddConstraint { table: TableName::new("posts"), constraint: Constraint::ForeignKey(key) };
    let here = "Operation::AddConstraint { constraint: Constraint::ForeignKey(…), … }";
    let after = template(
        walk,
        ("add_foreign_key_template(table_name, column_name, ref_table, ref_column, ondelete)", line),
        ("0004", operation, here),
        |walk| {
            let sql = match walk.engine() {
                Engine::Postgres => {
                    "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'posts'::regclass AND contype = 'f'"
                }
                _ => "SELECT \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list('posts')",
            };
            walk.database.one(sql)
        },
    );
    let expected = match walk.engine() {
        Engine::Postgres => "FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE",
        _ => "users|user_id|id|CASCADE",
    };
    assert_eq!(after, expected);
    let before = walk.database.snapshot();
    assert_eq!(walk.database.rows("SELECT title FROM posts ORDER BY id"), ["first", "second"]);
    let on = if walk.engine() == Engine::Sqlite { "PRAGMA foreign_keys = on; " } else { "" };
    let dies = "INSERT INTO users (id, name) VALUES (9, 'gone soon'); INSERT INTO posts (id, user_id) VALUES (9, 9); DELETE FROM users WHERE id = 9;";
    walk.database.execute(&format!("{on}{dies}"));
    assert_eq!(walk.database.snapshot(), before);
}

fn table(walk: &mut Walk) {
    let line = "dbwarden template create_table --table people --column 'username:sa.String(100)' --column 'email:sa.String(255)' \
                --column 'age:sa.Integer():null:0' --with-timestamps --with-soft-delete";
    let text =
        |name: &str, length| Column { nullable: false, ..Column::new(name, DataType::String(Some(length))) };
    let age = Column {
        default: Some(DefaultValue::Number("0".to_owned())),
        ..Column::new("age", DataType::Integer)
    };
    let mut all = vec![Column::id(), text("username", 100), text("email", 255), age];
    all.extend(Column::timestamps());
    all.push(Column::soft_delete());
    let people = Table { name: TableName::new("people"), columns: all, comment: None };
    let operation = Operation::CreateTable { table: people };
    let here = "Operation::CreateTable { … }";
    let after = template(
        walk,
        ("create_table_template(table_name, columns, with_timestamps, with_soft_delete)", line),
        ("0005", operation, here),
        |walk| columns(walk, "people"),
    );
    assert_eq!(after, "id username email age created_at updated_at deleted_at");
    walk.database.execute("INSERT INTO people (username, email) VALUES ('ada', 'ada@example.org')");
    let filled = "SELECT id, age, deleted_at IS NULL AND created_at IS NOT NULL AND updated_at IS NOT NULL FROM people";
    let yes = if walk.engine() == Engine::Postgres { "t" } else { "1" };
    assert_eq!(walk.database.rows(filled), [format!("1|0|{yes}")]);
    let word = if walk.engine() == Engine::Postgres { "not-null" } else { "NOT NULL" };
    refuses(walk, "INSERT INTO people (username) VALUES ('nobody')", word);
    walk.database.execute("DELETE FROM people");
}

fn rename(walk: &mut Walk) {
    let line = "dbwarden template rename_column --table users --column name --to shown_as";
    let operation =
        Operation::RenameColumn { table: users(), from: "name".to_owned(), to: "shown_as".to_owned() };
    let here = "Operation::RenameColumn { … }";
    let after = template(
        walk,
        ("rename_column_template(table_name, old_name, new_name)", line),
        ("0006", operation, here),
        |walk| columns(walk, "users"),
    );
    assert_eq!(after, "id shown_as email age status phone");
    assert_eq!(walk.database.rows("SELECT shown_as FROM users ORDER BY id"), ["Ada", "Søren"]);
}

fn check(walk: &mut Walk) {
    let line = "dbwarden template add_check_constraint --table users --name check_age_known --condition 'age BETWEEN 0 AND 150'";
    let condition = Expression::parse("condition", "age BETWEEN 0 AND 150", Syntax::Postgres).unwrap();
    let constraint = Constraint::Check { name: "check_age_known".to_owned(), condition };
    let operation = Operation::AddConstraint { table: users(), constraint };
    let here = "Operation::AddConstraint { constraint: Constraint::Check { … }, … }";
    template(
        walk,
        ("add_check_constraint_template(table_name, constraint_name, condition)", line),
        ("0007", operation, here),
        |walk| {
            let sql = match walk.engine() {
                Engine::Postgres => {
                    "SELECT count(*) FROM pg_constraint WHERE conname = 'check_age_known' AND convalidated"
                }
                _ => {
                    "SELECT count(*) FROM sqlite_schema WHERE name = 'users' AND sql LIKE '%\"check_age_known\" CHECK%'"
                }
            };
            walk.database.one(sql)
        },
    );
    refuses(walk, "UPDATE users SET age = -1", "check_age_known");
    // What the table had before is there still.
    let word = if walk.engine() == Engine::Postgres { "uix_users_email" } else { "UNIQUE" };
    refuses(walk, "INSERT INTO users (id, email) VALUES (3, 'ada@example.org')", word);
}

fn data(walk: &mut Walk) {
    let (up, down) = (
        "UPDATE users SET status = 'known' WHERE status IS NULL",
        "UPDATE users SET status = NULL WHERE status = 'known'",
    );
    let line = format!("dbwarden template data_migration --up \"{up}\" --down \"{down}\"");
    let operation = Operation::Execute { up: up.to_owned(), down: Some(down.to_owned()) };
    let here = "Operation::Execute { … }";
    let after = template(
        walk,
        ("data_migration_template(description, upgrade_sql, downgrade_sql)", &line),
        ("0008", operation, here),
        |walk| walk.database.rows("SELECT id, status FROM users ORDER BY id").join(" "),
    );
    assert_eq!(after, "1|known 2|known");
    let ran = walk.types(
        "its `description`, and a file of it at once",
        &format!("{line} --write \"Set default user status\""),
    );
    assert_eq!(ran.out.trim(), "migrations/0009_set_default_user_status.sql");
    assert_eq!(migrator(walk).migrate().unwrap().steps[0].description, "set default user status");
}
