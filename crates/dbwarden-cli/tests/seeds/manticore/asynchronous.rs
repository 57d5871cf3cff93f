//! The async class.

use dbwarden::asynchronous::Migrator;

use super::people;
use crate::program::{awaits, columns, has_table, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    let migrator = || -> Migrator { migrator_of(walk, "async_migrations").build().unwrap().into() };
    let migrator = migrator();
    setting_up(walk, &migrator);
    creating(walk, &migrator);
    applying(walk, &migrator);
    reverting(walk, &migrator);
    checking(walk, &migrator);
}

fn setting_up(walk: &mut Walk, migrator: &Migrator) {
    walk.does(
        "`AsyncMigrator(db, migrations_dir=\"./async_migrations\")`",
        "`asynchronous::Migrator::from(migrator)`, behind the feature `tokio`; there is nothing to close",
    );
    std::fs::create_dir(walk.sandbox.path("async_migrations")).unwrap();
    assert!(awaits(migrator.current()).unwrap().is_empty());
    assert!(!has_table(walk, "dbwarden_migrations"));
    walk.does(
        "`await migration.initialize()`",
        "`migrator.initialize().await?` makes `dbwarden_migrations`; `migrate` would make it too",
    );
    awaits(migrator.initialize()).unwrap();
    assert_eq!(walk.database.rows("SELECT count(*) FROM dbwarden_migrations"), ["0"]);
}

fn creating(walk: &mut Walk, migrator: &Migrator) {
    walk.does(
        "`await migration.create_migration(\"create async users table\", up, down)`, `\"add email verification\"`",
        "`migrator.create_with(\"create async users table\", up, Some(down)).await?`, and so on",
    );
    let up = people(walk, "async_users");
    let first =
        awaits(migrator.create_with("create async users table", &up, Some("DROP TABLE async_users;")));
    assert!(first.unwrap().path.ends_with("0001_create_async_users_table.sql"));
    let up = "ALTER TABLE async_users ADD COLUMN mail_verified BOOLEAN DEFAULT FALSE;";
    let down = "ALTER TABLE async_users DROP COLUMN mail_verified;";
    let second = awaits(migrator.create_with("add email verification", up, Some(down))).unwrap();
    assert_eq!(second.version.as_str(), "0002");
    // A third, so that a target has something above it.
    awaits(migrator.create_with(
        "create badges",
        "CREATE TABLE badges (id INTEGER);",
        Some("DROP TABLE badges;"),
    ))
    .unwrap();
    walk.does("`await migration.load_migrations()`", "`migrator.migrations().await?`");
    let loaded = awaits(migrator.migrations()).unwrap();
    let described: Vec<_> = loaded.iter().map(|m| format!("{} {}", m.version, m.description)).collect();
    assert_eq!(
        described,
        ["0001 create async users table", "0002 add email verification", "0003 create badges"]
    );
}

fn applying(walk: &mut Walk, migrator: &Migrator) {
    walk.does("`await migration.migrate()`", "`migrator.migrate().await?`");
    assert_eq!(awaits(migrator.migrate()).unwrap().count(), 3);
    assert!(columns(walk, "async_users").contains(&"mail_verified".to_owned()));
    awaits(migrator.rollback_to("base")).unwrap();
    walk.does(
        "`await migration.migrate(target_version=2)`",
        "`migrator.migrate_to(\"2\").await?`: a plain number is the version that equals it",
    );
    assert_eq!(awaits(migrator.migrate_to("2")).unwrap().count(), 2);
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
    assert!(!has_table(walk, "badges"));
    awaits(migrator.rollback_to("base")).unwrap();
    walk.types("the same, by a command", "dbwarden --migrations ./async_migrations migrate -t 2");
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
}

fn reverting(walk: &mut Walk, migrator: &Migrator) {
    walk.does(
        "the way back by hand: the last migration's `down_sql` is executed, its row of `_migrations` deleted",
        "the same works on `dbwarden_migrations`: a migration without a row is pending again",
    );
    let loaded = awaits(migrator.migrations()).unwrap();
    let applied = awaits(migrator.current()).unwrap();
    let last = loaded.iter().rfind(|m| applied.contains(&m.version)).unwrap();
    walk.database.execute(last.down.as_deref().unwrap());
    walk.database.execute(&format!("DELETE FROM dbwarden_migrations WHERE version = '{}'", last.version));
    assert_eq!(awaits(migrator.current()).unwrap(), ["0001".into()]);
    assert_eq!(awaits(migrator.pending()).unwrap(), ["0002".into(), "0003".into()]);
    assert!(!columns(walk, "async_users").contains(&"mail_verified".to_owned()));
    awaits(migrator.migrate_to("2")).unwrap();
    assert!(columns(walk, "async_users").contains(&"mail_verified".to_owned()));
    walk.does(
        "the way back of the last migration, where it has a `down_sql`",
        "`migrator.rollback().await?`, in one transaction with its row; without a down script it says so, and changes nothing",
    );
    let report = awaits(migrator.rollback()).unwrap();
    assert_eq!((report.count(), report.current), (1, vec!["0001".into()]));
    assert!(!columns(walk, "async_users").contains(&"mail_verified".to_owned()));
    let up = "CREATE TABLE no_way_back (id INTEGER);";
    awaits(migrator.create_with("no way back", up, None)).unwrap();
    awaits(migrator.migrate()).unwrap();
    let refused = awaits(migrator.rollback()).unwrap_err();
    assert_eq!(refused.code(), "irreversible", "{refused}");
    assert!(has_table(walk, "no_way_back"));
}

fn checking(walk: &mut Walk, migrator: &Migrator) {
    walk.does(
        "`SELECT version, description, applied_at FROM _migrations …`",
        "the same of `dbwarden_migrations`; or `migrator.applied().await?`",
    );
    let rows = walk
        .database
        .rows("SELECT version, description, applied_at FROM dbwarden_migrations ORDER BY version");
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows[1].starts_with("0002|add email verification|20"), "{rows:?}");
    assert_eq!(awaits(migrator.applied()).unwrap().len(), 4);
    // What another program asks of that table goes on working.
    walk.does(
        "the table's name, `_migrations`",
        "`tables.migrations = \"_migrations\"` in the settings of a new database",
    );
    walk.anew();
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}tables.migrations = \"_migrations\"\n"));
    super::stamped(walk);
    walk.runs("dbwarden migrate").exits(0);
    let rows = walk.database.rows("SELECT version, description FROM _migrations ORDER BY version");
    assert_eq!(rows, ["20230101120000|create users table", "20230102130000|add age column"]);
    let ran = walk.runs("dbwarden migrate").exits(0);
    assert!(ran.out.contains("nothing to do"), "{}", ran.transcript);
}
