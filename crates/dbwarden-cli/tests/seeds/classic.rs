//! DBWarden, classic: files `V<stamp>__name.sql`, locks, checksums, squash, `STRATA_*` settings.

use dbwarden::Migrator;
use dbwarden::migration::checksum::FileHash;
use testkit::Engine;

use crate::sandbox::wait_for;
use crate::walk::{Walk, walk};

#[path = "classic/files.rs"]
mod files;
#[path = "classic/pipelines.rs"]
mod pipelines;
#[path = "classic/squash.rs"]
mod squash;

walk!("classic");

fn walk(walk: &mut Walk) {
    locking(walk);
    checksums(walk);
    squash::squash(walk);
    model_paths(walk);
    schema(walk);
    files::transactions(walk);
    pipelines::pipelines(walk);
    pipelines::environments(walk);
    pipelines::performance(walk);
    pipelines::recovery(walk);
    files::practices(walk);
    files::patterns(walk);
}

/// A file with a table and its way back, in the document's form.
fn table(walk: &Walk, stamp: &str, name: &str) {
    let key = walk.database.key();
    let text = format!(
        "-- upgrade\n\nCREATE TABLE {name} (\n    id {key},\n    title VARCHAR(200)\n);\n\n-- rollback\n\nDROP TABLE {name};\n"
    );
    walk.sandbox.migration(&format!("V{stamp}__create_{name}.sql"), text);
}

/// Whether the user's table is there.
fn is_there(walk: &Walk, name: &str) -> bool {
    !walk.database.rows(&format!("SELECT count(*) FROM {name}")).is_empty()
}

#[track_caller]
fn is_free(walk: &Walk) {
    assert_eq!(walk.database.lock_owner(), "");
    let status = walk.runs("dbwarden lock-status").exits(0);
    assert!(status.out.contains("lock free"), "{}", status.transcript);
}

fn locking(walk: &mut Walk) {
    table(walk, "20240215_143000", "albums");
    walk.does("the lock during `migrate`", "taken and given back in the same way");
    let run = walk.holds("dbwarden migrate");
    let status = walk.types("`dbwarden lock-status`", "dbwarden lock-status");
    assert!(status.out.contains("held by"), "{}", status.out);
    walk.does(
        "a second `migrate` at the same time",
        "waits for a minute, or for what `--lock-wait` says, and exits with 4",
    );
    let second = walk.runs("dbwarden migrate --lock-wait 1s").exits(4);
    assert!(second.err.contains("error[locked]") && second.err.contains(&format!("(pid {})", run.pid())));
    assert!(walk.database.versions().is_empty() && !is_there(walk, "albums"));
    run.goes_on();
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    is_free(walk);

    walk.does("the lock during `rollback`", "the same");
    let run = walk.holds("dbwarden rollback");
    let second = walk.runs("dbwarden rollback --lock-wait 1s").exits(4);
    assert!(second.err.contains("error[locked]"), "{}", second.transcript);
    assert!(is_there(walk, "albums"));
    run.goes_on();
    assert!(!is_there(walk, "albums"));
    is_free(walk);

    walk.does(
        "concurrent runs",
        "several at once, of which one applies each file and the others find it done",
    );
    let children: Vec<_> =
        (0..6).map(|_| walk.sandbox.command(&["migrate", "--quiet"]).spawn().unwrap()).collect();
    for mut child in children {
        assert!(wait_for(&mut child).success());
    }
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    is_free(walk);

    table(walk, "20240215_143001", "tracks");
    walk.holds("dbwarden migrate").killed();
    let status = walk.runs("dbwarden lock-status").exits(0);
    assert!(status.out.contains("that run is gone"), "{}", status.out);
    let unlocked = walk.types("`dbwarden unlock`", "dbwarden unlock");
    assert!(unlocked.out.contains("is released"), "{}", unlocked.out);
    is_free(walk);
    walk.does("`dbwarden unlock` while nothing is locked", "says so and exits with 0");
    let unlocked = walk.runs("dbwarden unlock").exits(0);
    assert!(unlocked.out.contains("nothing held the lock"), "{}", unlocked.out);
    walk.does(
        "`dbwarden unlock` while a run lives",
        "asks first; without a terminal it exits with 6, unless `--force` is there",
    );
    let run = walk.holds("dbwarden migrate");
    let refused = walk.runs("dbwarden unlock").exits(6);
    assert!(refused.err.contains("error[live-lock]"), "{}", refused.transcript);
    let forced = walk.types("in an emergency all the same", "dbwarden unlock --force");
    assert!(forced.out.contains("is released"), "{}", forced.out);
    // Who lost the lock commits nothing.
    run.goes_on_to(1);
    assert!(walk.database.versions().len() == 1 && !is_there(walk, "tracks"));
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.versions(), ["20240215_143000", "20240215_143001"]);

    lock_table(walk);
}

