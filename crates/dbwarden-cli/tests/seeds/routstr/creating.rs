//! New migrations.

use super::{PREFERENCES, VERSIONS, preferences, project};
use crate::program::{columns, has_table, indexes, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    walk.not_yet("`make db-migrate`", "dbwarden make-migrations");
    walk.not_yet(
        "`Enter migration message: Add user preferences table`",
        "dbwarden make-migrations \"Add user preferences table\"",
    );
    let ran = walk.types(
        "`migrations/versions/xxxx_add_user_preferences_table.py`, to be looked at",
        "dbwarden create \"Add user preferences table\"",
    );
    let file = ran.out.lines().next().unwrap().to_owned();
    let id = hash_of(&file, "add_user_preferences_table");
    assert!(
        walk.sandbox.read(&file).contains(&format!("-- revision: {id}\n-- down_revision: f6e5d4c3b2a1\n"))
    );
    walk.sandbox.remove(&file);

    let ran = walk.types(
        "`alembic revision -m \"Complex data transformation\"`",
        "dbwarden revision -m \"Complex data transformation\"",
    );
    let file = ran.out.trim().to_owned();
    let id = hash_of(&file, "complex_data_transformation");
    walk.does(
        "`vim migrations/versions/xxxx_complex_data_transformation.py`",
        "`vim migrations/versions/xxxx_complex_data_transformation.sql`, with both sections in it",
    );
    let text = walk.sandbox.read(&file);
    let text = text.replacen("-- upgrade\n", "-- upgrade\n\nUPDATE tokens SET note = upper(note);\n", 1);
    walk.sandbox.write(
        &file,
        text.replacen("-- rollback\n", "-- rollback\n\nUPDATE tokens SET note = lower(note);\n", 1),
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(walk.database.versions().last().unwrap(), &id);
    walk.runs("dbwarden downgrade").exits(0);
    template(walk);
}

/// The id in a file's name, which ends with these words.
fn hash_of(path: &str, words: &str) -> String {
    let name = path.strip_prefix("migrations/versions/").unwrap();
    let (id, rest) = name.split_once('_').unwrap();
    assert_eq!((id.len(), rest.to_owned()), (12, format!("{words}.sql")), "{path}");
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
    id.to_owned()
}

fn template(walk: &mut Walk) {
    project(walk);
    preferences(walk);
    walk.does(
        "`revision = 'a1b2c3d4e5f6'`, `down_revision = 'f6e5d4c3b2a1'`",
        "`-- revision: a1b2c3d4e5f6`, `-- down_revision: f6e5d4c3b2a1`; `branch_labels` is `-- branch:`, `depends_on` is `-- depends_on:`",
    );
    let heads = migrator_of(walk, VERSIONS).build().unwrap().heads().unwrap();
    assert_eq!(heads, [PREFERENCES.into()]);
    walk.does("`Create Date: 2024-01-15 10:30:00.123456`", "`-- created: 2024-01-15 10:30:00.123456`");
    let file = format!("{VERSIONS}/{PREFERENCES}_add_preferences_table.sql");
    let text = walk.sandbox.read(&file);
    walk.sandbox.write(&file, format!("-- created: 2024-01-15 10:30:00.123456\n{text}"));
    let ran = walk.runs("dbwarden show a1b2c3d4e5f6").exits(0);
    assert!(ran.out.contains("written   2024-01-15 10:30:00.123456"), "{}", ran.transcript);
    assert!(ran.out.contains("parents   f6e5d4c3b2a1"), "{}", ran.transcript);

    walk.does("`upgrade()`: `op.create_table(…)`, `op.create_index(…)`", "`-- upgrade` and the SQL of it");
    walk.runs("dbwarden upgrade").exits(0);
    let expected = ["id", "token_id", "theme", "notifications_enabled", "created_at"];
    assert_eq!(columns(walk, "preferences"), expected);
    assert_eq!(indexes(walk, "preferences"), ["ix_preferences_token_id"]);
    walk.does("`downgrade()`: `op.drop_index(…)`, `op.drop_table(…)`", "`-- rollback` and the SQL of it");
    walk.runs("dbwarden downgrade").exits(0);
    assert!(!has_table(walk, "preferences"));
    // The same from templates, in the engine's own words.
    walk.sandbox.remove(&file);
    walk.types(
        "`op.create_table('userpreferences', …)`, as SQL of the engine",
        "dbwarden template create-table --table preferences --column token_id:integer --column theme:string:null \
         --column notifications_enabled:boolean:null:TRUE --column created_at:datetime --write 'add preferences'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(columns(walk, "preferences"), expected);
    walk.types(
        "`sa.ForeignKeyConstraint(['api_key_id'], ['apikey.id'])`",
        "dbwarden template add-foreign-key --table preferences --column token_id --references tokens.id --write 'preferences belong to tokens'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    walk.types(
        "`op.create_index('ix_userpreferences_api_key_id', …)`",
        "dbwarden template add-index --table preferences --column token_id --name ix_preferences_token_id --write 'index preferences'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(columns(walk, "preferences"), expected);
    assert_eq!(indexes(walk, "preferences"), ["ix_preferences_token_id"]);
    let refused = "INSERT INTO preferences (token_id, created_at) VALUES (99, '2024-01-15')";
    assert!(refuses(walk, refused), "the foreign key holds");
    walk.runs("dbwarden downgrade -3").exits(0);
    assert!(!has_table(walk, "preferences"));
}

/// Whether the database refuses a statement; on SQLite with foreign keys looked at.
pub(super) fn refuses(walk: &Walk, sql: &str) -> bool {
    match walk.engine() {
        testkit::Engine::Sqlite => {
            let connection = walk.database.connect();
            connection.pragma_update(None, "foreign_keys", true).unwrap();
            connection.execute_batch(sql).is_err()
        }
        _ => {
            let owned = walk.database.owned();
            owned.server().try_shell(owned.name(), sql).is_err()
        }
    }
}
