//! What the document runs without a person: pipelines, containers, programs; and what it says of many migrations and of failed ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use dbwarden::Migrator;
use dbwarden::apply::run::Event;
use dbwarden::project::{Project, Sources};

use super::{is_free, is_there, table};
use crate::walk::Walk;

/// A project whose settings are all in variables, with two files.
fn without_settings(walk: &mut Walk) {
    walk.anew();
    table(walk, "20240215_143000", "albums");
    table(walk, "20240215_143001", "tracks");
    walk.sandbox.remove("warden.toml");
}

pub(super) fn pipelines(walk: &mut Walk) {
    without_settings(walk);
    walk.does(
        "`pip install dbwarden` in a pipeline",
        "`cargo install dbwarden-cli`, with a cache, as in the recipes below",
    );
    for (path, says) in [
        ("github-actions/deploy.yml", "cargo install --locked"),
        ("gitlab-ci.yml", "cargo install --locked"),
        ("Dockerfile", "ENTRYPOINT [\"dbwarden\"]"),
        ("kubernetes/job.yaml", "args: [\"migrate\""),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(says), "{}: {says}", path.display());
    }
    walk.does(
        "`STRATA_SQLALCHEMY_URL`, `STRATA_ASYNC` in the environment",
        "the same, without a `warden.toml`; the newer name is `DATABASE_URL`",
    );
    let url = walk.database.url();
    walk.sandbox.set("STRATA_SQLALCHEMY_URL", &url);
    walk.sandbox.set("STRATA_ASYNC", "false");
    let status = walk.runs("dbwarden status").exits(0);
    assert!(status.out.contains("2 pending"), "{}", status.transcript);

    walk.does(
        "GitHub Actions: `dbwarden migrate --to-version` the input, else `dbwarden migrate --verbose`",
        "the same; [`deploy/github-actions/deploy.yml`](../../../deploy/github-actions/deploy.yml)",
    );
    // The input is put into the script's text before a shell sees it.
    let step = |target: &str| {
        format!(
            "if [ \"{target}\" ]; then\n  dbwarden migrate --to-version {target}\nelse\n  dbwarden migrate --verbose\nfi\n"
        )
    };
    walk.sandbox.script(&step("20240215_143000")).exits(0);
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    let rest = walk.sandbox.script(&step("")).exits(0);
    assert_eq!(walk.database.versions(), ["20240215_143000", "20240215_143001"]);
    assert!(rest.err.contains("CREATE TABLE tracks"), "{}", rest.err);

    without_settings(walk);
    walk.does(
        "GitLab CI: `STRATA_SQLALCHEMY_URL: $DATABASE_URL`, `dbwarden migrate --verbose`",
        "the same; [`deploy/gitlab-ci.yml`](../../../deploy/gitlab-ci.yml)",
    );
    let url = walk.database.url();
    walk.sandbox.set("DATABASE_URL", &url);
    walk.sandbox.set("STRATA_SQLALCHEMY_URL", &url);
    let ran = walk.sandbox.script("dbwarden migrate --verbose").exits(0);
    assert!(ran.err.contains("CREATE TABLE albums"), "{}", ran.err);
    assert!(is_there(walk, "tracks"));

    without_settings(walk);
    walk.does(
        "Docker: `CMD [\"sh\", \"-c\", \"dbwarden migrate && your_app\"]`",
        "the same; [`deploy/Dockerfile`](../../../deploy/Dockerfile) is an image of its own for it",
    );
    let url = walk.database.url();
    walk.sandbox.set("STRATA_SQLALCHEMY_URL", &url);
    let container = "sh -c 'dbwarden migrate && echo serving'";
    let good = walk.sandbox.read("migrations/V20240215_143001__create_tracks.sql");
    walk.sandbox
        .migration("V20240215_143001__create_tracks.sql", good.replace("CREATE TABLE", "CREATE TABEL"));
    let failed = walk.sandbox.script(container).exits(1);
    assert!(!failed.out.contains("serving"), "{}", failed.out);
    walk.sandbox.migration("V20240215_143001__create_tracks.sql", good);
    let started = walk.sandbox.script(container).exits(0);
    assert!(started.out.ends_with("serving\n"), "{}", started.out);
    // Each start of the container is the same command.
    let again = walk.sandbox.script(container).exits(0);
    assert!(again.out.contains("nothing to do") && again.out.ends_with("serving\n"), "{}", again.out);

    without_settings(walk);
    let url = walk.database.url();
    walk.sandbox.set("STRATA_SQLALCHEMY_URL", &url);
    walk.types(
        "Kubernetes: `command: [\"dbwarden\", \"migrate\", \"--verbose\"]`, `STRATA_SQLALCHEMY_URL` from a secret",
        "dbwarden migrate --verbose",
    );
    assert!(is_there(walk, "tracks"));
    walk.does(
        "`restartPolicy: OnFailure`",
        "the exit code says whether it makes sense to try again: \
         [`deploy/kubernetes/job.yaml`](../../../deploy/kubernetes/job.yaml)",
    );
    table(walk, "20240215_143002", "labels");
    walk.sandbox.write("warden.toml", "[databases.primary]\nmigrations = \"migrations\"\n");
    // A pod that is gone while it migrates; the next one does all of it.
    walk.holds("dbwarden migrate").killed();
    walk.runs("dbwarden migrate --verbose").exits(0);
    assert!(is_there(walk, "labels"));
}

