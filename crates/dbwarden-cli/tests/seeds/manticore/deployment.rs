//! Pipelines, deployments, and the way back.

use testkit::Database;
use yaml_rust2::{Yaml, YamlLoader};

use dbwarden::ops::ready::Readiness;

use super::stamped;
use crate::program::{columns, done, has_table, migrator, migrator_of, script};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    pipeline(walk);
    walk.anew();
    migration_first(walk);
    blue_and_green(walk);
    walk.anew();
    canary(walk);
    rolling_back(walk);
}

/// What the step `name` of a workflow in `deploy/` runs.
fn step(workflow: &str, name: &str) -> String {
    let path = format!("{}/../../deploy/{workflow}", env!("CARGO_MANIFEST_DIR"));
    let workflow = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let jobs = workflow[0]["jobs"].as_hash().unwrap();
    let mut steps = jobs.values().flat_map(|job| job["steps"].as_vec().into_iter().flatten());
    let step: &Yaml = steps.find(|step| step["name"].as_str() == Some(name)).unwrap();
    step["run"].as_str().unwrap().to_owned()
}

fn pipeline(walk: &mut Walk) {
    stamped(walk);
    walk.does(
        "a workflow on GitHub with a server beside it, and `python -m tests.test_migrations`",
        "`deploy/github-actions/check.yml`: up, down, up, and `verify`, on an empty server of its own",
    );
    walk.sandbox.set("CHECK_URL", &walk.database.url());
    let ran =
        script(walk, "check.sh", &format!("set -e\n{}", step("github-actions/check.yml", "Up, down, up")))
            .exits(0);
    assert_eq!(ran.out.matches("applied 2").count(), 2, "{}", ran.transcript);
    assert!(ran.out.contains("rolled back 2"), "{}", ran.transcript);
    // A way back that does not take back everything is found there.
    let wrong = walk
        .sandbox
        .read("migrations/20230102130000_add_age_column.sql")
        .replace("DROP COLUMN age", "DROP COLUMN aeg");
    walk.sandbox.migration("20230102130000_add_age_column.sql", wrong);
    script(walk, "check.sh", &format!("set -e\n{}", step("github-actions/check.yml", "Up, down, up")))
        .exits(1);
    walk.not_yet("the same on a scratch database", "dbwarden verify --round-trip");

    walk.does("`DATABASE_URL` in the job's environment", "`url = \"${DATABASE_URL}\"` in the settings");
    walk.anew();
    stamped(walk);
    walk.sandbox.write(
        "warden.toml",
        "[databases.primary]\nurl = \"${DATABASE_URL}\"\nmigrations = \"migrations\"\n",
    );
    walk.runs("dbwarden status").exits(2);
    walk.sandbox.set("DATABASE_URL", &walk.database.url());
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.versions().len(), 2);
}

/// A deployment that writes down what it does.
const DEPLOY: &str = "set -e\ndeploy_application_code() { echo deployed >> deployed.txt; }\n";

fn migration_first(walk: &mut Walk) {
    stamped(walk);
    walk.does(
        "`python -m scripts.apply_migrations`, then `deploy_application_code`",
        "`dbwarden migrate`, then the same, in a script with `set -e`: a migration that fails keeps the code back",
    );
    let text = format!("{DEPLOY}dbwarden migrate --lock-wait 10m\ndeploy_application_code\n");
    script(walk, "deploy.sh", &text).exits(0);
    assert_eq!(
        (walk.database.versions().len(), walk.sandbox.read("deployed.txt")),
        (2, "deployed\n".to_owned())
    );
    walk.sandbox.migration("20230103140000_wrong.sql", "INSERT INTO nowhere VALUES (1);\n");
    script(walk, "deploy.sh", &text).exits(1);
    assert_eq!(
        (walk.database.versions().len(), walk.sandbox.read("deployed.txt")),
        (2, "deployed\n".to_owned())
    );
    walk.sandbox.remove("migrations/20230103140000_wrong.sql");
}

fn blue_and_green(walk: &mut Walk) {
    walk.not_yet(
        "`python -m scripts.create_new_db_with_migrations`: the database",
        "dbwarden database create",
    );
    let green = Database::new(walk.engine());
    walk.sandbox.set("GREEN_URL", &green.url());
    walk.sandbox.migration("20230103140000_add_tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n");
    walk.types("… and its migrations", "dbwarden --url env:GREEN_URL migrate");
    assert_eq!((green.versions().len(), walk.database.versions().len()), (3, 2));
    walk.does(
        "`update_application_config`, `deploy_application_code`",
        "the same; the old database stays as it was",
    );
    assert!(!has_table(walk, "tags"));
    let text = format!("{DEPLOY}dbwarden --url env:GREEN_URL status --check\ndeploy_application_code\n");
    script(walk, "deploy.sh", &text).exits(0);
}

fn canary(walk: &mut Walk) {
    stamped(walk);
    walk.runs("dbwarden migrate").exits(0);
    // The release before has the same files without the last.
    let before = walk.sandbox.read("migrations/20230101120000_create_users_table.sql");
    walk.sandbox.write("release_before/migrations/20230101120000_create_users_table.sql", before);
    walk.does(
        "`python -m scripts.apply_migrations`, `deploy_canary`, `monitor_and_scale_deployment`",
        "`dbwarden migrate`, then the same; to what still runs the release before, the database is ahead, which `ready()` says and is no error",
    );
    let mut old = migrator_of(walk, "release_before/migrations").build().unwrap();
    let readiness = old.ready().unwrap();
    assert!(
        matches!(&readiness, Readiness::Ahead { applied } if applied == &["20230102130000".into()]),
        "{readiness:?}"
    );
    assert!(readiness.is_ready());
    assert_eq!(old.migrate().unwrap().count(), 0);
    assert!(migrator(walk).build().unwrap().ready().unwrap() == Readiness::Ready);
    walk.types(
        "the release before, by a command",
        "dbwarden --migrations release_before/migrations status --check",
    );
}

fn rolling_back(walk: &mut Walk) {
    walk.does(
        "the script of a rollback: `get_current_version()`, `rollback(count=1)`",
        "`migrator.current()?`, `migrator.rollback_count(1)?`; or `dbwarden current` and `dbwarden rollback -c 1` in a script",
    );
    let mut migrator = migrator(walk).build().unwrap();
    assert_eq!(migrator.current().unwrap(), ["20230102130000".into()]);
    assert_eq!(done(&migrator.rollback_count(1).unwrap()), ["20230102130000"]);
    assert!(!columns(walk, "users").contains(&"age".to_owned()));
    walk.runs("dbwarden migrate").exits(0);
    let ran = script(walk, "rollback_last.sh", "set -e\ndbwarden current\ndbwarden rollback -c 1\n").exits(0);
    assert!(
        ran.out.contains("at 20230102130000 (head)") && ran.out.contains("rolled back 1"),
        "{}",
        ran.transcript
    );
    assert!(!columns(walk, "users").contains(&"age".to_owned()));
    // The release before can take it back too: the way back is in the records.
    walk.runs("dbwarden migrate").exits(0);
    walk.types(
        "… from the release before, which has no file of it",
        "dbwarden --migrations release_before/migrations rollback",
    );
    assert_eq!(walk.database.versions(), ["20230101120000"]);
    walk.sandbox.set("ENVIRONMENT", "production");
    walk.types_to(6, "… in production, where it asks first (exit code 6)", "dbwarden rollback -c 1");
    assert!(has_table(walk, "users"));
    walk.types("… and is agreed to", "dbwarden rollback -c 1 --yes");
    assert!(!has_table(walk, "users"));
}
