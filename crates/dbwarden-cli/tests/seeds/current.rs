//! DBWarden, the current version: several databases (`-d NAME`, `--all`), repeatables, headers, `--dev`.

use dbwarden::Migrator;
use dbwarden::migration::checksum::FileHash;
use dbwarden::project::{Project, Sources};
use testkit::{Database, Engine};

use crate::sandbox::listing;
use crate::walk::{Walk, walk};

walk!("current");

fn walk(walk: &mut Walk) {
    locking(walk);
    checksums(walk);
    repeatables(walk);
    dependencies(walk);
    seeds(walk);
    dev(walk);
    deployment(walk);
    pipeline(walk);
    recovery(walk);
}

/// Begins anew in a project with two databases: `primary`, which is the walk's own, and the one that is returned.
fn anew(walk: &mut Walk) -> Database {
    walk.anew();
    let events = Database::new(walk.engine());
    walk.sandbox.write(
        "warden.toml",
        format!(
            "default = \"primary\"\n\n[databases.primary]\nurl = \"{}\"\n\n[databases.events]\nurl = \"{}\"\n",
            walk.database.url(),
            events.url()
        ),
    );
    table(walk, "primary", "0001", "clients");
    table(walk, "events", "0001", "visits");
    events
}

/// A file with a table and its way back.
fn table(walk: &Walk, database: &str, number: &str, name: &str) {
    let key = walk.database.key();
    write(
        walk,
        &format!("{database}/{number}_create_{name}.sql"),
        &format!(
            "-- upgrade\nCREATE TABLE {name} (id {key}, name VARCHAR(80));\n\n-- rollback\nDROP TABLE {name};\n"
        ),
    );
}

fn write(walk: &Walk, name: &str, text: &str) {
    walk.sandbox.migration(name, text);
}

fn is_there(database: &Database, name: &str) -> bool {
    !database.rows(&format!("SELECT count(*) FROM {name}")).is_empty()
}

fn locking(walk: &mut Walk) {
    let events = anew(walk);
    walk.does("`create_lock_table_if_missing(db_name)`", "the first `migrate` of a database makes it");
    assert!(!is_there(&walk.database, "dbwarden_lock"));
    walk.does("`acquire_lock(db_name)`", "the same: each database has a lock of its own");
    let run = walk.holds("dbwarden migrate -d primary");
    assert!(is_there(&walk.database, "dbwarden_lock"));
    let held = walk.types("`dbwarden lock-status -d primary`", "dbwarden lock-status -d primary");
    assert!(held.out.contains(&format!("(pid {})", run.pid())), "{}", held.out);
    assert!(walk.runs("dbwarden lock-status -d events").exits(0).out.contains("lock free"));
    let second = walk.runs("dbwarden migrate -d primary --lock-wait 1s").exits(4);
    assert!(second.err.contains("error[locked]"), "{}", second.transcript);
    walk.runs("dbwarden migrate -d events").exits(0);
    assert!(is_there(&events, "visits") && !is_there(&walk.database, "clients"));
    run.goes_on();
    assert_eq!(walk.database.versions(), ["0001"]);

    walk.does("`rollback` under the lock", "the same");
    let run = walk.holds("dbwarden rollback -d primary");
    let second = walk.runs("dbwarden rollback -d primary --lock-wait 1s").exits(4);
    assert!(
        second.err.contains("error[locked]") && is_there(&walk.database, "clients"),
        "{}",
        second.transcript
    );
    run.goes_on();
    assert!(!is_there(&walk.database, "clients"));

    walk.does(
        "`migrate_with_lock(db_name)`",
        "`Migrator::with_settings(project.select(Some(\"primary\"))?).build()?.migrate()?`",
    );
    let sources = Sources { directory: walk.sandbox.path(""), ..Sources::default() };
    let project = Project::load(&sources).unwrap();
    let mut migrator = Migrator::with_settings(project.select(Some("primary")).unwrap()).build().unwrap();
    assert_eq!(migrator.migrate().unwrap().count(), 1);
    assert!(is_there(&walk.database, "clients") && walk.database.lock_owner().is_empty());
    assert_eq!(migrator.rollback().unwrap().count(), 1);

    walk.does(
        "`finally: release_lock(lock)`",
        "the same, also when a migration fails or the run is interrupted",
    );
    write(walk, "primary/0002_wrong.sql", "-- upgrade\nINSERT INTO nowhere VALUES (1);\n");
    walk.runs("dbwarden migrate -d primary").exits(1);
    assert_eq!(walk.database.lock_owner(), "");
    walk.sandbox.remove("migrations/primary/0002_wrong.sql");
    table(walk, "primary", "0002", "bills");
    walk.holds("dbwarden migrate -d primary").interrupted();
    assert_eq!(walk.database.lock_owner(), "");
    assert!(walk.runs("dbwarden lock-status -d primary").exits(0).out.contains("lock free"));
    walk.sandbox.remove("migrations/primary/0002_create_bills.sql");

    table(walk, "primary", "0002", "orders");
    walk.holds("dbwarden migrate -d primary").killed();
    let stale = walk.runs("dbwarden lock-status -d primary").exits(0);
    assert!(stale.out.contains("that run is gone"), "{}", stale.out);
    let unlocked = walk.types("`dbwarden unlock -d primary`", "dbwarden unlock -d primary");
    assert!(unlocked.out.contains("is released"), "{}", unlocked.out);
    assert_eq!(walk.database.lock_owner(), "");
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
}

