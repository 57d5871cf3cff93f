//! What is looked at before a rollback, what a failure leaves, and changes without downtime.

use dbwarden::apply::failure::Kept;
use dbwarden::ops::ready::Readiness;
use dbwarden::ops::restore::RestoreOptions;
use dbwarden::ops::rollback::RollbackOptions;
use dbwarden::startup::Probe;
use dbwarden::{ErrorKind, Migrator};
use testkit::Engine;

use super::{IDS, REVISIONS, builder, columns, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    accessible(walk);
    in_production(walk);
    backed_up(walk);
    a_transaction_each(walk);
    without_downtime(walk);
    blue_and_green(walk);
}

/// A project with three migrations applied, and these lines in its settings.
fn begin(walk: &mut Walk, lines: &str) {
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    migrator(walk).migrate().unwrap();
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}{lines}"));
}

/// Types `line`, and sees that it is refused with `code` and that database and records are as before.
#[track_caller]
fn refused(walk: &mut Walk, written: &str, line: &str, code: &str) {
    let before = (walk.database.snapshot(), walk.database.history());
    let ran = walk.types_to(6, written, line);
    assert!(ran.err.contains(&format!("error[{code}]")), "{}", ran.transcript);
    assert_eq!((walk.database.snapshot(), walk.database.history()), before);
}

fn accessible(walk: &mut Walk) {
    begin(walk, "");
    let nowhere = match walk.engine() {
        Engine::Postgres => "postgresql://app@127.0.0.1:1/app?connect_timeout=2".to_owned(),
        _ => format!("sqlite:///{}", walk.sandbox.path("gone/app.db").display()),
    };
    walk.does("a rollback sees first that the database answers", "the same; exit code 1");
    let ran = walk.runs(&format!("dbwarden rollback --url {nowhere}")).exits(1);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.transcript);
    assert!(!walk.sandbox.path("gone").exists());
    let directory = walk.sandbox.path("migrations");
    let error = Migrator::builder(&nowhere).directory(directory).build().unwrap().rollback().unwrap_err();
    assert_eq!(error.code(), "open", "{error}");
}

fn in_production(walk: &mut Walk) {
    let asks = "`rollback(target_revision=\"-1\", safety_check=True)` in production asks first";
    refused(walk, asks, "dbwarden rollback --revision -1 --env prod", "protected");
    walk.types(
        "the confirmation in production, given beforehand",
        "dbwarden rollback --revision -1 --env prod --yes",
    );
    assert_eq!(tables(walk), "posts users");
    walk.types(
        "`rollback(target_revision=\"-1\", safety_check=False)`",
        "dbwarden rollback --revision -1 --env prod --no-safety-check",
    );
    assert_eq!(tables(walk), "users");

    walk.does(
        "`rollback(target_revision=\"-1\", safety_check=…)`",
        "`rollback_with(&RollbackOptions { … })`: `agreed` where somebody agreed, `without_checks` for none",
    );
    let mut migrator = builder(walk).environment("prod").build().unwrap();
    migrator.migrate().unwrap();
    let back = |agreed, without_checks| RollbackOptions {
        target: Some("-1".parse().unwrap()),
        agreed,
        without_checks,
        ..RollbackOptions::default()
    };
    let error = migrator.rollback_with(&back(false, false)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Refused { .. }), "{error}");
    assert_eq!(tables(walk), "posts tags users");
    migrator.rollback_with(&back(true, false)).unwrap();
    assert_eq!(tables(walk), "posts users");
    migrator.rollback_with(&back(false, true)).unwrap();
    assert_eq!(tables(walk), "users");
}

fn backed_up(walk: &mut Walk) {
    begin(walk, "[databases.primary.safety]\nrequire_backup_within = \"24h\"\n");
    walk.does(
        "the check for a recent backup is enabled",
        "`require_backup_within = \"24h\"` in `[databases.primary.safety]`",
    );
    refused(
        walk,
        "`rollback(target_revision=\"-1\")` without one",
        "dbwarden rollback --revision -1",
        "no-backup",
    );
    walk.types("the backup is made", "dbwarden backup");
    assert_eq!(
        std::fs::read_dir(walk.sandbox.path("backups")).unwrap().count(),
        2,
        "the copy and its record"
    );
    walk.types("`rollback(target_revision=\"-1\")` with one", "dbwarden rollback --revision -1");
    assert_eq!(tables(walk), "posts users");

    begin(walk, "[databases.primary.safety]\nrequire_backup_within = \"24h\"\n");
    let ran =
        walk.types("the backup is made with the rollback", "dbwarden rollback --revision -1 --with-backup");
    assert_eq!(tables(walk), "posts users");
    assert!(ran.out.contains("to go back: `dbwarden restore "), "{}", ran.transcript);
    begin(walk, "[databases.primary.safety]\nrequire_backup_within = \"24h\"\n");
    walk.types(
        "`rollback(target_revision=\"-1\", safety_check=False)` without one",
        "dbwarden rollback --revision -1 --no-safety-check",
    );
    assert_eq!(tables(walk), "posts users");
}

