//! One file of settings for each environment, and the environment picks one.

use std::collections::BTreeMap;
use std::time::Duration;

use dbwarden::Migrator;
use dbwarden::project::{Environment, Project, Sources};
#[cfg(feature = "duckdb")]
use testkit::Database;
use testkit::Engine;

use super::{IDS, REVISIONS, tables};
use crate::sandbox::Ran;
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    walk.anew();
    walk.sandbox.migrations(REVISIONS);
    // The files are all that there is.
    walk.sandbox.remove("warden.toml");
    read(walk);
    dev(walk);
    staging(walk);
    prod(walk);
}

/// Runs what is typed with the variable `ENV`.
#[track_caller]
fn runs(walk: &mut Walk, environment: &str, line: &str) -> Ran {
    walk.sandbox.set("ENV", environment);
    let ran = walk.runs(line);
    walk.sandbox.unset("ENV");
    ran
}

/// Sees that `config` says of `key` that it is `value`, and that it comes from `origin`.
#[track_caller]
fn says(ran: &Ran, key: &str, value: &str, origin: &str) {
    let line = ran.out.lines().find(|line| line.split_whitespace().next() == Some(key));
    let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
    assert_eq!(words.join(" "), format!("{key} {value} {origin}"), "{}", ran.out);
}

/// The three files as they stand there.
fn read(walk: &mut Walk) {
    walk.sandbox.write(".env.dev", "ENV=dev\nDATABASE_URL=duckdb:///dev.db\nDB_ECHO=true\n");
    walk.sandbox.write(
        ".env.staging",
        "ENV=staging\nDATABASE_URL=postgresql://app:not-shown@staging-db/app\nDB_POOL_SIZE=5\nDB_MAX_OVERFLOW=10\n",
    );
    walk.sandbox.write(
        ".env.prod",
        "ENV=prod\nDATABASE_URL=postgresql://app:not-shown@prod-db/app\nDB_POOL_SIZE=20\nDB_MAX_OVERFLOW=40\nDB_ECHO=false\n",
    );
    walk.does(
        "`.env.dev`, `.env.staging`, `.env.prod`",
        "the same files, beside `warden.toml` or without one",
    );
    walk.does(
        "the environment picks its file",
        "`ENV=staging dbwarden config`, or `dbwarden config --env staging`",
    );
    let shown = runs(walk, "dev", "dbwarden config").exits(0);
    says(&shown, "url", "duckdb:///dev.db", "DATABASE_URL (.env.dev:2)");
    says(&shown, "echo", "true", "DB_ECHO (.env.dev:3)");
    let shown = [runs(walk, "staging", "dbwarden config"), walk.runs("dbwarden config --env staging")];
    for shown in shown.map(|ran| ran.exits(0)) {
        says(&shown, "url", "postgresql://app:***@staging-db/app", "DATABASE_URL (.env.staging:2)");
        says(&shown, "pool_size", "5", "DB_POOL_SIZE (.env.staging:3)");
        says(&shown, "max_overflow", "10", "DB_MAX_OVERFLOW (.env.staging:4)");
    }
    let shown = runs(walk, "prod", "dbwarden config").exits(0);
    says(&shown, "url", "postgresql://app:***@prod-db/app", "DATABASE_URL (.env.prod:2)");
    says(&shown, "pool_size", "20", "DB_POOL_SIZE (.env.prod:3)");
    says(&shown, "max_overflow", "40", "DB_MAX_OVERFLOW (.env.prod:4)");
    says(&shown, "echo", "false", "DB_ECHO (.env.prod:5)");
    says(&shown, "protected", "true", "ENV");
    assert!(!shown.out.contains("not-shown"), "{}", shown.transcript);
}

fn dev(walk: &mut Walk) {
    walk.does(
        "`ENV=dev`, `DATABASE_URL=duckdb:///dev.db`",
        "`ENV=dev dbwarden migrate`, in a build with DuckDB",
    );
    #[cfg(feature = "duckdb")]
    {
        let library = testkit::duckdb_library().display().to_string();
        walk.sandbox.set("DBWARDEN_DUCKDB_LIBRARY", &library);
        let seen = |walk: &Walk| {
            let seen = Database::new(Engine::Duckdb);
            std::fs::copy(walk.sandbox.path("dev.db"), seen.file()).unwrap();
            let made =
                "SELECT table_name FROM duckdb_tables() WHERE table_name NOT LIKE 'dbwarden%' ORDER BY 1";
            (seen.versions().len(), seen.rows(made).join(" "))
        };
        let ran = runs(walk, "dev", "dbwarden migrate").exits(0);
        assert!(format!("{}{}", ran.out, ran.err).contains("CREATE TABLE posts"), "{}", ran.transcript);
        assert_eq!(seen(walk), (3, "posts tags users".to_owned()));
        runs(walk, "dev", "dbwarden rollback").exits(0);
        assert_eq!(seen(walk), (2, "posts users".to_owned()));
        walk.sandbox.unset("DBWARDEN_DUCKDB_LIBRARY");
    }
    #[cfg(not(feature = "duckdb"))]
    {
        let ran = runs(walk, "dev", "dbwarden migrate").exits(1);
        assert!(ran.err.contains("--features duckdb"), "{}", ran.transcript);
    }
    assert_eq!(tables(walk), "", "no other environment's database is touched");
}