/// The table of the lock, the old one and ours.
fn lock_table(walk: &mut Walk) {
    walk.does("the table `strata_lock`", "the table `dbwarden_lock`, made by the first run");
    assert_eq!(
        walk.database.rows("SELECT name FROM dbwarden_lock ORDER BY name DESC"),
        ["holder", "heartbeat"]
    );
    walk.anew();
    table(walk, "20240215_143000", "albums");
    let time = files::time(walk);
    // What the old tool has left behind: the file's table, its row with the sum of the statements, and a lock that is held.
    let key = walk.database.key();
    let statement = format!("CREATE TABLE albums (\n    id {key},\n    title VARCHAR(200)\n)");
    let sum = FileHash::of(statement.as_bytes());
    walk.database.execute(&format!(
        "{statement};
         CREATE TABLE strata_migrations (id {key}, version VARCHAR(50), applied_at {time}, checksum VARCHAR(64));
         INSERT INTO strata_migrations (version, applied_at, checksum)
         VALUES ('20240215_143000', '2024-02-15 14:31:02', '{}');
         CREATE TABLE strata_lock (id INTEGER PRIMARY KEY, locked BOOLEAN DEFAULT FALSE, acquired_at {time}, release_at {time});
         INSERT INTO strata_lock (id, locked, acquired_at) VALUES (1, TRUE, '2024-02-15 14:31:01');",
        sum.as_str()
    ));
    let before = walk.database.snapshot();
    let refused = walk.runs("dbwarden migrate").exits(6);
    assert!(refused.err.contains("error[foreign-records]"), "{}", refused.transcript);
    walk.does(
        "a database whose `strata_lock` is held",
        "`migrate` refuses, and so does `adopt`, which exits with 4: the old tool is at work",
    );
    let locked = walk.runs("dbwarden adopt").exits(4);
    assert!(locked.err.contains("error[old-lock]"), "{}", locked.transcript);
    assert_eq!(walk.database.snapshot(), before);
    walk.database.execute("UPDATE strata_lock SET locked = FALSE, release_at = '2024-02-15 14:31:03'");
    let adopted = walk.types("a database with rows in `strata_migrations`", "dbwarden adopt");
    assert!(adopted.out.contains("recorded 1 migration"), "{}", adopted.out);
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    assert_eq!(walk.database.one("SELECT version FROM strata_migrations"), "20240215_143000");
    walk.runs("dbwarden migrate").exits(0);
}

fn checksums(walk: &mut Walk) {
    walk.anew();
    table(walk, "20240215_143000", "albums");
    walk.does("the checksum, stored after the execution", "`checksum` in `dbwarden_migrations`");
    walk.runs("dbwarden migrate").exits(0);
    let sums = "SELECT checksum FROM dbwarden_migrations";
    let sum = walk.database.one(sums);
    let hex = sum.strip_prefix("v1:").unwrap();
    assert!(hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()), "{sum}");

    walk.does(
        "`calculate_checksum(sql_statements)`",
        "SHA-256 over the statements as tokens, so that line ends, spaces and comments do not count; `v1:` names it",
    );
    let name = "migrations/V20240215_143000__create_albums.sql";
    let text = walk.sandbox.read(name);
    walk.sandbox.write(name, text.replace("    title", "  -- its name\n  title").replace('\n', "\r\n"));
    walk.runs("dbwarden verify").exits(0);
    walk.runs("dbwarden migrate").exits(0);

    walk.sandbox.write(name, text.replace("VARCHAR(200)", "VARCHAR(120)"));
    table(walk, "20240215_143001", "tracks");
    walk.does(
        "`dbwarden migrate` after a file was modified",
        "refuses, names the file, exits with 5 and runs nothing",
    );
    let refused = walk.runs("dbwarden migrate").exits(5);
    assert!(refused.err.contains("error[changed]"), "{}", refused.transcript);
    assert!(refused.err.contains("V20240215_143000__create_albums.sql"), "{}", refused.transcript);
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    assert!(!is_there(walk, "tracks"));
    assert_eq!(walk.database.one(sums), sum);
    walk.does(
        "`stored_checksum != current_checksum`",
        "`Migrator::verify()`: a finding names the file; on the command line `dbwarden verify`, with exit code 5",
    );
    let mut migrator =
        Migrator::builder(&walk.database.url()).directory(walk.sandbox.path("migrations")).build().unwrap();
    let found = migrator.verify().unwrap();
    assert!(!found.holds());
    walk.runs("dbwarden verify").exits(5);
    walk.does(
        "`raise MigrationChecksumError(…)`",
        "`Err` of `Migrator::migrate()`, whose `code()` is `changed`",
    );
    assert_eq!(migrator.migrate().unwrap_err().code(), "changed");
    walk.sandbox.write(name, text);
    walk.runs("dbwarden migrate").exits(0);
    assert!(is_there(walk, "tracks"));
}