pub(super) fn environments(walk: &mut Walk) {
    walk.anew();
    let key = walk.database.key();
    walk.sandbox.migration(
        "V20240215_143000__base_schema.sql",
        format!(
            "-- V20240215_143000__base_schema.sql (everywhere)\n\n-- upgrade\nCREATE TABLE guests (id {key}, email VARCHAR(255));\n\
             -- rollback\nDROP TABLE guests;\n"
        ),
    );
    let demo = "-- upgrade\nINSERT INTO guests (email) VALUES ('demo@example.org');\n\
                -- rollback\nDELETE FROM guests WHERE email = 'demo@example.org';\n";
    let name = "V20240215_143001__demo_data.sql";
    walk.sandbox.migration(name, format!("-- {name} (demo only)\n-- tags: demo\n\n{demo}"));
    walk.does(
        "`-- V20240215_143000__base_schema.sql (always run)` at the top of a file",
        "the same: a comment, and what has no tag always runs",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    assert!(walk.database.rows("SELECT email FROM guests").is_empty());
    walk.does(
        "`-- V20240215_143001__demo_data.sql (demo only)`",
        "a line `-- tags: demo` beside that comment, and `dbwarden migrate --tag demo`; without the tag it is left out",
    );
    walk.runs("dbwarden migrate --tag demo").exits(0);
    assert_eq!(walk.database.rows("SELECT email FROM guests"), ["demo@example.org"]);
    walk.does(
        "the same for environments",
        "a line `-- environments: dev, staging` in the file, and `dbwarden migrate --env staging`",
    );
    walk.runs("dbwarden rollback").exits(0);
    assert!(walk.database.rows("SELECT email FROM guests").is_empty());
    walk.sandbox.migration(name, format!("-- environments: dev, staging\n{demo}"));
    walk.runs("dbwarden migrate").exits(0);
    assert!(walk.database.rows("SELECT email FROM guests").is_empty());
    walk.runs("dbwarden migrate --env staging").exits(0);
    assert_eq!(walk.database.rows("SELECT email FROM guests"), ["demo@example.org"]);

    walk.anew();
    table(walk, "20240215_143000", "albums");
    table(walk, "20240215_143001", "tracks");
    walk.does(
        "`get_config()`",
        "`Project::load(&sources)?.select(None)?`, or `Migrator::builder(url)` without settings",
    );
    let sources =
        Sources { directory: walk.sandbox.path(""), environment: BTreeMap::new(), ..Sources::default() };
    let settings = Project::load(&sources).unwrap().select(None).unwrap();
    walk.does(
        "`migrate_cmd(to_version=\"20240215_143000\", verbose=True)`",
        "`Migrator::with_settings(settings).on_event(show).build()?.migrate_to(\"20240215_143000\")?`",
    );
    let shown = Arc::new(Mutex::new(Vec::new()));
    let show = Arc::clone(&shown);
    let mut migrator = Migrator::with_settings(settings)
        .on_event(move |event: &Event<'_>| {
            if let Event::StatementStarted { text, .. } = event {
                show.lock().unwrap().push((*text).to_owned());
            }
        })
        .build()
        .unwrap();
    let report = migrator.migrate_to("20240215_143000").unwrap();
    assert_eq!((report.count(), report.pending.len()), (1, 1));
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    let shown = shown.lock().unwrap();
    assert!(shown.len() == 1 && shown[0].starts_with("CREATE TABLE albums"), "{shown:?}");
}

