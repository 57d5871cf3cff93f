//! Migrations are made: from models, empty, from a template.

use dbwarden::operation::{Column, DataType, DefaultValue, Operation, TableName};
use testkit::Engine;

use super::{IDS, columns, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    migrator(walk).migrate().unwrap();
    walk.not_yet(
        "`create_migration(message=\"Add user profile fields\", autogenerate=True)`",
        "dbwarden make-migrations \"Add user profile fields\"",
    );
    empty(walk);
    code(walk);
}

fn empty(walk: &mut Walk) {
    walk.does(
        "`revision = create_migration(message=\"Custom data migration\", autogenerate=False)`",
        "`migrator.create(\"Custom data migration\")?`: its `version` and its `path`",
    );
    let made = migrator(walk).create("Custom data migration").unwrap();
    let name = made.path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, format!("{}_custom_data_migration.sql", made.version));
    let text = walk.sandbox.read(&format!("migrations/{name}"));
    assert!(text.contains("-- upgrade\n") && text.contains("-- rollback\n"), "{text}");
    assert!(text.contains(&format!("-- down_revision: {}\n", IDS[2])), "{text}");
    assert_eq!(migrator(walk).heads().unwrap(), std::slice::from_ref(&made.version));
    // Until it says what is to be done, nothing is.
    assert_eq!(migrator(walk).migrate().unwrap_err().code(), "sections");
    let text = text.replace("-- upgrade\n", "-- upgrade\nINSERT INTO tags VALUES (1, 'new');\n");
    walk.sandbox
        .migration(&name, text.replace("-- rollback\n", "-- rollback\nDELETE FROM tags WHERE id = 1;\n"));
    migrator(walk).migrate().unwrap();
    assert_eq!(walk.database.rows("SELECT word FROM tags"), ["new"]);
    migrator(walk).rollback().unwrap();
    assert_eq!(walk.database.one("SELECT count(*) FROM tags"), "0");
    walk.sandbox.remove(&format!("migrations/{name}"));

    let ran = walk.types(
        "`create_migration(message=\"Custom data migration\", autogenerate=False)`",
        "dbwarden new \"Custom data migration\"",
    );
    let path = ran.out.trim();
    assert!(path.ends_with("_custom_data_migration.sql"), "{}", ran.transcript);
    assert!(walk.sandbox.read(path).contains("-- upgrade\n"));
    walk.sandbox.remove(path);
}

fn code(walk: &mut Walk) {
    walk.does(
        "`code = generate_migration_code(\"add_column\", …)`, `code[\"upgrade\"]`, `code[\"downgrade\"]`",
        "`migrator.template(&[Operation::AddColumn { … }])?`: its `upgrade` and `downgrade`",
    );
    let column = Column {
        default: Some(DefaultValue::Number("0".to_owned())),
        comment: Some("in years".to_owned()),
        ..Column::new("age", DataType::Integer)
    };
    let code =
        migrator(walk).template(&[Operation::AddColumn { table: TableName::new("users"), column }]).unwrap();
    let (up, down) = (code.upgrade.clone(), code.downgrade.clone().unwrap());
    assert!(
        up.contains("ADD COLUMN \"age\" INTEGER DEFAULT 0") && down.contains("DROP COLUMN \"age\""),
        "{up}{down}"
    );

    let line = "dbwarden template add_column --table users --column age --type 'sa.Integer()' --null --default 0 --comment 'in years'";
    let ran = walk.types("`generate_migration_code(\"add_column\", …)`, `print(…)`", line);
    assert!(ran.out.contains(&up) && ran.out.contains(&down), "{}", ran.transcript);
    let ran =
        walk.types("`generate_migration_code(\"add_column\", …)`, for a script", &format!("{line} --json"));
    let code = &ran.json()["databases"][0];
    assert_eq!((&code["upgrade"], &code["downgrade"]), (&up.as_str().into(), &down.as_str().into()));

    walk.does(
        "the code is pasted into a new migration",
        "`migrator.create_with(\"add age\", &code.upgrade, code.downgrade.as_deref())?`",
    );
    let made = migrator(walk).create_with("add age", &up, Some(&down)).unwrap();
    migrator(walk).migrate().unwrap();
    has_an_age(walk);
    migrator(walk).rollback().unwrap();
    assert_eq!(columns(walk, "users"), "id name");
    std::fs::remove_file(&made.path).unwrap();

    let ran = walk.types("the code is pasted into a new migration", &format!("{line} --write \"add age\""));
    let path = ran.out.trim();
    assert!(path.ends_with("_add_age.sql"), "{}", ran.transcript);
    migrator(walk).migrate().unwrap();
    has_an_age(walk);
    migrator(walk).rollback_to("base").unwrap();
    assert_eq!(tables(walk), "");
}

fn has_an_age(walk: &Walk) {
    assert_eq!(columns(walk, "users"), "id name age");
    walk.database.execute("INSERT INTO users (id, name) VALUES (1, 'Ada')");
    assert_eq!(walk.database.rows("SELECT age FROM users"), ["0"]);
    walk.database.execute("DELETE FROM users");
    if walk.engine() == Engine::Postgres {
        let comment = "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'age'";
        assert_eq!(walk.database.rows(comment), ["in years"]);
    }
}
