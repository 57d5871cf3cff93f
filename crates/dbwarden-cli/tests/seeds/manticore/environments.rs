//! Migrations that differ from environment to environment.

use testkit::Engine;

use super::stamped;
use crate::program::{done, has_table, indexes, migrator, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    variables(walk);
    walk.anew();
    conditions_in_sql(walk);
    walk.anew();
    conditions_in_comments(walk);
    walk.anew();
    directories(walk);
}

fn variables(walk: &mut Walk) {
    stamped(walk);
    walk.does(
        "`create_migration(\"add_test_data\", …)` where `environment` is `development`",
        "the file has `-- environments: development`, and stands in every checkout",
    );
    walk.sandbox.migration(
        "20230103140000_add_test_data.sql",
        "-- environments: development\n-- Forward migration\nINSERT INTO users (nickname, mail) VALUES\n('one', 'one@example.org'),\n\
         ('two', 'two@example.org');\n-- @UNDO\nDELETE FROM users WHERE mail IN ('one@example.org', 'two@example.org');\n",
    );
    walk.sandbox.set("ENVIRONMENT", "production");
    let ran = walk.types("`ENVIRONMENT=production`, then `migration.migrate()`", "dbwarden migrate");
    assert!(ran.out.contains("applied 2"), "{}", ran.transcript);
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["0"]);
    let ran = walk.runs("dbwarden status --check").exits(0);
    assert!(ran.out.contains("not selected"), "{}", ran.transcript);

    walk.sandbox.set("ENVIRONMENT", "development");
    walk.types("`ENVIRONMENT=development`, then `migration.migrate()`", "dbwarden migrate");
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["2"]);
    walk.types("… and back again", "dbwarden rollback");
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["0"]);

    walk.does(
        "`ENVIRONMENT`, and `development` where it is not set",
        "`ENVIRONMENT=development` in `.env`; the variable itself stands above it",
    );
    walk.sandbox.unset("ENVIRONMENT");
    walk.sandbox.write(".env", "ENVIRONMENT=development\n");
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["2"]);
    walk.runs("dbwarden rollback").exits(0);
    walk.sandbox.set("ENVIRONMENT", "production");
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["0"]);

    walk.does("`ENVIRONMENT` in a program", "`Migrator::builder(url).environment(&environment)`");
    let production = migrator(walk).environment("production").build().unwrap().migrate().unwrap();
    assert_eq!(production.count(), 0);
    let development = migrator(walk).environment("development").build().unwrap().migrate().unwrap();
    assert_eq!(done(&development), ["20230103140000"]);
}

fn conditions_in_sql(walk: &mut Walk) {
    let on_postgres = walk.does_on(
        Engine::Postgres,
        "`DO $$ … $$` that asks for `current_setting('app.environment')`",
        "the same, with `session = [\"SET app.environment = '${ENVIRONMENT}'\"]` in the settings",
    );
    if !on_postgres {
        return;
    }
    for (environment, expected) in
        [("production", &["users_mail"][..]), ("development", &["users_mail", "users_nickname"])]
    {
        walk.anew();
        stamped(walk);
        let settings = walk.sandbox.read("warden.toml");
        let session = "session = [\"SET app.environment = '${ENVIRONMENT}'\"]";
        walk.sandbox.write("warden.toml", format!("{settings}{session}\n"));
        walk.sandbox.migration(
            "20230103140000_index_users.sql",
            "DO $$\nBEGIN\n    IF current_setting('app.environment') = 'production' THEN\n        CREATE INDEX users_mail ON users (mail);\n    \
             ELSE\n        CREATE INDEX users_mail ON users (mail);\n        CREATE INDEX users_nickname ON users (nickname);\n    \
             END IF;\nEND $$;\n",
        );
        walk.sandbox.set("ENVIRONMENT", environment);
        walk.runs("dbwarden migrate").exits(0);
        assert_eq!(indexes(walk, "users"), expected, "{environment}");
    }
}

fn conditions_in_comments(walk: &mut Walk) {
    walk.does("the same where the engine has no `DO`", "`-- unless: env production` before the statement");
    for (environment, expected) in
        [("production", &["users_mail"][..]), ("development", &["users_mail", "users_nickname"])]
    {
        walk.anew();
        stamped(walk);
        walk.sandbox.migration(
            "20230103140000_index_users.sql",
            "CREATE INDEX users_mail ON users (mail);\n-- unless: env production\nCREATE INDEX users_nickname ON users (nickname);\n",
        );
        walk.sandbox.set("ENVIRONMENT", environment);
        walk.runs("dbwarden migrate").exits(0);
        assert_eq!(indexes(walk, "users"), expected, "{environment}");
    }
}

fn directories(walk: &mut Walk) {
    walk.does(
        "a `migrations_dir` for each environment: `./migrations/{environment}`",
        "`migrations = \"migrations/${ENVIRONMENT:-development}\"` in the settings; `{env}` in its place is `dev`, `staging` or `prod`",
    );
    let settings = walk.sandbox.read("warden.toml");
    let of = |directory: &str| settings.replace("\"migrations\"", &format!("\"migrations/{directory}\""));
    walk.sandbox.write("warden.toml", of("${ENVIRONMENT:-development}"));
    for (directory, table) in [("development", "playground"), ("production", "ledger"), ("prod", "archive")] {
        let sql = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY);\n-- @UNDO\nDROP TABLE {table};\n");
        walk.sandbox.migration(&format!("{directory}/20230101120000_create_{table}.sql"), sql);
    }
    walk.runs("dbwarden migrate").exits(0);
    assert!(has_table(walk, "playground") && !has_table(walk, "ledger"));
    walk.runs("dbwarden rollback").exits(0);
    walk.sandbox.set("ENVIRONMENT", "production");
    walk.runs("dbwarden migrate").exits(0);
    assert!(has_table(walk, "ledger") && !has_table(walk, "playground"));
    walk.runs("dbwarden --yes rollback").exits(0);
    walk.sandbox.write("warden.toml", of("{env}"));
    walk.runs("dbwarden migrate").exits(0);
    assert!(has_table(walk, "archive"));
    walk.runs("dbwarden --yes rollback").exits(0);

    walk.does(
        "the same in a program",
        "`Migrator::builder(url).directory(format!(\"./migrations/{environment}\"))`",
    );
    migrator_of(walk, "migrations/production").build().unwrap().migrate().unwrap();
    assert!(has_table(walk, "ledger"));
}
