//! What is said on CockroachDB, here the scripted one: schema changes that are jobs, conflicts, what a block may not hold.

use insta::assert_snapshot;
use testkit::scripted::{Answer, Outcome, RETRY};
use testkit::{Database, Engine};

use crate::sandbox::{Ran, Sandbox};

/// A project on a database of its own.
struct Shop {
    sandbox: Sandbox,
    database: Database,
}

impl Shop {
    fn holding(files: &[(&str, &str)]) -> Self {
        let database = Database::new(Engine::Scripted);
        let sandbox = Sandbox::with_settings(&format!("url = \"{}\"\n", database.url()));
        sandbox.migrations(files);
        Self { sandbox, database }
    }

    #[track_caller]
    fn said(&self, exit: i32, arguments: &[&str]) -> String {
        let Ran { transcript, .. } = self.sandbox.run(arguments).exits(exit);
        let server = self.database.owned().server();
        let transcript = transcript
            .replace(&format!("127.0.0.1:{}", self.database.scripted().port()), "[server]")
            .replace(&format!("{}:{}", server.host(), server.port()), "[server]")
            .replace(self.database.owned().name(), "[database]");
        // The version of the PostgreSQL behind it.
        match (transcript.find(", and PostgreSQL "), transcript.find(" answers")) {
            (Some(from), Some(to)) => {
                format!("{}, and PostgreSQL […]{}", &transcript[..from], &transcript[to..])
            }
            _ => transcript,
        }
    }
}

const CUSTOMERS: (&str, &str) =
    ("0001_customers.sql", "CREATE TABLE customers (id integer PRIMARY KEY, email text);\n");

const MIXED: (&str, &str) = (
    "0002_index.sql",
    "INSERT INTO customers VALUES (1, 'ana@example.org');\nCREATE UNIQUE INDEX by_email ON customers (email);\n\
     TRUNCATE TABLE customers;\n",
);

#[test]
fn a_job_that_failed_and_one_that_goes_on() {
    let shop = Shop::holding(&[CUSTOMERS, MIXED]);
    let words = "duplicate key value violates unique constraint \"by_email\"";
    shop.database.scripted().hold("CREATE UNIQUE", Answer::Done, 0, Outcome::Fails(words.to_owned()));
    let failed = shop.said(1, &["migrate"]);
    shop.database.scripted().hold("TRUNCATE", Answer::Cut, 2, Outcome::Succeeds);
    let cut = shop.said(1, &["migrate"]);
    let doubtful = shop.said(1, &["migrate"]);
    let skipped = shop.said(0, &["migrate", "--resume=skip"]);
    assert_snapshot!([failed, cut, doubtful, skipped].join("\n"));
}

#[test]
fn a_conflict_that_does_not_end() {
    let shop = Shop::holding(&[
        CUSTOMERS,
        ("0002_ana.sql", "-- retries: 2\nINSERT INTO customers VALUES (1, 'ana@example.org');\n"),
    ]);
    shop.database.scripted().refuse("INTO customers", 1000, "40001", RETRY);
    assert_snapshot!(shop.said(4, &["migrate", "-v"]));
}

#[test]
fn what_a_transaction_cannot_hold() {
    let shop = Shop::holding(&[
        CUSTOMERS,
        (
            "0002_block.sql",
            "BEGIN;\nINSERT INTO customers VALUES (1, 'a');\nALTER TABLE customers ADD COLUMN name text;\nCOMMIT;\n",
        ),
    ]);
    let block = shop.said(1, &["migrate"]);
    shop.sandbox.migration(
        "0002_block.sql",
        "SAVEPOINT cockroach_restart;\nINSERT INTO customers VALUES (1, 'a');\n",
    );
    let savepoint = shop.said(1, &["migrate"]);
    shop.sandbox.migration("0002_block.sql", "ALTER TABLE customers ADD COLUMN name text;\n");
    let single = shop.said(1, &["migrate", "--single-transaction"]);
    assert_snapshot!([block, savepoint, single].join("\n"));
}

#[test]
fn postgresql_under_the_name_of_cockroachdb() {
    let shop = Shop::holding(&[CUSTOMERS]);
    let url = shop.database.owned().url().replace("postgresql://", "cockroachdb://");
    let lines = format!("[databases.primary]\nmigrations = \"migrations\"\nurl = \"{url}\"\n");
    shop.sandbox.write("warden.toml", lines);
    assert_snapshot!(shop.said(1, &["migrate"]));
}
