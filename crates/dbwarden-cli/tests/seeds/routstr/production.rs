//! Production: without downtime, watched, with a backup before it.

use std::sync::{Arc, Mutex};

use dbwarden::apply::failure::StepError;
use dbwarden::apply::hooks::{Hook, HookOutcome, Moment};
use dbwarden::apply::run::StepReport;
use testkit::Engine;

use super::{INDEXES, INITIAL, PREFERENCES, VERSIONS, preferences, project, revision};
use crate::program::{columns, has_table, migrator_of, script};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    without_downtime(walk);
    watched(walk);
    with_a_backup(walk);
}

fn without_downtime(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    walk.types(
        "1. backwards compatible: `op.add_column('apikey', sa.Column('new_field', sa.String(), nullable=True))`",
        "dbwarden template add-column --table tokens --column new_field --type 'sa.String()' --null --write 'add new field'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    // What the release before writes goes on working.
    walk.database.execute("INSERT INTO tokens (hash) VALUES ('one')");
    assert_eq!(walk.database.rows("SELECT new_field FROM tokens"), ["NULL"]);
    walk.types(
        "… and later, once no code uses it: `op.drop_column('apikey', 'old_field')`",
        "dbwarden template drop-column --table tokens --column note --write 'drop note'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert!(!columns(walk, "tokens").contains(&"note".to_owned()));
    walk.runs("dbwarden downgrade").exits(0);
    assert!(columns(walk, "tokens").contains(&"note".to_owned()));
    walk.not_yet("2. deploy in phases: run the migration, clean up later", "dbwarden upgrade --phase expand");
    walk.does(
        "3. `if feature_enabled('use_new_schema')`",
        "the program's own flag, or `migrator.is_applied(\"a1b2c3d4e5f6\")?`",
    );
    preferences(walk);
    let mut migrator = migrator_of(walk, VERSIONS).build().unwrap();
    assert!(!migrator.is_applied(PREFERENCES).unwrap());
    migrator.migrate_to(PREFERENCES).unwrap();
    assert!(migrator.is_applied(PREFERENCES).unwrap());
}

/// Logs what each migration comes to.
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn info(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Hook for Log {
    fn before(&self, moment: &mut Moment<'_>) -> HookOutcome {
        self.info(format!("starting migration {}", moment.step.id));
        Ok(())
    }

    fn after(&self, _: &mut Moment<'_>, report: &StepReport) -> HookOutcome {
        assert!(report.duration_ms < 60_000, "{report:?}");
        self.info(format!("migration {} completed", report.version));
        Ok(())
    }

    fn failed(&self, moment: &mut Moment<'_>, error: &StepError) -> HookOutcome {
        self.info(format!("migration {} failed: {error}", moment.step.id));
        Ok(())
    }
}

fn watched(walk: &mut Walk) {
    project(walk);
    revision(walk, PREFERENCES, INDEXES, "wrong", "INSERT INTO nowhere VALUES (1);", "DELETE FROM nowhere;");
    walk.does(
        "`logger.info(…)` at the start and the end of each `upgrade()`, with the time it took; `logger.error(…)` where it fails",
        "one `Hook` for all of them: `before`, `after` with the report and its `duration_ms`, `failed` with the error",
    );
    let lines = Arc::default();
    let mut migrator = migrator_of(walk, VERSIONS).hook(Log(Arc::clone(&lines))).build().unwrap();
    migrator.migrate().unwrap_err();
    let mut lines = lines.lock().unwrap().clone();
    let failed = lines.pop().unwrap();
    assert!(failed.starts_with("migration a1b2c3d4e5f6 failed: ") && failed.contains("nowhere"), "{failed}");
    let expected = [
        format!("starting migration {INITIAL}"),
        format!("migration {INITIAL} completed"),
        format!("starting migration {INDEXES}"),
        format!("migration {INDEXES} completed"),
        format!("starting migration {PREFERENCES}"),
    ];
    assert_eq!(lines, expected);

    walk.does(
        "the same without a program",
        "`hooks.before`, `hooks.after`, `hooks.failure` in the settings: commands that get the version, the time it took and the error as JSON",
    );
    let settings = walk.sandbox.read("warden.toml");
    let hooks = "hooks.before = [\"cat >> log.txt; echo >> log.txt\"]\nhooks.after = [\"cat >> log.txt; echo >> log.txt\"]\n\
                 hooks.failure = [\"cat >> log.txt; echo >> log.txt\"]\n";
    walk.sandbox.write("warden.toml", format!("{settings}{hooks}"));
    walk.runs("dbwarden downgrade base").exits(0);
    walk.sandbox.remove("log.txt");
    walk.runs("dbwarden upgrade").exits(1);
    let log: Vec<serde_json::Value> =
        walk.sandbox.read("log.txt").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        log.iter().map(|it| format!("{} {}", it["hook"], it["version"]).replace('"', "")).collect();
    let expected = [
        "before e5d4c3b2a1f6",
        "after e5d4c3b2a1f6",
        "before f6e5d4c3b2a1",
        "after f6e5d4c3b2a1",
        "before a1b2c3d4e5f6",
        "failure a1b2c3d4e5f6",
    ];
    assert_eq!(told, expected);
    assert!(
        log[1]["duration_ms"].is_u64() && log[5]["error"].as_str().unwrap().contains("nowhere"),
        "{log:?}"
    );
}

const BACKUP: &str = r#"#!/bin/bash
set -e
stamp=$(date +%Y%m%d_%H%M%S)
case "$DATABASE_URL" in
    sqlite*) cp database.db "copy_$stamp.db" ;;
    *) pg_dump "$DATABASE_URL" > "copy_$stamp.sql" ;;
esac
dbwarden upgrade head
dbwarden current
"#;

fn with_a_backup(walk: &mut Walk) {
    project(walk);
    walk.sandbox.write(
        "warden.toml",
        "[databases.primary]\nmigrations = \"migrations/versions\"\nurl = \"${DATABASE_URL}\"\n",
    );
    let sqlite = walk.engine() == Engine::Sqlite;
    let url = if sqlite { "sqlite:///database.db".to_owned() } else { walk.database.url() };
    walk.sandbox.set("DATABASE_URL", &url);
    walk.runs("dbwarden upgrade").exits(0);
    preferences(walk);
    walk.does(
        "`backup_before_migration.sh`: `cp database.db` or `pg_dump $DATABASE_URL`, `alembic upgrade head`, `alembic current`",
        "the same script with `dbwarden upgrade head` and `dbwarden current`",
    );
    let ran = script(walk, "backup_before_migration.sh", BACKUP).exits(0);
    assert!(
        ran.out.contains("applied 1") && ran.out.contains("at a1b2c3d4e5f6 (head)"),
        "{}",
        ran.transcript
    );
    let copy = std::fs::read_dir(walk.sandbox.path(".")).unwrap().map(|entry| entry.unwrap().path());
    let copy = copy
        .into_iter()
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("copy_"))
        .unwrap();
    let name = copy.file_name().unwrap().to_string_lossy().into_owned();
    if sqlite {
        let copy = walk.sandbox.database_at(&name);
        assert!(
            copy.table_exists(None, "tokens").unwrap() && !copy.table_exists(None, "preferences").unwrap()
        );
    } else {
        let text = walk.sandbox.read(&name);
        assert!(
            text.contains("CREATE TABLE public.tokens") && !text.contains("public.preferences"),
            "{text}"
        );
    }
    walk.runs("dbwarden downgrade").exits(0);
    let ran = walk.types("the same in one command, on any engine", "dbwarden upgrade head --with-backup");
    let restore = ran.out.split("to go back: `").nth(1).and_then(|rest| rest.split('`').next());
    assert!(ran.out.contains("backup backups/"), "{}", ran.transcript);
    let file = std::fs::read_dir(walk.sandbox.path("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let file = file.into_iter().find(|name| name.ends_with(".db") || name.ends_with(".dump")).unwrap();
    assert!(restore.is_some(), "{}", ran.transcript);
    walk.runs(&format!("dbwarden restore backups/{file}")).exits(0);
    let ran = walk.runs("dbwarden current").exits(0);
    assert!(ran.out.contains("at f6e5d4c3b2a1"), "{}", ran.transcript);
    if !sqlite {
        assert!(!has_table(walk, "preferences"));
    }
}