fn checksums(walk: &mut Walk) {
    anew(walk);
    walk.does("a checksum in `dbwarden_migrations` for each execution", "the same");
    walk.runs("dbwarden migrate").exits(0);
    let sum = walk.database.one("SELECT checksum FROM dbwarden_migrations WHERE version = '0001'");
    assert!(sum.starts_with("v1:") && sum.len() == 67, "{sum}");

    let name = "migrations/primary/0001_create_clients.sql";
    let text = walk.sandbox.read(name);
    walk.sandbox.write(name, text.replace("VARCHAR(80)", "VARCHAR(90)"));
    let status = walk.types("a modified file is seen", "dbwarden status -d primary");
    assert!(status.out.contains("changed  0001"), "{}", status.out);
    let refused = walk.runs("dbwarden migrate -d primary").exits(5);
    assert!(refused.err.contains("error[changed]") && refused.err.contains(name), "{}", refused.transcript);
    walk.sandbox.write(name, &text);
    walk.runs("dbwarden verify -d primary").exits(0);

    walk.does(
        "equivalent content is not applied again by accident",
        "a file that was renamed is refused; `dbwarden verify --accept 0007 --reason \"…\"` moves its record",
    );
    walk.sandbox.rename(name, "migrations/primary/0007_clients.sql");
    let refused = walk.runs("dbwarden migrate").exits(5);
    assert!(refused.err.contains("error[renamed]"), "{}", refused.transcript);
    walk.runs("dbwarden verify --accept 0007 --reason renumbered").exits(0);
    assert_eq!(walk.database.versions(), ["0007"]);
    walk.runs("dbwarden migrate").exits(0);

    adopts(walk);
}

/// What the old tool recorded: its sums are those of the document's function.
fn adopts(walk: &mut Walk) {
    anew(walk);
    let key = walk.database.key();
    let time = if walk.engine() == Engine::Postgres { "TIMESTAMP" } else { "DATETIME" };
    let statement = format!("CREATE TABLE clients (id {key}, name VARCHAR(80))");
    walk.database.execute(&format!(
        "{statement};
         CREATE TABLE dbwarden_migrations (id {key}, version VARCHAR(50), description VARCHAR(200), filename VARCHAR(200),
             migration_type VARCHAR(20), applied_at {time}, checksum VARCHAR(64));
         INSERT INTO dbwarden_migrations (version, description, filename, migration_type, applied_at, checksum)
         VALUES ('0001', 'create clients', '0001_create_clients.sql', 'versioned', '2026-02-15 14:30:00', '{}');
         CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY, locked BOOLEAN, acquired_at {time});",
        FileHash::of(statement.as_bytes()).as_str()
    ));
    let before = walk.database.rows("SELECT version, filename FROM dbwarden_migrations");
    walk.runs("dbwarden migrate -d primary").exits(6);
    let adopted = walk.types(
        "a database with the records of DBWarden in Python, whose sums are `checksum(statements)`",
        "dbwarden adopt -d primary",
    );
    assert!(adopted.out.contains("recorded 1 migration"), "{}", adopted.out);
    assert_eq!(walk.database.versions(), ["0001"]);
    assert_eq!(walk.database.rows("SELECT version, filename FROM dbwarden_migrations_python"), before);
    walk.runs("dbwarden verify -d primary").exits(0);
}

