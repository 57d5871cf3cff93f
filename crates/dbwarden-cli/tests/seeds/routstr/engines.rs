//! What one engine cannot do, or can do alone.

use testkit::Engine;

use super::creating::refuses;
use super::project;
use crate::program::{columns, indexes};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    walk.database.execute(
        "INSERT INTO tokens (hash, balance) VALUES ('one', 1000);\nINSERT INTO \"transaction\" (token_id) SELECT id FROM tokens",
    );
    walk.types(
        "`batch_op.alter_column('balance', type_=sa.BigInteger(), existing_type=sa.Integer())`",
        "dbwarden template alter-column --table tokens --column balance --type 'sa.BigInteger()' --from-type 'sa.Integer()' --write 'widen balance'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    let kind = |walk: &Walk| {
        walk.database.one(match walk.engine() {
            Engine::Sqlite => "SELECT upper(type) FROM pragma_table_info('tokens') WHERE name = 'balance'",
            _ => "SELECT upper(data_type) FROM information_schema.columns WHERE table_name = 'tokens' AND column_name = 'balance'",
        })
    };
    assert_eq!(kind(walk), "BIGINT");
    // Rows, indexes, and what refers to the table are as before.
    assert_eq!(
        walk.database.rows("SELECT t.balance FROM tokens t JOIN \"transaction\" x ON x.token_id = t.id"),
        ["1000"]
    );
    assert_eq!(indexes(walk, "tokens"), ["ix_tokens_hash"]);
    assert!(refuses(walk, "INSERT INTO \"transaction\" (token_id) VALUES (99)"), "the foreign key holds");
    walk.runs("dbwarden downgrade").exits(0);
    assert_eq!(kind(walk), "INTEGER");
    walk.runs("dbwarden upgrade").exits(0);

    if walk.does_on(
        Engine::Postgres,
        "`sa.JSON().with_variant(JSONB(), 'postgresql')`, `postgresql_using='gin'`",
        "`dbwarden template add-column --table tokens --column traits:jsonb`, `dbwarden template add-index --table tokens --column traits --using gin`",
    ) {
        walk.runs("dbwarden template add-column --table tokens --column traits:jsonb --write 'add traits'").exits(0);
        walk.runs("dbwarden template add-index --table tokens --column traits --using gin --write 'index traits'").exits(0);
        walk.runs("dbwarden upgrade").exits(0);
        let definition = walk.database.one("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_tokens_traits'");
        assert!(definition.contains("USING gin (traits)"), "{definition}");
        walk.runs("dbwarden downgrade -2").exits(0);
    }
    walk.types(
        "`sa.JSON()` on any engine",
        "dbwarden template add-column --table tokens --column metadata --type 'sa.JSON()' --write 'add metadata'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    walk.database.execute("UPDATE tokens SET metadata = '{\"a\": 1}'");
    assert!(columns(walk, "tokens").contains(&"metadata".to_owned()));
    walk.types(
        "`op.create_check_constraint('ck_apikey_balance_positive', 'apikey', 'balance >= 0')`",
        "dbwarden template add-check --table tokens --name ck_tokens_balance_positive --condition 'balance >= 0' --write 'balances are not negative'",
    );
    walk.runs("dbwarden upgrade").exits(0);
    assert!(refuses(walk, "UPDATE tokens SET balance = -1"), "the check holds");
    assert!(!refuses(walk, "UPDATE tokens SET balance = 5"));
    walk.runs("dbwarden downgrade").exits(0);
    assert!(!refuses(walk, "UPDATE tokens SET balance = -1"));
}