fn model_paths(walk: &mut Walk) {
    walk.anew();
    let setting = "STRATA_MODEL_PATHS=models/,app/models/,core/database/models/";
    walk.does(&format!("`{setting}`"), "the same; in `warden.toml` it is `models`");
    walk.sandbox.write(".env", format!("{setting}\n"));
    let shown = walk.runs("dbwarden config --json").exits(0).json();
    let settings = shown["databases"][0]["settings"].as_array().unwrap();
    let models = settings.iter().find(|entry| entry["key"] == "models").unwrap();
    // In their order.
    assert_eq!(models["value"], "models/, app/models/, core/database/models/", "{models}");
    walk.not_yet(
        "the first path first; a table found twice is skipped",
        "dbwarden make-migrations \"tables\"",
    );
    walk.sandbox.remove(".env");
}

fn schema(walk: &mut Walk) {
    walk.anew();
    table(walk, "20240215_143000", "albums");
    let setting = "STRATA_POSTGRES_SCHEMA=my_schema";
    if walk.does_on(
        Engine::Postgres,
        &format!("`{setting}`"),
        "the same; in `warden.toml` it is `schema`. It is made where it is missing",
    ) {
        walk.sandbox.write(".env", format!("{setting}\n"));
        walk.runs("dbwarden migrate").exits(0);
    }
    if walk.does_on(Engine::Sqlite, &format!("`{setting}`"), "without effect: a file has no schemas") {
        walk.sandbox.write(".env", format!("{setting}\n"));
        walk.runs("dbwarden migrate").exits(0);
        assert!(is_there(walk, "albums"));
    }
    if walk.does_on(
        Engine::Postgres,
        "all migrations run in that schema",
        "the same: their tables, and those of the records, are made there",
    ) {
        let tables = "SELECT table_schema || '.' || table_name FROM information_schema.tables \
                      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
        assert_eq!(
            walk.database.rows(tables),
            [
                "my_schema.albums",
                "my_schema.dbwarden_journal",
                "my_schema.dbwarden_lock",
                "my_schema.dbwarden_migrations"
            ]
        );
        let status = walk.runs("dbwarden status").exits(0);
        assert!(status.out.contains("at 20240215_143000 (head)"), "{}", status.out);
    }
    if walk.does_on(
        Engine::Postgres,
        "`CREATE TABLE analytics.events (…); CREATE TABLE public.users (…);`",
        "the same; the schema itself is made by a migration before it, or by hand",
    ) {
        walk.sandbox.migration(
            "V20240216_090000__visits.sql",
            "-- upgrade\n\nCREATE TABLE analytics.visits (\n    id SERIAL PRIMARY KEY,\n    page VARCHAR(200)\n);\n\n\
             CREATE TABLE public.people (\n    id SERIAL PRIMARY KEY,\n    email VARCHAR(255)\n);\n\n\
             -- rollback\n\nDROP TABLE public.people;\nDROP TABLE analytics.visits;\n",
        );
        walk.database.execute("CREATE SCHEMA analytics");
        walk.runs("dbwarden migrate").exits(0);
        assert!(is_there(walk, "analytics.visits") && is_there(walk, "public.people"));
        walk.runs("dbwarden rollback").exits(0);
        assert!(!is_there(walk, "analytics.visits") && !is_there(walk, "public.people"));
        assert!(is_there(walk, "my_schema.albums"));
    }
    walk.sandbox.remove(".env");
}
