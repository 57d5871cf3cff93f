//! Squash: many small files become one.

use crate::walk::Walk;

/// What the five files of the document do, one column each, and the row that is there to lose.
const STEPS: &[(&str, &str, &str)] = &[
    ("143000", "create_albums", "CREATE TABLE albums (id INTEGER PRIMARY KEY)|DROP TABLE albums"),
    (
        "143001",
        "add_title",
        "ALTER TABLE albums ADD COLUMN title VARCHAR(200)|ALTER TABLE albums DROP COLUMN title",
    ),
    (
        "143002",
        "add_label",
        "ALTER TABLE albums ADD COLUMN label VARCHAR(50)|ALTER TABLE albums DROP COLUMN label",
    ),
    ("143003", "add_year", "ALTER TABLE albums ADD COLUMN year INTEGER|ALTER TABLE albums DROP COLUMN year"),
    (
        "143004",
        "first_album",
        "INSERT INTO albums (id, title) VALUES (1, 'one')|DELETE FROM albums WHERE id = 1",
    ),
];

fn names(walk: &Walk) -> Vec<String> {
    let mut names = crate::sandbox::listing(&walk.sandbox.path("migrations"));
    names.retain(|name| !name.starts_with("replaced"));
    names
}

pub(super) fn squash(walk: &mut Walk) {
    walk.anew();
    for (time, name, scripts) in STEPS {
        let (up, down) = scripts.split_once('|').unwrap();
        let text = format!("-- upgrade\n\n{up};\n\n-- rollback\n\n{down};\n");
        walk.sandbox.migration(&format!("V20240215_{time}__{name}.sql"), text);
    }
    walk.types("before a squash, `dbwarden migrate`", "dbwarden migrate");
    let (before, albums) = (walk.database.snapshot(), walk.database.rows("SELECT * FROM albums"));
    let squashed = walk.types("`dbwarden squash`", "dbwarden squash");
    assert!(squashed.out.contains("replaces 5 migrations"), "{}", squashed.transcript);
    walk.does(
        "the one file that is left",
        "`V20240215_143000__initial_schema.sql`; the old ones are in `migrations/replaced/`",
    );
    assert_eq!(names(walk), ["V20240215_143000__initial_schema.sql"]);
    let folder = "migrations/replaced/20240215_143000-20240215_143004";
    for (time, name, _) in STEPS {
        assert!(walk.sandbox.path(&format!("{folder}/V20240215_{time}__{name}.sql")).is_file());
    }
    walk.does("the database that has the five", "counts as having the one: nothing is run again");
    assert!(walk.runs("dbwarden migrate").exits(0).out.contains("nothing to do"));
    assert_eq!(
        (walk.database.snapshot(), walk.database.rows("SELECT * FROM albums")),
        (before.clone(), albums)
    );
    walk.runs("dbwarden verify").exits(0);
    walk.does("a database that has none of them", "gets the one, and is the same");
    walk.runs("dbwarden downgrade base").exits(0);
    assert!(walk.runs("dbwarden migrate").exits(0).out.contains("initial schema"));
    assert_eq!(walk.database.versions(), ["20240215_143000"]);
    assert_eq!(walk.database.snapshot(), before);

    walk.types("a squash by hand: `dbwarden new \"…\"`", "dbwarden new 'consolidate album migrations'");
    let new =
        names(walk).into_iter().find(|name| name.ends_with("__consolidate_album_migrations.sql")).unwrap();
    walk.does(
        "then the SQL of all is put into it",
        "with `-- replaces: [\"…\"]`, so that databases which have the old ones count as having it",
    );
    let id = new.trim_start_matches('V').split("__").next().unwrap().to_owned();
    let all = STEPS
        .iter()
        .map(|(_, _, scripts)| scripts.split_once('|').unwrap().0.to_owned() + ";\n")
        .collect::<String>();
    walk.sandbox.migration(&new, format!("-- replaces: [\"20240215_143000\"]\n-- upgrade\n{all}"));
    walk.sandbox.remove("migrations/V20240215_143000__initial_schema.sql");
    std::fs::remove_dir_all(walk.sandbox.path("migrations/replaced")).unwrap();
    let status = walk.runs("dbwarden status").exits(0);
    assert!(status.out.contains(&format!("at {id} (head)")), "{}", status.transcript);
    assert!(walk.runs("dbwarden migrate").exits(0).out.contains("nothing to do"));
}
