//! What the document writes into migration files.

use testkit::{Database, Engine};

use super::{is_there, table};
use crate::sandbox::{git, listing};
use crate::walk::Walk;

/// A column's type for a point in time.
pub(super) fn time(walk: &Walk) -> &'static str {
    if walk.engine() == Engine::Postgres { "TIMESTAMP" } else { "DATETIME" }
}

pub(super) fn transactions(walk: &mut Walk) {
    walk.anew();
    let key = walk.database.key();
    let name = "V20240217_080000__invoices.sql";
    let text = format!(
        "-- upgrade\n\nBEGIN;\n\nCREATE TABLE invoices (\n    id {key},\n    total DECIMAL(10, 2)\n);\n\n\
         CREATE TABLE invoice_lines (\n    id {key},\n    invoice_id INTEGER REFERENCES invoices(id)\n);\n\nCOMMIT;\n\n\
         -- rollback\n\nBEGIN;\n\nDROP TABLE invoice_lines;\nDROP TABLE invoices;\n\nCOMMIT;\n"
    );
    walk.does(
        "`BEGIN; … COMMIT;` around the statements of a section",
        "the same: it is the migration's transaction, in which its row commits too",
    );
    walk.sandbox.migration(name, text.replacen("\nCOMMIT;", "INSERT INTO nowhere VALUES (1);\n\nCOMMIT;", 1));
    let failed = walk.runs("dbwarden migrate").exits(1);
    assert!(
        failed.err.contains(&format!("{name}:14:13")) && failed.err.contains("rolled back whole"),
        "{}",
        failed.err
    );
    assert!(!is_there(walk, "invoices") && walk.database.versions().is_empty());
    walk.sandbox.migration(name, text);
    walk.runs("dbwarden migrate").exits(0);
    assert!(is_there(walk, "invoice_lines") && walk.database.versions() == ["20240217_080000"]);
    walk.does("the same in `-- rollback`", "the same");
    walk.runs("dbwarden rollback").exits(0);
    assert!(!is_there(walk, "invoices") && walk.database.versions().is_empty());

    rebuild(walk);
}