pub(super) fn performance(walk: &mut Walk) {
    walk.anew();
    for number in 0..12 {
        table(walk, &format!("20240215_1430{number:02}"), &format!("part_{number}"));
    }
    walk.types("`dbwarden migrate --count 10`", "dbwarden migrate --count 10");
    assert_eq!(walk.database.versions().len(), 10);
    walk.does("a count of more than are pending", "says how many are, and exits with 2");
    let refused = walk.runs("dbwarden migrate --count 10").exits(2);
    assert!(refused.err.contains("2 are pending"), "{}", refused.transcript);
    assert_eq!(walk.database.versions().len(), 10);
    walk.types("`dbwarden migrate`", "dbwarden migrate");
    walk.does(
        "migrations run one after the other",
        "the same; `--all --jobs N` takes several databases at once",
    );
    let versions: Vec<_> = (0..12).map(|number| format!("20240215_1430{number:02}")).collect();
    assert_eq!(walk.database.versions(), versions);
}

pub(super) fn recovery(walk: &mut Walk) {
    walk.anew();
    table(walk, "20240215_143000", "albums");
    let key = walk.database.key();
    let name = "V20240215_143001__ratings.sql";
    let text = format!(
        "-- upgrade\nCREATE TABLE ratings (id {key}, stars INTEGER);\nINSERT INTO ratings (stars) VALUES (5);\n\
         -- rollback\nDROP TABLE ratings;\n"
    );
    walk.sandbox.migration(name, text.replace("(stars)", "(starz)"));
    walk.does("a failed migration", "is rolled back, names file, line and column, and leaves no lock behind");
    let failed = walk.runs("dbwarden migrate").exits(1);
    assert!(failed.err.contains(&format!("{name}:3:")), "{}", failed.err);
    assert!(!is_there(walk, "ratings"));
    let free = walk.types("`dbwarden lock-status`", "dbwarden lock-status");
    assert!(free.out.contains("lock free"), "{}", free.out);
    walk.types("`dbwarden unlock`", "dbwarden unlock");
    let history = walk.types("`dbwarden history`", "dbwarden history");
    let line = |version: &str| {
        let line = history.out.lines().find(|line| line.contains(&format!("-> {version}")));
        line.unwrap_or_else(|| panic!("{}", history.out)).to_owned()
    };
    assert!(line("20240215_143001").contains("not applied"), "{}", history.out);
    assert!(!line("20240215_143000").contains("not applied"), "{}", history.out);
    let status = walk.types("`dbwarden status`", "dbwarden status");
    assert!(status.out.contains("pending  20240215_143001"), "{}", status.out);
    walk.sandbox.migration(name, text);
    walk.types("`dbwarden migrate`, the file being mended", "dbwarden migrate");
    assert_eq!(walk.database.rows("SELECT stars FROM ratings"), ["5"]);
    is_free(walk);

    walk.does(
        "`DELETE FROM strata_migrations WHERE version = '20240215_143000' …`",
        "`DELETE FROM dbwarden_migrations WHERE version = '20240215_143000'`: pending again",
    );
    walk.database
        .execute("DELETE FROM dbwarden_migrations WHERE version = '20240215_143001'; DROP TABLE ratings");
    let status = walk.runs("dbwarden status").exits(0);
    assert!(status.out.contains("pending  20240215_143001"), "{}", status.out);
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT stars FROM ratings"), ["5"]);
    walk.types("the same as a command", "dbwarden stamp --remove 20240215_143001");
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
}
