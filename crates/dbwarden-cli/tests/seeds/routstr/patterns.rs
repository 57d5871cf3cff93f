//! Common patterns.

use dbwarden::migration::rust::RustMigration;
use dbwarden::operation::{Alteration, Operation, TableName};
use testkit::Engine;

use super::creating::refuses;
use super::{INDEXES, VERSIONS, project, revision};
use crate::program::{columns, indexes, migrator_of, nullable};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    adding_columns(walk);
    renaming_columns(walk);
    adding_indexes(walk);
    data(walk);
    enums(walk);
}

/// Two tokens, one of which is a premium one.
fn tokens(walk: &Walk) {
    walk.database.execute(
        "INSERT INTO tokens (hash, balance, details) VALUES ('one', 1000, '{\"premium\": true}'), ('two', 0, '{\"it''s\": 1}')",
    );
}

fn adding_columns(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    tokens(walk);
    walk.types(
        "`op.add_column('apikey', sa.Column(…, sa.DateTime(), nullable=True))`",
        "dbwarden template add-column --table tokens --column last_rotation --type 'sa.DateTime()' --null --write 'add last rotation'",
    );
    walk.types(
        "`connection.execute(…)` that fills it",
        "dbwarden template data --up 'UPDATE tokens SET last_rotation = created_at WHERE last_rotation IS NULL' \
         --down 'UPDATE tokens SET last_rotation = NULL' --write 'fill last rotation'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert!(nullable(walk, "tokens").contains(&"last_rotation".to_owned()));
    walk.types(
        "`op.alter_column(…, nullable=False)`",
        "dbwarden template alter-column --table tokens --column last_rotation --not-null --write 'require last rotation'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert!(!nullable(walk, "tokens").contains(&"last_rotation".to_owned()));
    assert_eq!(
        walk.database.rows("SELECT hash FROM tokens WHERE last_rotation = created_at ORDER BY id"),
        ["one", "two"]
    );
    assert_eq!(indexes(walk, "tokens"), ["ix_tokens_hash"]);
    walk.runs("dbwarden downgrade f6e5d4c3b2a1").exits(0);
    assert!(!columns(walk, "tokens").contains(&"last_rotation".to_owned()));

    let on_postgres = walk.does_on(
        Engine::Postgres,
        "… all three in one `upgrade()`",
        "the three statements in one file, which is one transaction",
    );
    if on_postgres {
        project(walk);
        let up = "ALTER TABLE tokens ADD COLUMN last_rotation TIMESTAMP;\n\
                  UPDATE tokens SET last_rotation = created_at WHERE last_rotation IS NULL;\n\
                  ALTER TABLE tokens ALTER COLUMN last_rotation SET NOT NULL;";
        revision(
            walk,
            "c3d4e5f6a7b8",
            INDEXES,
            "add_last_rotation",
            up,
            "ALTER TABLE tokens DROP COLUMN last_rotation;",
        );
        walk.runs("dbwarden upgrade").exits(0);
        assert!(!nullable(walk, "tokens").contains(&"last_rotation".to_owned()));
    }
}

fn renaming_columns(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    walk.database.execute("INSERT INTO tokens (hash, note) VALUES ('one', 'kept')");
    walk.types(
        "`batch_op.alter_column('old_name', new_column_name='new_name')`",
        "dbwarden template rename-column --table tokens --column note --name remark --write 'rename note'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(walk.database.rows("SELECT remark FROM tokens"), ["kept"]);
    walk.runs("dbwarden downgrade").exits(0);
    assert_eq!(walk.database.rows("SELECT note FROM tokens"), ["kept"]);
}

fn adding_indexes(walk: &mut Walk) {
    walk.types(
        "`op.create_index('ix_transaction_timestamp', 'transaction', ['timestamp'])`",
        "dbwarden template add-index --table transaction --column timestamp --write 'index the time'",
    );
    walk.types(
        "`op.create_index('ix_transaction_key_time', 'transaction', ['api_key_id', 'timestamp'])`",
        "dbwarden template add-index --table transaction --column token_id --column timestamp --name ix_transaction_key_time --write 'index both'",
    );
    walk.types(
        "`op.create_index('ix_apikey_active', 'apikey', ['balance'], postgresql_where='balance > 0')`",
        "dbwarden template add-index --table tokens --column balance --where 'balance > 0' --name ix_tokens_active --write 'index active ones'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(indexes(walk, "transaction"), ["ix_transaction_key_time", "ix_transaction_timestamp"]);
    assert!(indexes(walk, "tokens").contains(&"ix_tokens_active".to_owned()));
    let definition = walk.database.one(match walk.engine() {
        Engine::Sqlite => "SELECT sql FROM sqlite_schema WHERE name = 'ix_tokens_active'",
        _ => "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_tokens_active'",
    });
    assert!(definition.contains("WHERE") && definition.contains("balance > 0"), "{definition}");
}

fn data(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    tokens(walk);
    walk.does(
        "a loop over the rows of a `SELECT` that decides for each, with an `UPDATE` in it",
        "a `RustMigration`: `work.query(…)?`, and `work.execute(\"UPDATE … WHERE id = ?\", &[…])?`, whose values are parameters",
    );
    let kinds = RustMigration::new("c3d4e5f6a7b8", "add key type", |work| {
        work.execute("ALTER TABLE tokens ADD COLUMN key_type TEXT", &[])?;
        for row in work.query("SELECT id, details FROM tokens", &[])? {
            let details: serde_json::Value = serde_json::from_str(row.text(1))?;
            let kind = if details["premium"].as_bool() == Some(true) { "premium" } else { "it's standard" };
            work.execute("UPDATE tokens SET key_type = ? WHERE id = ?", &[kind.into(), row.get(0).clone()])?;
        }
        Ok(())
    })
    .down(|work| Ok(work.run("ALTER TABLE tokens DROP COLUMN key_type")?))
    .after([INDEXES]);
    let mut migrator = migrator_of(walk, VERSIONS).rust(kinds).build().unwrap();
    assert_eq!(migrator.migrate().unwrap().count(), 1);
    assert_eq!(walk.database.rows("SELECT key_type FROM tokens ORDER BY id"), ["premium", "it's standard"]);

    walk.does(
        "`op.alter_column(…, nullable=False)` in a program",
        "`migrator.template(&[Operation::AlterColumn { … }])?` and `migrator.create_with(…)?`",
    );
    let to = Alteration { nullable: Some(false), ..Alteration::default() };
    let required = Operation::AlterColumn {
        table: TableName::new("tokens"),
        column: "key_type".to_owned(),
        to: Box::new(to),
        from: Box::default(),
        was: None,
    };
    let written = migrator.template(&[required]).unwrap();
    let created =
        migrator.create_with("require key type", &written.upgrade, written.downgrade.as_deref()).unwrap();
    let text = std::fs::read_to_string(&created.path).unwrap();
    assert!(text.contains("-- down_revision: c3d4e5f6a7b8"), "{text}");
    migrator.migrate().unwrap();
    assert!(!nullable(walk, "tokens").contains(&"key_type".to_owned()));
    assert_eq!(walk.database.rows("SELECT key_type FROM tokens ORDER BY id"), ["premium", "it's standard"]);
    migrator.rollback_to(INDEXES).unwrap();
    assert!(!columns(walk, "tokens").contains(&"key_type".to_owned()));
}

fn enums(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    tokens(walk);
    walk.types(
        "`op.add_column(…)` of an `sa.Enum(…, name='keystatus')` with `nullable=False`, `server_default='active'`",
        "dbwarden template add-column --table tokens --column status --type \"sa.Enum('active', 'suspended', 'expired', name='keystatus')\" \
         --not-null --default active --write 'add status'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert_eq!(walk.database.rows("SELECT status FROM tokens ORDER BY id"), ["active", "active"]);
    walk.database.execute("UPDATE tokens SET status = 'expired' WHERE hash = 'one'");
    assert!(refuses(walk, "UPDATE tokens SET status = 'unheard of'"), "only the values of the list");
    walk.runs("dbwarden downgrade").exits(0);
    assert!(!columns(walk, "tokens").contains(&"status".to_owned()));
    if walk.does_on(
        Engine::Postgres,
        "the enum's `create(…, checkfirst=True)`",
        "`-- unless: type keystatus` before `CREATE TYPE`",
    ) {
        project(walk);
        walk.database.execute("CREATE TYPE keystatus AS ENUM ('active', 'suspended', 'expired')");
        let up = "-- unless: type keystatus\nCREATE TYPE keystatus AS ENUM ('active', 'suspended', 'expired');\n\
                  ALTER TABLE tokens ADD COLUMN status keystatus NOT NULL DEFAULT 'active';";
        revision(
            walk,
            "c3d4e5f6a7b8",
            INDEXES,
            "add_status",
            up,
            "ALTER TABLE tokens DROP COLUMN status;\nDROP TYPE keystatus;",
        );
        walk.runs("dbwarden upgrade").exits(0);
        assert!(columns(walk, "tokens").contains(&"status".to_owned()));
        // And where it is not there.
        walk.runs("dbwarden downgrade").exits(0);
        walk.runs("dbwarden upgrade").exits(0);
        assert!(columns(walk, "tokens").contains(&"status".to_owned()));
    }
}