/// A table that is made anew: the rows are copied, the old one dropped, the new one renamed.
fn rebuild(walk: &mut Walk) {
    walk.anew();
    let time = time(walk);
    let notes = format!(
        "    id INTEGER PRIMARY KEY,\n    reader INTEGER NOT NULL,\n    heading VARCHAR(200) NOT NULL,\n    body TEXT,\n    \
         made_at {time} DEFAULT CURRENT_TIMESTAMP\n"
    );
    walk.sandbox.migration(
        "V20240217_080000__create_notes.sql",
        format!(
            "-- upgrade\nCREATE TABLE notes (\n{notes});\nINSERT INTO notes (id, reader, heading, body) VALUES \
             (1, 7, 'First Light', 'one'), (2, 8, 'Low Water', NULL);\n-- rollback\nDROP TABLE notes;\n"
        ),
    );
    walk.runs("dbwarden migrate").exits(0);
    let before = walk.database.rows("SELECT id, reader, heading, body, made_at FROM notes ORDER BY id");
    let text = format!(
        "-- upgrade\n\n-- Step 1: the new shape\nCREATE TABLE notes_new (\n    id INTEGER PRIMARY KEY,\n    \
         author INTEGER NOT NULL,\n    heading VARCHAR(200) NOT NULL,\n    body TEXT,\n    path VARCHAR(200) UNIQUE,\n    \
         made_at {time} DEFAULT CURRENT_TIMESTAMP\n);\n\n-- Step 2: the rows\n\
         INSERT INTO notes_new (id, author, heading, body, path, made_at)\nSELECT\n    id,\n    reader,\n    heading,\n    body,\n    \
         LOWER(REPLACE(heading, ' ', '-')),\n    made_at\nFROM notes;\n\n-- Step 3: the old one goes\nDROP TABLE notes;\n\n\
         -- Step 4: its name\nALTER TABLE notes_new RENAME TO notes;\n\n-- rollback\n\n-- All of it, the other way\n\
         CREATE TABLE notes_old (\n{notes});\n\nINSERT INTO notes_old (id, reader, heading, body, made_at)\n\
         SELECT id, author, heading, body, made_at FROM notes;\n\nDROP TABLE notes;\n\nALTER TABLE notes_old RENAME TO notes;\n"
    );
    walk.sandbox.migration("V20240217_080001__note_paths.sql", &text);
    walk.does(
        "a table made anew: `CREATE TABLE posts_new`, `INSERT INTO … SELECT`, `DROP TABLE posts`, `ALTER TABLE … RENAME TO posts`",
        "the same, in one transaction, with its comments",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(
        walk.database.rows("SELECT id, author, path, body IS NULL FROM notes ORDER BY id"),
        if walk.engine() == Engine::Postgres {
            ["1|7|first-light|f", "2|8|low-water|t"]
        } else {
            ["1|7|first-light|0", "2|8|low-water|1"]
        }
    );
    walk.does("its `-- rollback`, which makes the old one anew", "the same");
    walk.runs("dbwarden rollback").exits(0);
    assert_eq!(
        walk.database.rows("SELECT id, reader, heading, body, made_at FROM notes ORDER BY id"),
        before
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.versions(), ["20240217_080000", "20240217_080001"]);
}

pub(super) fn practices(walk: &mut Walk) {
    walk.anew();
    let key = walk.database.key();
    walk.does(
        "practice: idempotent migrations",
        "`IF NOT EXISTS` in the SQL, or a line before a statement: `-- unless: column albums.year`",
    );
    walk.sandbox.migration(
        "V20240220_120000__albums.sql",
        format!(
            "-- upgrade\n\nCREATE TABLE IF NOT EXISTS albums (id {key}, title VARCHAR(200));\n\n\
             -- unless: column albums.year\nALTER TABLE albums ADD COLUMN year INTEGER;\n"
        ),
    );
    walk.runs("dbwarden migrate").exits(0);
    walk.database
        .execute("DELETE FROM dbwarden_migrations; INSERT INTO albums (title, year) VALUES ('Tides', 1998)");
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT title, year FROM albums"), ["Tides|1998"]);

    walk.does(
        "practice: include rollback",
        "the same; where a file has none, `dbwarden rollback` says so before it changes anything",
    );
    let before = walk.database.snapshot();
    let refused = walk.runs("dbwarden rollback").exits(6);
    assert!(refused.err.contains("error[irreversible]"), "{}", refused.transcript);
    assert_eq!((walk.database.snapshot(), walk.database.versions().len()), (before, 1));

    walk.does(
        "practice: test on staging",
        "`dbwarden migrate --env staging`, with the address in `.env.staging`",
    );
    table(walk, "20240220_120001", "tracks");
    let staging = Database::new(walk.engine());
    walk.sandbox.write(".env.staging", format!("DATABASE_URL={}\n", staging.url()));
    walk.sandbox.write("warden.toml", "[databases.primary]\nmigrations = \"migrations\"\n");
    walk.sandbox.write(".env", format!("DATABASE_URL={}\n", walk.database.url()));
    walk.runs("dbwarden migrate --env staging").exits(0);
    assert_eq!((staging.versions().len(), walk.database.versions().len()), (2, 1));

    walk.does(
        "practice: review the SQL",
        "`dbwarden migrate --dry-run`, and `dbwarden migrate --sql` for the whole script",
    );
    let shown = walk.runs("dbwarden migrate --dry-run").exits(0);
    assert!(shown.out.contains("1 migration would run, nothing is changed"), "{}", shown.out);
    let script = walk.runs("dbwarden migrate --sql").exits(0);
    assert!(script.out.contains("CREATE TABLE tracks"), "{}", script.out);
    assert_eq!(walk.database.versions().len(), 1);

    let saved = walk.types("practice: backup first", "dbwarden migrate --with-backup");
    assert!(saved.out.contains("dbwarden restore "), "{}", saved.transcript);
    assert!(is_there(walk, "tracks"));
    assert!(!listing(&walk.sandbox.path("backups")).is_empty());

    walk.does(
        "practice: version control",
        "the same; `dbwarden verify --against main` sees by git that no file changed which others have",
    );
    git(&walk.sandbox, &["init", "--quiet", "--initial-branch=main"]);
    git(&walk.sandbox, &["add", "migrations"]);
    git(&walk.sandbox, &["commit", "--quiet", "--message", "tables"]);
    walk.runs("dbwarden verify --against main").exits(0);
    let name = "migrations/V20240220_120001__create_tracks.sql";
    let text = walk.sandbox.read(name);
    walk.sandbox.write(name, text.replace("title", "heading"));
    walk.runs("dbwarden verify --against main").exits(5);
    walk.sandbox.write(name, &text);

    walk.does(
        "practice: use transactions",
        "each migration is one by itself; `dbwarden migrate --single-transaction` takes all pending ones in one",
    );
    table(walk, "20240220_120002", "labels");
    walk.sandbox.migration("V20240220_120003__wrong.sql", "INSERT INTO nowhere VALUES (1);\n");
    walk.runs("dbwarden migrate --single-transaction").exits(1);
    assert!(!is_there(walk, "labels"));
    walk.runs("dbwarden migrate").exits(1);
    assert!(is_there(walk, "labels"));
}

pub(super) fn patterns(walk: &mut Walk) {
    walk.anew();
    let key = walk.database.key();
    walk.sandbox.migration(
        "V20240221_070000__members.sql",
        format!(
            "-- upgrade\nCREATE TABLE members (id {key}, email VARCHAR(255));\n\
             INSERT INTO members (email) VALUES ('ana@example.org');\n-- rollback\nDROP TABLE members;\n"
        ),
    );
    walk.runs("dbwarden migrate").exits(0);

    if walk.does_on(
        Engine::Postgres,
        "`ALTER TABLE users ADD COLUMN bio TEXT; UPDATE …; ALTER TABLE … SET NOT NULL;`",
        "the same",
    ) {
        walk.sandbox.migration(
            "V20240221_070001__about.sql",
            "-- upgrade\nALTER TABLE members ADD COLUMN about TEXT;\nUPDATE members SET about = '' WHERE about IS NULL;\n\
             ALTER TABLE members ALTER COLUMN about SET NOT NULL;\n\n\
             -- rollback\nALTER TABLE members ALTER COLUMN about DROP NOT NULL;\nALTER TABLE members DROP COLUMN about;\n",
        );
        walk.runs("dbwarden migrate").exits(0);
    }
    if walk.does_on(
        Engine::Sqlite,
        "`ALTER TABLE … SET NOT NULL`, which SQLite does not have",
        "`dbwarden template alter-column --table users --column bio --not-null --write \"bio\"` writes what does it, both ways",
    ) {
        walk.sandbox.migration(
            "V20240221_070001__about.sql",
            "-- upgrade\nALTER TABLE members ADD COLUMN about TEXT;\nUPDATE members SET about = '' WHERE about IS NULL;\n\
             -- rollback\nALTER TABLE members DROP COLUMN about;\n",
        );
        walk.runs("dbwarden migrate").exits(0);
        walk.runs("dbwarden template alter-column --table members --column about --not-null --write about").exits(0);
        walk.runs("dbwarden migrate").exits(0);
    }
    let nullable = match walk.engine() {
        Engine::Postgres => {
            "SELECT is_nullable FROM information_schema.columns WHERE table_name = 'members' AND column_name = 'about'"
        }
        _ => {
            "SELECT CASE \"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END FROM pragma_table_info('members') WHERE name = 'about'"
        }
    };
    assert_eq!(walk.database.one(nullable), "NO");
    walk.runs("dbwarden rollback -t 20240221_070000").exits(0);
    assert_eq!(walk.database.one(nullable), "");
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT email, about FROM members"), ["ana@example.org|"]);

    walk.does(
        "a copy of a column, `UPDATE users SET new_email = email;`, with what comes later in comments",
        "the same; without a rollback section it is irreversible",
    );
    written(
        walk,
        "address",
        "-- upgrade\nALTER TABLE members ADD COLUMN address VARCHAR(255);\n\nUPDATE members SET address = email;\n\n\
         -- ONCE IT IS LOOKED AT:\n-- ALTER TABLE members DROP COLUMN email;\n-- ALTER TABLE members RENAME COLUMN address TO email;\n",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT email, address FROM members"), ["ana@example.org|ana@example.org"]);
    walk.runs("dbwarden rollback").exits(6);
    walk.does("what was in comments, after verification", "a migration of its own");
    written(
        walk,
        "one address",
        "-- upgrade\nALTER TABLE members DROP COLUMN email;\nALTER TABLE members RENAME COLUMN address TO email;\n",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT email FROM members"), ["ana@example.org"]);

    walk.does("a table of feature flags, with its first row", "the same");
    written(
        walk,
        "switches",
        &format!(
            "-- upgrade\nCREATE TABLE switches (\n    id {key},\n    name VARCHAR(100) UNIQUE,\n    is_on BOOLEAN DEFAULT FALSE\n);\n\n\
             INSERT INTO switches (name, is_on) VALUES ('new_basket', FALSE);\n\n-- rollback\nDROP TABLE switches;\n"
        ),
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT name FROM switches WHERE NOT is_on"), ["new_basket"]);
    walk.runs("dbwarden rollback").exits(0);
    assert!(!is_there(walk, "switches"));
}

/// Has `dbwarden new` make a file, and writes this into it.
fn written(walk: &Walk, text: &str, sql: &str) {
    let made = walk.runs(&format!("dbwarden new \"{text}\"")).exits(0);
    let path = made.out.trim_end();
    assert!(path.starts_with("migrations/V20") && path.ends_with(".sql"), "{path}");
    walk.sandbox.write(path, sql);
}
