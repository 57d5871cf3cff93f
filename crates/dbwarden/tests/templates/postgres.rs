//! PostgreSQL: a column that is dropped takes much along.

use dbwarden::operation::{Alteration, Operation};
use testkit::on_postgres;

use crate::kinds::{alter, users};
use crate::{down, plain, there_and_back, up, write};

fn drop(column: &str) -> Operation {
    Operation::DropColumn { table: users(), column: column.to_owned(), was: None }
}

on_postgres! {
    fn a_column_brings_back_what_went_with_it(database) {
        database.execute(
            "CREATE TABLE others (code text PRIMARY KEY); \
             CREATE TABLE users (id integer PRIMARY KEY, b integer, \"A \"\"b\" text DEFAULT 'x' CONSTRAINT \"Alone\" UNIQUE DEFERRABLE REFERENCES others (code), \
             UNIQUE (b, \"A \"\"b\") INCLUDE (id), CONSTRAINT pair CHECK (b > 0 OR \"A \"\"b\" <> ''), CONSTRAINT other CHECK (b < 99)); \
             ALTER TABLE users ADD CONSTRAINT late CHECK (length(\"A \"\"b\") < 9) NOT VALID; \
             CREATE INDEX computed ON users (lower(\"A \"\"b\") DESC) WHERE b > 0; \
             CREATE UNIQUE INDEX partial ON users (b) WHERE \"A \"\"b\" IS NOT NULL; \
             CREATE INDEX stays ON users (b)",
        );
        // Two columns of one constraint would be missed by it in turn; two of their own would not.
        let error = write(&database, &[drop("A \"b"), drop("b")]).unwrap_err();
        assert_eq!(error.code(), "template-order");
        database.execute("ALTER TABLE users ADD c text UNIQUE, ADD d text");
        there_and_back(&database, &[drop("d"), drop("c")], |_| {});
        database.execute("ALTER TABLE users DROP c, DROP d");
        there_and_back(&database, &[drop("A \"b")], |database| {
            let rules = "SELECT conname FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype <> 'n' ORDER BY 1";
            assert_eq!(database.rows(rules), ["other", "users_pkey"]);
        });
    }

    fn what_could_hold_nothing_before_is_what_it_is_afterwards(database) {
        database.execute("CREATE TABLE users (id integer PRIMARY KEY, a integer NOT NULL, b integer)");
        for (column, nullable) in [("a", false), ("b", true)] {
            let to = Alteration { nullable: Some(nullable), ..Alteration::default() };
            let before = plain(&database);
            write(&database, &[alter(column, to.clone())]).unwrap();
            up(&database);
            assert_eq!(plain(&database), before);
            down(&database);
            assert_eq!(plain(&database), before);
            let other = Alteration { nullable: Some(!nullable), ..to };
            there_and_back(&database, &[alter(column, other)], |_| {});
        }
    }

    fn a_serial_column_brings_back_its_sequence(database) {
        database.execute("CREATE TABLE users (id integer PRIMARY KEY, n smallserial); ALTER SEQUENCE users_n_seq INCREMENT BY 5 CYCLE");
        there_and_back(&database, &[drop("n")], |database| {
            assert_eq!(database.rows("SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'users%'"), Vec::<String>::new());
        });
        database.execute("INSERT INTO users (id) VALUES (1), (2)");
        assert_eq!(database.rows("SELECT n FROM users ORDER BY id"), ["1", "6"]);
        // One that belongs to nobody stays.
        database.execute("CREATE SEQUENCE free; CREATE TABLE free (id integer PRIMARY KEY, n bigint DEFAULT nextval('free'))".replace("TABLE free", "TABLE free_users").as_str());
        let table = dbwarden::operation::TableName::new("free_users");
        there_and_back(&database, &[Operation::DropColumn { table, column: "n".to_owned(), was: None }], |_| {});
    }
}
