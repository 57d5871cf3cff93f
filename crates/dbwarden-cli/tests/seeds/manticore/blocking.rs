//! The blocking class.

use dbwarden::ops::new::{NewOptions, Scripts};

use super::{people, stamped};
use crate::program::{columns, done, has_table, migrator};
use crate::walk::Walk;

const AGE: (&str, &str) = ("ALTER TABLE users ADD COLUMN age INTEGER;", "ALTER TABLE users DROP COLUMN age;");

pub(super) fn walk(walk: &mut Walk) {
    setting_up(walk);
    creating_by_command(walk);
    walk.anew();
    creating(walk);
    loading_and_applying(walk);
    walk.anew();
    stamped(walk);
    for (version, table) in [("20230103140000", "teams"), ("20230104150000", "badges")] {
        let sql = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY);\n-- @UNDO\nDROP TABLE {table};\n");
        walk.sandbox.migration(&format!("{version}_create_{table}_table.sql"), sql);
    }
    up_to_a_version(walk);
    rolling_back(walk);
    checking(walk);
}

fn setting_up(walk: &mut Walk) {
    walk.does(
        "`Migration(db, migrations_dir=\"./migrations\")`",
        "`Migrator::builder(url).directory(\"./migrations\").build()?`, which opens nothing yet",
    );
    assert!(migrator(walk).build().unwrap().current().unwrap().is_empty());
    walk.sandbox.set("EXAMPLE_URL", &walk.database.url());
    walk.sandbox.rename("warden.toml", "elsewhere.toml");
    let ran = walk
        .types("the same, by a command", "dbwarden --url env:EXAMPLE_URL --migrations ./migrations status");
    assert!(ran.out.contains("at base"), "{}", ran.transcript);
    walk.sandbox.rename("elsewhere.toml", "warden.toml");
}

fn creating_by_command(walk: &mut Walk) {
    let ran = walk.types(
        "`migration.create_migration(\"create users table\", …)`, by a command",
        "dbwarden new \"create users table\" --timestamp",
    );
    let file = ran.out.trim().to_owned();
    assert!(is_stamped(&file, "create_users_table"), "{file}");
    walk.sandbox
        .write(&file, format!("-- upgrade\n{}\n-- rollback\nDROP TABLE users;\n", people(walk, "users")));
    let ran = walk.types(
        "`migration.create_migration(\"add age column\", …)`, both ways at once",
        "dbwarden template data --up 'ALTER TABLE users ADD COLUMN age INTEGER' --down 'ALTER TABLE users DROP COLUMN age' \
         --write 'add age column'",
    );
    assert!(is_stamped(ran.out.trim(), "add_age_column"), "{}", ran.transcript);
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at", "age"]);
    walk.runs("dbwarden rollback").exits(0);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at"]);
}

fn creating(walk: &mut Walk) {
    let migrator = migrator(walk).build().unwrap();
    walk.does(
        "`migration.create_migration(\"create users table\", up, down)`",
        "`migrator.create_from(&NewOptions { timestamp: true, scripts, ..NewOptions::of(\"create users table\") })?`",
    );
    let scripts = Some(Scripts { up: people(walk, "users"), down: Some("DROP TABLE users;".to_owned()) });
    let options = NewOptions { timestamp: true, scripts, ..NewOptions::of("create users table") };
    let first = migrator.create_from(&options).unwrap();
    assert!(is_stamped(&first.path.to_string_lossy(), "create_users_table"), "{first:?}");
    walk.does(
        "`migration.create_migration(\"add age column\", up, down)`",
        "`migrator.create_with(\"add age column\", up, Some(down))?`, in the style of the files that are there; the same once more finds its file",
    );
    let second = migrator.create_with("add age column", AGE.0, Some(AGE.1)).unwrap();
    assert!(is_stamped(&second.path.to_string_lossy(), "add_age_column"), "{second:?}");
    assert!(second.version.as_str() > first.version.as_str(), "{second:?}");
    let again = migrator.create_with("add age column", AGE.0, Some(AGE.1)).unwrap();
    assert!(again.existed && again.version == second.version, "{again:?}");
}

fn loading_and_applying(walk: &mut Walk) {
    let mut migrator = migrator(walk).build().unwrap();
    walk.does(
        "`migration.load_migrations()`, `m.version`, `m.description`",
        "`migrator.migrations()?`, `m.version`, `m.description`; and `m.up`, `m.down`",
    );
    let loaded = migrator.migrations().unwrap();
    let described: Vec<_> = loaded.iter().map(|m| m.description.as_str()).collect();
    assert_eq!(described, ["create users table", "add age column"]);
    assert_eq!((loaded[1].up.as_deref(), loaded[1].down.as_deref()), (Some(AGE.0), Some(AGE.1)));
    let ran = walk.types("the same, by a command", "dbwarden history");
    for m in &loaded {
        assert!(
            ran.out.contains(m.version.as_str()) && ran.out.contains(&m.description),
            "{}",
            ran.transcript
        );
    }

    walk.does("`applied_count = migration.migrate()`", "`migrator.migrate()?.count()`");
    assert_eq!(migrator.migrate().unwrap().count(), 2);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at", "age"]);
    let ran = walk.types("the same, by a command", "dbwarden migrate");
    assert!(ran.out.contains("nothing to do"), "{}", ran.transcript);
}

