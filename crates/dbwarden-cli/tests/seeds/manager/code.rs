//! Migrations with logic of their own, conditions and dependencies: in Rust, and in SQL where that is enough.

use dbwarden::migration::rust::RustMigration;

use super::{builder, columns, migrator, tables};
use crate::walk::Walk;

pub(super) fn chapter(walk: &mut Walk) {
    logic(walk);
    logic_in_parts(walk);
    logic_in_sql(walk);
    condition(walk);
    dependencies(walk);
}

/// A project with so many users.
fn begin(walk: &mut Walk, rows: usize) {
    walk.anew();
    let values: Vec<_> = (1..=rows).map(|id| format!("({id}, 'user {id}')")).collect();
    let text = format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO users VALUES {};\n-- rollback\nDROP TABLE users;\n",
        values.join(", ")
    );
    walk.sandbox.migration("0001_users.sql", text);
    migrator(walk).migrate().unwrap();
}

/// Adds a column and fills it: at once in a small table, in a large one part by part.
fn status() -> RustMigration {
    RustMigration::new("0002", "users have a status", |work| {
        let counted = work.query("SELECT count(*) FROM users", &[])?;
        let count = counted[0].integer(0).unwrap_or_default();
        work.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)", &[])?;
        let step = if count > 1000 { 500 } else { count };
        let mut from = 0;
        while from < count {
            let sql = "UPDATE users SET status = 'active' WHERE id > ? AND id <= ?";
            work.execute(sql, &[from.into(), (from + step).into()])?;
            from += step;
        }
        Ok(())
    })
    .down(|work| {
        work.execute("ALTER TABLE users DROP COLUMN status", &[])?;
        Ok(())
    })
}

const ACTIVE: &str = "SELECT count(*) FROM users WHERE status = 'active'";

fn logic(walk: &mut Walk) {
    walk.does(
        "`upgrade()` with `op.get_bind()`, `connection.execute(…)`, `result.scalar()`",
        "`RustMigration::new(\"0002\", \"…\", |work| { … })` with `work.query(…)?`, `work.execute(…)?`; `Builder::rust` adds it",
    );
    for rows in [3, 1200] {
        begin(walk, rows);
        let mut migrator = builder(walk).rust(status()).build().unwrap();
        assert_eq!(migrator.migrate().unwrap().count(), 1);
        assert_eq!(walk.database.versions(), ["0001", "0002"]);
        assert_eq!(walk.database.one(ACTIVE), rows.to_string());
        migrator.rollback().unwrap();
        assert_eq!(columns(walk, "users"), "id name");
    }
    // What fails in the middle leaves nothing of it.
    let fails = RustMigration::new("0002", "fails", |work| {
        work.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)", &[])?;
        Err("enough".into())
    });
    builder(walk).rust(fails).build().unwrap().migrate().unwrap_err();
    assert_eq!((columns(walk, "users").as_str(), walk.database.versions().len()), ("id name", 1));
}

fn logic_in_parts(walk: &mut Walk) {
    walk.does(
        "`if count > 1000:` in parts, which stay when a later one fails",
        "`RustMigration::without_transaction()` with `work.transaction(|work| …)` for each part",
    );
    begin(walk, 1200);
    let parts = |fails: bool| {
        RustMigration::new("0002", "users have a status", move |work| {
            if !work.has_column("users", "status")? {
                work.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)", &[])?;
            }
            for part in 0..3 {
                if fails && part == 2 {
                    return Err("no more today".into());
                }
                let sql = "UPDATE users SET status = 'active' WHERE status IS NULL AND id > ? AND id <= ?";
                work.transaction(|work| {
                    Ok(work.execute(sql, &[(part * 500).into(), (part * 500 + 500).into()])?)
                })?;
            }
            Ok(())
        })
        .without_transaction()
    };
    let mut migrator = builder(walk).rust(parts(true)).build().unwrap();
    assert_eq!(migrator.migrate().unwrap_err().to_string(), "no more today");
    assert_eq!((walk.database.one(ACTIVE), walk.database.versions().len()), ("1000".to_owned(), 1));
    builder(walk).rust(parts(false)).build().unwrap().migrate().unwrap();
    assert_eq!((walk.database.one(ACTIVE), walk.database.versions().len()), ("1200".to_owned(), 2));
}