fn repeatables(walk: &mut Walk) {
    anew(walk);
    walk.does("`NNNN_*.sql`: versioned, run once in order", "the same");
    table(walk, "primary", "0002", "orders");
    write(walk, "primary/0003_log.sql", "CREATE TABLE log (what VARCHAR(80));\n");
    walk.does("`RA__*.sql`: runs always", "the same: with each `migrate`, behind the versioned ones");
    write(walk, "primary/RA__ping.sql", "-- upgrade\nINSERT INTO log VALUES ('always');\n");
    walk.does("`ROC__*.sql`: runs when the checksum changed", "the same");
    let change = "-- upgrade\nINSERT INTO log VALUES ('changed');\n";
    write(walk, "primary/ROC__note.sql", change);
    let logged = "SELECT what FROM log ORDER BY what";
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.rows(logged), ["always", "changed"]);
    let status = walk.runs("dbwarden status -d primary --check").exits(0);
    assert!(status.out.contains("at 0003 (head)"), "{}", status.out);
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.rows(logged), ["always", "always", "changed"]);
    // A comment is no change.
    write(walk, "primary/ROC__note.sql", &format!("-- looked at again\n{change}"));
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.rows(logged), ["always", "always", "always", "changed"]);
    write(walk, "primary/ROC__note.sql", &change.replace("changed", "changed twice"));
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.rows(logged).last().unwrap(), "changed twice");
    let kinds = walk.database.rows("SELECT version, kind FROM dbwarden_migrations ORDER BY version");
    assert_eq!(
        kinds,
        [
            "0001|versioned",
            "0002|versioned",
            "0003|versioned",
            "RA__ping|runs-always",
            "ROC__note|runs-on-change"
        ]
    );
    walk.sandbox.remove("migrations/primary/RA__ping.sql");
    walk.sandbox.remove("migrations/primary/ROC__note.sql");

    walk.does("repeatables for views", "the same");
    let view = |column: &str| {
        format!(
            "-- upgrade\nDROP VIEW IF EXISTS client_names;\nCREATE VIEW client_names AS SELECT {column} AS shown FROM clients;\n"
        )
    };
    write(walk, "primary/ROC__client_names.sql", &view("name"));
    walk.database.execute("INSERT INTO clients (name) VALUES ('Ana')");
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.one("SELECT shown FROM client_names"), "Ana");
    write(walk, "primary/ROC__client_names.sql", &view("upper(name)"));
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.one("SELECT shown FROM client_names"), "ANA");
    if walk.does_on(Engine::Postgres, "repeatables for procedures and policies", "the same") {
        write(
            walk,
            "primary/ROC__greet.sql",
            "-- upgrade\nCREATE OR REPLACE PROCEDURE greet(who text) LANGUAGE plpgsql AS $$\nBEGIN\n    \
             INSERT INTO log VALUES ('hello ' || who);\nEND;\n$$;\n",
        );
        write(
            walk,
            "primary/RA__policies.sql",
            "-- upgrade\nALTER TABLE clients ENABLE ROW LEVEL SECURITY;\nDROP POLICY IF EXISTS readers ON clients;\n\
             CREATE POLICY readers ON clients FOR SELECT USING (name <> '');\n",
        );
        walk.runs("dbwarden migrate -d primary").exits(0);
        walk.runs("dbwarden migrate -d primary").exits(0);
        walk.database.execute("CALL greet('Ben')");
        assert_eq!(walk.database.one("SELECT what FROM log WHERE what LIKE 'hello%'"), "hello Ben");
        assert_eq!(walk.database.one("SELECT policyname FROM pg_policies"), "readers");
    }
}

fn dependencies(walk: &mut Walk) {
    anew(walk);
    let key = walk.database.key();
    let bills = format!(
        "-- depends_on: [\"0001\", \"0002\"]\n\n-- upgrade\nCREATE TABLE bills (id {key}, client_id INTEGER REFERENCES clients (id));\n\n\
         -- rollback\nDROP TABLE bills;\n"
    );
    write(walk, "primary/0003_bills.sql", &bills);
    walk.does(
        "`-- depends_on: [\"0001\", \"0002\"]` where one of them is not there",
        "an error that names the file, before anything is run",
    );
    let missing = walk.runs("dbwarden migrate -d primary").exits(1);
    assert!(missing.err.contains("error[unknown-dependency]"), "{}", missing.transcript);
    assert!(missing.err.contains("migrations/primary/0003_bills.sql"), "{}", missing.transcript);
    assert!(walk.database.versions().is_empty());
    walk.does("`-- depends_on: [\"0001\", \"0002\"]`", "the same, in the file's first lines");
    table(walk, "primary", "0002", "orders");
    walk.runs("dbwarden migrate -d primary --to-version 0003").exits(0);
    assert_eq!(walk.database.versions(), ["0001", "0002", "0003"]);
    walk.does("what it depends on is applied first", "the same, also where the number is higher");
    write(
        walk,
        "primary/0004_totals.sql",
        "-- depends_on: [\"0005\"]\n-- upgrade\nALTER TABLE sums ADD COLUMN total INTEGER;\n-- rollback\nALTER TABLE sums DROP COLUMN total;\n",
    );
    write(
        walk,
        "primary/0005_sums.sql",
        "-- down_revision: 0003\n-- upgrade\nCREATE TABLE sums (id INTEGER);\n-- rollback\nDROP TABLE sums;\n",
    );
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.versions(), ["0001", "0002", "0003", "0005", "0004"]);
}