fn up_to_a_version(walk: &mut Walk) {
    let mut migrator = migrator(walk).build().unwrap();
    walk.does(
        "`migration.migrate(target_version=\"20230101120000\")`",
        "`migrator.migrate_to(\"20230101120000\")?.count()`",
    );
    assert_eq!(done(&migrator.migrate_to("20230101120000").unwrap()), ["20230101120000"]);
    assert!(has_table(walk, "users") && !has_table(walk, "teams"));
    walk.runs("dbwarden rollback").exits(0);
    walk.types("the same, by a command", "dbwarden migrate -t 20230101120000");
    assert_eq!(walk.database.versions(), ["20230101120000"]);
    migrator.migrate().unwrap();
    assert_eq!(walk.database.versions().len(), 4);
}

fn rolling_back(walk: &mut Walk) {
    let mut migrator = migrator(walk).build().unwrap();
    walk.does("`rollback_count = migration.rollback()`", "`migrator.rollback()?.count()`");
    let report = migrator.rollback().unwrap();
    assert_eq!((report.count(), done(&report)), (1, vec!["20230104150000"]));
    assert!(has_table(walk, "teams") && !has_table(walk, "badges"));
    walk.types("the same, by a command", "dbwarden rollback");
    assert!(!has_table(walk, "teams"));

    walk.runs("dbwarden migrate").exits(0);
    walk.does("`migration.rollback(count=3)`", "`migrator.rollback_count(3)?.count()`");
    assert_eq!(migrator.rollback_count(3).unwrap().count(), 3);
    assert_eq!(walk.database.versions(), ["20230101120000"]);
    walk.runs("dbwarden migrate").exits(0);
    walk.types("the same, by a command", "dbwarden rollback -c 3");
    assert_eq!(walk.database.versions(), ["20230101120000"]);

    walk.runs("dbwarden migrate").exits(0);
    walk.does(
        "`migration.rollback(target_version=\"20230101120000\")`",
        "`migrator.rollback_to(\"20230101120000\")?.count()`; that version stays applied",
    );
    assert_eq!(migrator.rollback_to("20230101120000").unwrap().count(), 3);
    assert_eq!(walk.database.versions(), ["20230101120000"]);
    walk.runs("dbwarden migrate").exits(0);
    walk.types("the same, by a command", "dbwarden rollback -t 20230101120000");
    assert_eq!(walk.database.versions(), ["20230101120000"]);
    assert_eq!(columns(walk, "users"), ["id", "mail", "nickname", "joined_at"]);
}

fn checking(walk: &mut Walk) {
    let mut migrator = migrator(walk).build().unwrap();
    walk.does(
        "`migration.get_current_version()`",
        "`migrator.current()?`: a list, since two branches can be applied to their ends",
    );
    assert_eq!(migrator.current().unwrap(), ["20230101120000".into()]);
    let ran = walk.types("the same, by a command", "dbwarden current");
    assert!(ran.out.contains("at 20230101120000"), "{}", ran.transcript);

    walk.does("`migration.is_applied(\"20230101120000\")`", "`migrator.is_applied(\"20230101120000\")?`");
    assert!(migrator.is_applied("20230101120000").unwrap());
    assert!(!migrator.is_applied("20230102130000").unwrap());
    let ran = walk.types("the same, by a command", "dbwarden show 20230101120000");
    assert!(ran.out.contains("\napplied   20"), "{}", ran.transcript);
    let ran = walk.runs("dbwarden show 20230102130000").exits(0);
    assert!(ran.out.contains("\napplied   no"), "{}", ran.transcript);

    walk.does(
        "`migration.get_applied_migrations()`, `m['version']`, `m['description']`, `m['applied_at']`",
        "`migrator.applied()?`, `m.version`, `m.description`, `m.applied_at`; and how long it took, and who",
    );
    let applied = migrator.applied().unwrap();
    assert_eq!(applied.len(), 1);
    assert_eq!(
        (applied[0].version.as_str(), &*applied[0].description),
        ("20230101120000", "create users table")
    );
    assert!(applied[0].applied_at.starts_with("20"), "{applied:?}");
    let ran = walk.types("the same, by a command", "dbwarden history --json");
    let revisions = &ran.json()["databases"][0]["revisions"];
    let when = revisions.as_array().unwrap().iter().map(|revision| &revision["applied"]["applied_at"]);
    assert_eq!(when.filter(|when| when.is_string()).count(), 1, "{revisions}");
}

/// Whether a file is called by the time and these words.
fn is_stamped(path: &str, words: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split_once('_').is_some_and(|(stamp, rest)| {
        stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()) && rest == format!("{words}.sql")
    })
}