fn staging(walk: &mut Walk) {
    let file = |echo| {
        format!(
            "ENV=staging\nDATABASE_URL={}\nDB_POOL_SIZE=5\nDB_MAX_OVERFLOW=10\nDB_ECHO={echo}\n",
            walk.database.url()
        )
    };
    let (quiet, echo) = (file("false"), file("true"));
    walk.sandbox.write(".env.staging", quiet);
    let ran = runs(walk, "staging", "dbwarden migrate --revision abc123").exits(0);
    assert!(!ran.err.contains("CREATE TABLE") && !ran.out.contains("CREATE TABLE"), "{}", ran.transcript);
    assert_eq!(tables(walk), "users");
    walk.does("`DB_ECHO=true`", "the same: each statement is printed as it runs");
    walk.sandbox.write(".env.staging", echo);
    let ran = runs(walk, "staging", "dbwarden migrate --revision def456").exits(0);
    assert!(format!("{}{}", ran.out, ran.err).contains("CREATE TABLE posts"), "{}", ran.transcript);

    walk.does(
        "`DB_POOL_SIZE`, `DB_MAX_OVERFLOW`",
        "the same; a run has two sessions at most, its own and its lock's",
    );
    let sources = Sources {
        directory: walk.sandbox.path(""),
        environment: BTreeMap::from([("ENV".to_owned(), "staging".to_owned())]),
        ..Sources::default()
    };
    let settings = Project::load(&sources).unwrap().select(None).unwrap();
    assert_eq!((settings.pool_size, settings.max_overflow), (Some(5), Some(10)));
    walk.does(
        "the application reads the same files",
        "`Migrator::with_settings(Project::load(&sources)?.select(None)?).build()?`",
    );
    assert_eq!(settings.environment, Some(Environment::Staging));
    let mut migrator = Migrator::with_settings(settings).build().unwrap();
    assert_eq!(migrator.pending().unwrap(), [IDS[2].into()]);
    // A lock that renews itself at once, and a migration that counts who is there.
    migrator.deployment().lock.beat = Duration::from_millis(20);
    if walk.engine() == Engine::Postgres {
        let (name, text) = REVISIONS[2];
        let counts = "SELECT pg_sleep(1);\nCREATE TABLE seen AS SELECT count(*) FROM pg_stat_activity WHERE datname = current_database();\n";
        walk.sandbox.migration(name, text.replace("-- upgrade\n", &format!("-- upgrade\n{counts}")));
        migrator.migrate().unwrap();
        assert_eq!(walk.database.rows("SELECT * FROM seen"), ["2"]);
        walk.database.execute("DROP TABLE seen");
        walk.sandbox.migration(name, text);
        runs(walk, "staging", "dbwarden stamp def456").exits(0);
        runs(walk, "staging", "dbwarden stamp head").exits(0);
    } else {
        migrator.migrate().unwrap();
    }
    assert_eq!(walk.database.versions(), IDS);
    // It asks nobody before a rollback, as production does.
    runs(walk, "staging", "dbwarden rollback").exits(0);
    assert_eq!(tables(walk), "posts users");
}

fn prod(walk: &mut Walk) {
    walk.sandbox.write(
        ".env.prod",
        format!(
            "ENV=prod\nDATABASE_URL={}\nDB_POOL_SIZE=20\nDB_MAX_OVERFLOW=40\nDB_ECHO=false\n",
            walk.database.url()
        ),
    );
    walk.does("`ENV=prod`", "the same: the database is protected, what takes something away asks first");
    runs(walk, "prod", "dbwarden migrate").exits(0);
    assert_eq!(tables(walk), "posts tags users");
    let before = (walk.database.snapshot(), walk.database.history());
    for line in ["dbwarden rollback", "dbwarden stamp base"] {
        let ran = runs(walk, "prod", line).exits(6);
        assert!(ran.err.contains("error[protected]"), "{}", ran.transcript);
    }
    assert_eq!((walk.database.snapshot(), walk.database.history()), before);
}