fn seeds(walk: &mut Walk) {
    anew(walk);
    walk.does("`-- seed` at the top of a file", "the same: it runs once, where its number puts it");
    write(
        walk,
        "primary/0002_plans.sql",
        "-- seed\n\n-- upgrade\nINSERT INTO clients (name) VALUES ('gold');\n\n-- rollback\nDELETE FROM clients WHERE name = 'gold';\n",
    );
    walk.runs("dbwarden migrate -d primary").exits(0);
    walk.runs("dbwarden migrate -d primary").exits(0);
    assert_eq!(walk.database.rows("SELECT name FROM clients"), ["gold"]);
    let listed = walk.runs("dbwarden seed list -d primary").exits(0);
    assert!(listed.out.contains("0002"), "{}", listed.out);
    walk.does(
        "its `-- rollback`",
        "the same; `dbwarden seed rollback` and `dbwarden seed apply` take seeds alone",
    );
    walk.runs("dbwarden rollback -d primary").exits(0);
    assert!(walk.database.rows("SELECT name FROM clients").is_empty());
    walk.runs("dbwarden migrate -d primary --no-seeds").exits(0);
    assert_eq!(walk.database.versions(), ["0001"]);
    walk.runs("dbwarden seed apply -d primary").exits(0);
    walk.runs("dbwarden seed rollback -d primary").exits(0);
    assert_eq!(walk.database.versions(), ["0001"]);
    assert!(is_there(&walk.database, "clients"));
}

fn dev(walk: &mut Walk) {
    anew(walk);
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write(
        "warden.toml",
        settings.replace("[databases.primary]\n", "[databases.primary]\ndev_url = \"sqlite:///dev.db\"\n"),
    );
    let text = "-- upgrade\nCREATE TABLE tokens (id UUID PRIMARY KEY, made_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);\n\
                -- rollback\nDROP TABLE tokens;\n";
    write(walk, "primary/0001_create_clients.sql", text);
    walk.does(
        "`--dev` with a SQLite database for development",
        "the same; `dev_url` in `warden.toml` names it",
    );
    walk.runs("dbwarden --dev migrate -d primary").exits(0);
    assert!(walk.database.versions().is_empty());
    let dev = walk.sandbox.database_at("dev.db");
    let applied: String =
        dev.query_row("SELECT version FROM dbwarden_migrations", [], |row| row.get(0)).unwrap();
    assert_eq!(applied, "0001");
    walk.runs("dbwarden migrate -d primary --dev").exits(0);
    walk.not_yet(
        "models' types in SQLite's words (`UUID -> TEXT`), what is not known as `TEXT`, with a warning",
        "dbwarden --dev make-migrations \"sync\" -d primary",
    );
    let line = "dbwarden --dev --strict-translation make-migrations \"sync\" -d primary";
    walk.not_yet(&format!("`{line}`"), line);
}