fn logic_in_sql(walk: &mut Walk) {
    walk.does(
        "`upgrade()` that counts first, where SQL is enough",
        "`-- only-if: query SELECT count(*) > 1000 FROM users` before a statement of a file",
    );
    for (rows, noted) in [(3, "0"), (1001, "1")] {
        begin(walk, rows);
        walk.sandbox.migration(
            "0002_status.sql",
            "CREATE TABLE notes (what TEXT);\n\
             -- only-if: query SELECT count(*) > 1000 FROM users\n\
             INSERT INTO notes VALUES ('large');\n\
             ALTER TABLE users ADD COLUMN status VARCHAR(20);\n\
             UPDATE users SET status = 'active';\n\
             -- rollback\nALTER TABLE users DROP COLUMN status;\nDROP TABLE notes;\n",
        );
        walk.runs("dbwarden migrate").exits(0);
        assert_eq!(walk.database.one("SELECT count(*) FROM notes"), noted);
        assert_eq!(walk.database.one("SELECT count(*) FROM users WHERE status = 'active'"), rows.to_string());
    }
}

fn condition(walk: &mut Walk) {
    walk.does(
        "`sa.inspect(connection).get_columns('users')`, `if 'status' not in columns: op.add_column(…)`",
        "`-- unless: column users.status` before the statement",
    );
    for is_there in [false, true] {
        begin(walk, 1);
        if is_there {
            walk.database.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)");
        }
        walk.sandbox.migration(
            "0002_status.sql",
            "-- unless: column users.status\nALTER TABLE users ADD COLUMN status VARCHAR(20);\n-- rollback\nALTER TABLE users DROP COLUMN status;\n",
        );
        let ran = walk.runs("dbwarden migrate").exits(0);
        assert_eq!(columns(walk, "users"), "id name status", "{}", ran.transcript);
        assert_eq!(walk.database.versions(), ["0001", "0002"]);
    }
    walk.does("`if 'status' not in columns`, in code", "`if !work.has_column(\"users\", \"status\")? { … }`");
    for is_there in [false, true] {
        begin(walk, 1);
        if is_there {
            walk.database.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)");
        }
        let adds = RustMigration::new("0002", "users have a status", |work| {
            if !work.has_column("users", "status")? {
                work.execute("ALTER TABLE users ADD COLUMN status VARCHAR(20)", &[])?;
            }
            Ok(())
        });
        builder(walk).rust(adds).build().unwrap().migrate().unwrap();
        assert_eq!(columns(walk, "users"), "id name status");
    }
}

fn dependencies(walk: &mut Walk) {
    walk.anew();
    // By their names alone the one that depends on the others would be the first, and they come from no common beginning.
    walk.sandbox.migrations(&[
        ("abc123_create_users.sql", "-- revision: abc123\n-- down_revision: none\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE users;\n"),
        ("def456_create_posts.sql", "-- revision: def456\n-- down_revision: none\nCREATE TABLE posts (id INTEGER PRIMARY KEY);\n-- rollback\nDROP TABLE posts;\n"),
    ]);
    let depends = |on: &str| {
        format!(
            "-- revision: 000aaa\n-- down_revision: none\n-- depends_on: {on}\n\
             CREATE TABLE likes (user_id INTEGER REFERENCES users (id), post_id INTEGER REFERENCES posts (id));\n-- rollback\nDROP TABLE likes;\n"
        )
    };
    walk.does("`depends_on = ['abc123', 'def456']`", "`-- depends_on: [\"abc123\", \"def456\"]`");
    walk.sandbox.migration("000aaa_create_likes.sql", depends("[\"abc123\", \"fed654\"]"));
    let ran = walk.runs("dbwarden migrate").exits(1);
    assert!(ran.err.contains("fed654") && ran.err.contains("000aaa_create_likes.sql"), "{}", ran.transcript);
    assert_eq!(tables(walk), "");
    walk.sandbox.migration("000aaa_create_likes.sql", depends("[\"abc123\", \"def456\"]"));
    walk.types(
        "`depends_on`: what is required is applied first, whatever is asked for",
        "dbwarden migrate --revision 000aaa",
    );
    assert_eq!(
        (tables(walk).as_str(), walk.database.versions().last().unwrap().as_str()),
        ("likes posts users", "000aaa")
    );
    let ran = walk.runs("dbwarden rollback --revision base").exits(0);
    assert_eq!(tables(walk), "", "{}", ran.transcript);

    walk.does(
        "`depends_on = ['abc123', 'def456']`, in code",
        "`RustMigration::new(…).depends_on([\"abc123\", \"def456\"])`",
    );
    walk.sandbox.remove("migrations/000aaa_create_likes.sql");
    let likes = RustMigration::new("000aaa", "create likes", |work| {
        work.run("CREATE TABLE likes (user_id INTEGER REFERENCES users (id), post_id INTEGER REFERENCES posts (id))")?;
        Ok(())
    });
    let likes = likes.after(Vec::<String>::new()).depends_on(["abc123", "def456"]);
    builder(walk).rust(likes).build().unwrap().migrate_to("000aaa").unwrap();
    assert_eq!(
        (tables(walk).as_str(), walk.database.versions().last().unwrap().as_str()),
        ("likes posts users", "000aaa")
    );
}