fn a_transaction_each(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(&[
        ("0001_good.sql", "CREATE TABLE good (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE good;\n"),
        ("0002_half.sql", "CREATE TABLE half (id INTEGER PRIMARY KEY);\nINSERT INTO good (id) VALUES (1);\nINSERT INTO nowhere (id) VALUES (1);\n"),
        ("0003_later.sql", "CREATE TABLE later (id INTEGER PRIMARY KEY);\n"),
    ]);
    let ran =
        walk.types_to(1, "a migration that fails is rolled back; those before it stay", "dbwarden migrate");
    assert!(ran.err.contains("0002_half.sql:3"), "{}", ran.transcript);
    assert_eq!((tables(walk).as_str(), walk.database.versions()), ("good", vec!["0001".to_owned()]));
    assert_eq!(walk.database.one("SELECT count(*) FROM good"), "0");
    assert_eq!((walk.database.journalled(), walk.database.lock_owner()), (0, String::new()));
    let error = migrator(walk).migrate().unwrap_err();
    let ErrorKind::Step { step, .. } = error.kind() else { panic!("{error}") };
    assert_eq!((step.kept, tables(walk).as_str()), (Kept::Nothing, "good"));
    // It is mended, and the rest goes on.
    walk.sandbox.migration("0002_half.sql", "CREATE TABLE half (id INTEGER PRIMARY KEY);\n");
    walk.types("the file is mended: the rest goes on", "dbwarden migrate");
    assert_eq!(tables(walk), "good half later");
}

fn without_downtime(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migration(
        "0001_create_users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100));\n\
         INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Søren');\n-- rollback\nDROP TABLE users;\n",
    );
    walk.runs("dbwarden migrate").exits(0);
    let all = "SELECT * FROM users ORDER BY id";

    walk.types(
        "`op.add_column('users', sa.Column(…))`",
        "dbwarden template add-column --table users --column shown_as --type 'sa.String(255)' --write \"add shown_as\"",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows(all), ["1|Ada|NULL", "2|Søren|NULL"]);
    walk.types(
        "`op.execute(\"UPDATE …\")`",
        "dbwarden template data --up \"UPDATE users SET shown_as = name\" --down \"UPDATE users SET shown_as = NULL\" --write \"copy names\"",
    );
    walk.runs("dbwarden migrate").exits(0);
    // Both columns are there while the application is deployed.
    assert_eq!(walk.database.rows(all), ["1|Ada|Ada", "2|Søren|Søren"]);
    walk.types(
        "`op.drop_column('users', …)`",
        "dbwarden template drop-column --table users --column name --write \"drop name\"",
    );
    let ran = walk.types("the column is dropped, with a backup before", "dbwarden migrate --with-backup");
    assert_eq!(walk.database.rows(all), ["1|Ada", "2|Søren"]);
    assert_eq!(columns(walk, "users"), "id shown_as");

    let command = ran.out.split_once("to go back: `").unwrap().1.split('`').next().unwrap().to_owned();
    walk.does(
        "the old state is restored",
        "the command that `migrate --with-backup` printed: `dbwarden restore FILE`",
    );
    walk.runs(&command).exits(0);
    assert_eq!(walk.database.rows(all), ["1|Ada|Ada", "2|Søren|Søren"]);
    assert_eq!(walk.database.versions(), ["0001", "0002", "0003"]);
    walk.does(
        "the old state is restored by the program",
        "`migrator.backup(directory)?`, `migrator.restore(&RestoreOptions { … })?`",
    );
    let directory = walk.sandbox.path("kept");
    let made = migrator(walk).backup(&directory).unwrap();
    migrator(walk).migrate().unwrap();
    assert_eq!(columns(walk, "users"), "id shown_as");
    let options = RestoreOptions {
        file: directory.join(&made.backup.file),
        directory: Some(directory),
        ..RestoreOptions::default()
    };
    migrator(walk).restore(&options).unwrap();
    assert_eq!(columns(walk, "users"), "id name shown_as");

    // The way back of each step keeps what the column that stays has.
    walk.runs("dbwarden migrate").exits(0);
    walk.types("the drop is undone: the column comes back, empty", "dbwarden rollback");
    assert_eq!(
        walk.database.rows("SELECT name, shown_as FROM users ORDER BY id"),
        ["NULL|Ada", "NULL|Søren"]
    );
}

/// Two releases on one database: the new one has migrated it, and the old one starts again.
fn blue_and_green(walk: &mut Walk) {
    walk.not_yet("the changes that the old release can bear, first", "dbwarden migrate --phase expand");
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    migrator(walk).migrate().unwrap();
    walk.does(
        "blue-green: the old release goes on, or starts again, beside the new one",
        "`migrator.ready()?` says `Ahead`, and `start` applies nothing and goes on",
    );
    let before = (walk.database.snapshot(), walk.database.history());
    let files = REVISIONS[..2].iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let mut old = builder(walk).texts(files).build().unwrap();
    let ready = old.ready().unwrap();
    assert_eq!((&ready, ready.is_ready()), (&Readiness::Ahead { applied: vec![IDS[2].into()] }, true));
    let probe = Probe::new();
    assert_eq!((old.start(&probe).unwrap().count(), probe.is_ready()), (0, true));
    assert_eq!((walk.database.snapshot(), walk.database.history()), before);
}