fn deployment(walk: &mut Walk) {
    let events = anew(walk);
    table(walk, "primary", "0002", "orders");
    let status = walk.types("`dbwarden status -d primary`", "dbwarden status -d primary");
    assert!(status.out.contains("2 pending") && status.out.contains("pending  0002"), "{}", status.out);
    let line = "dbwarden migrate -d primary --with-backup";
    walk.database.execute("CREATE TABLE kept (name VARCHAR(80)); INSERT INTO kept VALUES ('before')");
    let saved = walk.types(&format!("`{line}`"), line);
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
    let history = walk.types("`dbwarden history -d primary`", "dbwarden history -d primary");
    assert!(
        history.out.contains("0001 -> 0002 (head)") && !history.out.contains("not applied"),
        "{}",
        history.out
    );
    walk.does("the backup", "in `backups/`; the run prints the command that goes back to it");
    let back = saved
        .out
        .lines()
        .chain(saved.err.lines())
        .find_map(|line| line.split('`').find(|part| part.starts_with("dbwarden restore")));
    walk.database.execute("DELETE FROM kept");
    walk.runs(&format!("{} --yes", back.unwrap())).exits(0);
    assert_eq!(walk.database.rows("SELECT name FROM kept"), ["before"]);
    assert!(!is_there(&walk.database, "clients"));

    let events_before = listing(&walk.sandbox.path("backups")).len();
    let line = "dbwarden migrate --all --with-backup";
    walk.types(&format!("`{line}`"), line);
    assert_eq!((walk.database.versions().len(), events.versions().len()), (2, 1));
    assert!(is_there(&events, "visits") && !is_there(&events, "clients"));
    assert!(listing(&walk.sandbox.path("backups")).len() > events_before);

    walk.does(
        "one of several databases fails",
        "the others are migrated all the same, and the exit code is 3",
    );
    write(walk, "primary/0003_wrong.sql", "INSERT INTO nowhere VALUES (1);\n");
    table(walk, "events", "0002", "clicks");
    let part = walk.runs("dbwarden migrate --all --with-backup").exits(3);
    assert!(part.err.contains("0003_wrong.sql") && is_there(&events, "clicks"), "{}", part.transcript);
}

fn pipeline(walk: &mut Walk) {
    anew(walk);
    walk.does(
        "GitHub Actions: `dbwarden status -d primary`, `dbwarden migrate -d primary`",
        "the same; [`deploy/github-actions/deploy.yml`](../../../deploy/github-actions/deploy.yml)",
    );
    let url = walk.database.url();
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", settings.replacen(&url, "${DATABASE_URL}", 1));
    let steps = "dbwarden status -d primary\ndbwarden migrate -d primary\n";
    let unset = walk.sandbox.script(steps).exits(2);
    assert!(unset.err.contains("DATABASE_URL") && walk.database.versions().is_empty(), "{}", unset.err);
    walk.sandbox.set("DATABASE_URL", &url);
    walk.sandbox.script(steps).exits(0);
    assert_eq!(walk.database.versions(), ["0001"]);
    let again = walk.sandbox.script(steps).exits(0);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
}

fn recovery(walk: &mut Walk) {
    anew(walk);
    table(walk, "primary", "0002", "orders");
    // What commits statement by statement can be left half done.
    let text = "-- no-transaction\n-- upgrade\nCREATE TABLE marks (id INTEGER);\nINSERT INTO marks VALUES (1);\nINSERT INTO mark VALUES (2);\n\
                -- rollback\nDROP TABLE marks;\n";
    write(walk, "primary/0003_marks.sql", text);
    walk.runs("dbwarden migrate -d primary").exits(1);
    let line = "dbwarden lock-status -d primary";
    let free = walk.types("`dbwarden lock-status -d <name>`", line);
    assert!(free.out.contains("lock free"), "{}", free.out);
    walk.types("`dbwarden unlock -d <name>`, if the lock is stale", "dbwarden unlock -d primary");
    let history =
        walk.types("`dbwarden history -d <name>`: the partial state", "dbwarden history -d primary");
    assert!(history.out.contains("2 of 3 statements"), "{}", history.out);
    let status = walk.runs("dbwarden status -d primary").exits(0);
    assert!(status.out.contains("2 of 3 statements"), "{}", status.out);
    walk.does(
        "roll back what is half done",
        "it is finished first: `dbwarden rollback` says so, and changes nothing",
    );
    let refused = walk.runs("dbwarden rollback -d primary").exits(1);
    assert!(refused.err.contains("error[unfinished]"), "{}", refused.transcript);
    write(walk, "primary/0003_marks.sql", &text.replace("INTO mark ", "INTO marks "));
    let again = walk.types("`dbwarden migrate --verbose`, again", "dbwarden migrate --verbose -d primary");
    assert!(again.err.contains("INSERT INTO marks VALUES (2)"), "{}", again.err);
    assert!(!again.err.contains("INSERT INTO marks VALUES (1)"), "{}", again.err);
    assert_eq!(walk.database.rows("SELECT id FROM marks ORDER BY id"), ["1", "2"]);
    walk.types("roll back what is applied …", "dbwarden rollback -d primary --count 2");
    assert_eq!(walk.database.versions(), ["0001"]);
    walk.types("… and apply again in smaller steps", "dbwarden migrate -d primary --count 1");
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
    walk.runs("dbwarden migrate -d primary --count 1").exits(0);
    assert_eq!(walk.database.versions(), ["0001", "0002", "0003"]);
}
