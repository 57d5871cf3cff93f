//! What PostgreSQL's server answers, and what keeps one from getting to it.

use std::io::{Read, Write};
use std::net::TcpListener;

use insta::assert_snapshot;
use testkit::{Database, Engine};

use crate::sandbox::{Ran, Sandbox};

/// A project on a database of its own.
struct Shop {
    sandbox: Sandbox,
    database: Database,
}

impl Shop {
    fn holding(files: &[(&str, &str)]) -> Self {
        let database = Database::new(Engine::Postgres);
        let sandbox = Sandbox::with_settings(&format!("url = \"{}\"\n", database.url()));
        sandbox.migrations(files);
        Self { sandbox, database }
    }

    /// The same, with another address in its settings.
    fn at(self, url: &str) -> Self {
        let lines = format!("[databases.primary]\nmigrations = \"migrations\"\nurl = \"{url}\"\n");
        self.sandbox.write("warden.toml", lines);
        self
    }

    #[track_caller]
    fn said(&self, exit: i32, arguments: &[&str]) -> String {
        let Ran { transcript, .. } = self.sandbox.run(arguments).exits(exit);
        let server = self.database.owned().server();
        transcript
            .replace(&format!("{}:{}", server.host(), server.port()), "[server]")
            .replace(self.database.owned().name(), "[database]")
    }
}

const CUSTOMERS: &str = "CREATE TABLE customers (id integer PRIMARY KEY, email text UNIQUE);\n\
                         INSERT INTO customers VALUES (1, 'ana@example.org');\n";

#[test]
fn the_schema_of_the_settings_is_that_of_our_tables() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    shop.sandbox.run(&["migrate"]).exits(0);
    let url = shop.database.url();
    let settings = |more: &str| {
        let lines = format!(
            "[databases.primary]\nmigrations = \"migrations\"\nurl = \"{url}\"\nschema = \"app\"\n{more}"
        );
        shop.sandbox.write("warden.toml", lines);
    };
    let tables = || {
        let where_they_are = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT LIKE 'pg%' \
                              AND schemaname <> 'information_schema' ORDER BY 1";
        shop.database.rows(where_they_are).join(" ")
    };
    let before = tables();
    // Those of an earlier build, which looked in public alone: nothing is run anew.
    settings("");
    let mut said = vec![shop.said(6, &["migrate"]), shop.said(6, &["status"])];
    assert_eq!(tables(), before);
    settings("[databases.primary.tables]\nschema = \"public\"\n");
    assert!(shop.said(0, &["migrate"]).contains("nothing to do"));
    for table in ["migrations", "lock", "journal"] {
        shop.database.execute(&format!(
            "CREATE SCHEMA IF NOT EXISTS app; ALTER TABLE public.dbwarden_{table} SET SCHEMA app"
        ));
    }
    settings("");
    assert!(shop.said(0, &["migrate"]).contains("nothing to do"));
    // One that has none yet.
    shop.database.execute("DROP SCHEMA app CASCADE");
    assert!(shop.said(0, &["status"]).contains("1 pending"));
    shop.sandbox.run(&["migrate"]).exits(0);
    let ours = "app.dbwarden_journal app.dbwarden_lock app.dbwarden_migrations";
    assert_eq!(tables(), format!("app.customers {ours} public.customers"));
    // Each of the two is made.
    shop.database.execute("DROP SCHEMA app CASCADE");
    settings("[databases.primary.tables]\nschema = \"ops\"\n");
    shop.sandbox.run(&["migrate"]).exits(0);
    assert_eq!(tables(), format!("app.customers {} public.customers", ours.replace("app.", "ops.")));
    // Who may not make one is told what to ask for.
    shop.database.execute("DROP SCHEMA app CASCADE");
    let role = shop.database.owned().server().role("shop");
    let given = shop.database.owned().url_as(&role);
    shop.sandbox.write(
        "warden.toml",
        format!("[databases.primary]\nmigrations = \"migrations\"\nurl = \"{given}\"\nschema = \"app\"\n"),
    );
    said.push(shop.said(1, &["migrate"]).replace(role.name(), "[role]"));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn what_is_no_sql_is_shown_in_its_line() {
    let shop = Shop::holding(&[(
        "0001_customers.sql",
        "-- the café's\nCREATE TABLE customers (id integer);\nINSERT INTO customers SELECT 1 FORM x y z;\nSELECT 1;\n",
    )]);
    let mut said = vec![shop.said(1, &["migrate"])];
    shop.sandbox
        .migration("0001_customers.sql", "CREATE TABLE customers (id integer);\nALTER TABLE customers\n");
    said.push(shop.said(1, &["migrate"]));
    // Nothing of it is left behind in the session that goes on.
    shop.sandbox.migration("0001_customers.sql", CUSTOMERS);
    shop.sandbox.migration("0002_orders.sql", "CREATE TABEL orders (id integer);\n");
    said.push(shop.said(1, &["migrate"]));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn what_the_server_adds_to_its_answer() {
    let shop = Shop::holding(&[
        ("0001_customers.sql", CUSTOMERS),
        ("0002_again.sql", "-- the same\nINSERT INTO customers VALUES (2, 'ana@example.org');\n"),
    ]);
    let mut said = vec![shop.said(1, &["migrate"])];
    shop.sandbox
        .migration("0002_again.sql", "UPDATE customers SET id = 2\n  WHERE emial = 'ana@example.org';\n");
    said.push(shop.said(1, &["migrate"]));
    shop.sandbox.migration(
        "0002_again.sql",
        "-- no-transaction\nUPDATE customers SET id = 2;\nDO $$ BEGIN\n  PERFORM 1 / (id - 2) FROM customers;\nEND $$;\n",
    );
    said.push(shop.said(1, &["migrate"]));
    said.push(shop.said(1, &["migrate", "--json"]));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn notices_of_the_server() {
    let noisy = "DROP TABLE IF EXISTS nothing;\nDO $$ BEGIN RAISE WARNING 'mind the gap'; END $$;\n";
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS), ("0002_noisy.sql", noisy)]);
    let said = [shop.said(0, &["migrate"]), {
        shop.sandbox.migration("0003_noisy.sql", format!("-- no-transaction\n{noisy}"));
        shop.said(0, &["migrate", "--quiet"])
    }];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_wrong_password() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    let server = shop.database.owned().server();
    let role = server.role("shop");
    let url = shop.database.owned().url_as(&role).replace(role.password(), "Not-the-password");
    let name = role.name().to_owned();
    let shop = shop.at(&url);
    let said = [shop.said(1, &["migrate"]), shop.said(1, &["status"])].join("\n").replace(&name, "[role]");
    assert!(!said.contains("Not-the-password"), "{said}");
    assert_snapshot!(said);
}

#[test]
fn no_such_database() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    let url = shop.database.url().replace(shop.database.owned().name(), "no_such_shop");
    assert_snapshot!(shop.at(&url).said(1, &["migrate"]));
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)])
        .at(&format!("postgresql://ana:secret@127.0.0.1:{port}/shop"));
    let said = shop.said(1, &["migrate"]).replace(&port.to_string(), "[port]");
    assert!(!said.contains("secret"), "{said}");
    assert_snapshot!(said);
}

#[test]
fn a_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The request for TLS is eight bytes, and `N` refuses it.
            client.read_exact(&mut [0; 8]).ok();
            client.write_all(b"N").ok();
        }
    });
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)])
        .at(&format!("postgresql://ana:secret@127.0.0.1:{port}/shop?sslmode=require"));
    let said = shop.said(1, &["migrate"]).replace(&port.to_string(), "[port]");
    assert!(!said.contains("secret"), "{said}");
    assert_snapshot!(said);
}

#[test]
fn a_role_that_may_not_make_our_tables() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    let role = shop.database.owned().server().role("shop");
    let url = shop.database.owned().url_as(&role);
    let shop = shop.at(&url);
    let said =
        [shop.said(0, &["status"]), shop.said(1, &["migrate"])].join("\n").replace(role.name(), "[role]");
    assert_snapshot!(said);
    // What it says helps.
    shop.database.execute(&format!("GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"{}\"", role.name()));
    shop.said(0, &["migrate"]);
}

#[test]
fn a_right_that_is_missing_in_the_middle() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    shop.database.execute("CREATE TABLE older (id integer); CREATE SCHEMA ops");
    let role = shop.database.owned().server().role("shop");
    shop.database.execute(&format!("GRANT USAGE, CREATE ON SCHEMA public TO {}", role.name()));
    let url = shop.database.owned().url_as(&role);
    let shop = shop.at(&url);
    let mut said = Vec::new();
    for text in
        ["ALTER TABLE older ADD x integer;\n", "SELECT * FROM older;\n", "CREATE TABLE ops.a (id integer);\n"]
    {
        shop.sandbox.migration("0001_customers.sql", text);
        said.push(shop.said(1, &["migrate"]));
    }
    assert_snapshot!(said.join("\n").replace(role.name(), "[role]"));
}

#[test]
fn a_role_that_may_only_read() {
    let shop = Shop::holding(&[("0001_customers.sql", CUSTOMERS)]);
    shop.said(0, &["migrate"]);
    let role = shop.database.owned().server().role("shop");
    let tables = "dbwarden_migrations, dbwarden_lock, dbwarden_journal";
    shop.database.execute(&format!("GRANT SELECT ON {tables} TO {}", role.name()));
    let url = shop.database.owned().url_as(&role);
    let shop = shop.at(&url);
    for command in [&["status"][..], &["history"], &["lock-status"], &["verify"], &["doctor"], &["migrate"]] {
        shop.said(0, command);
    }
    shop.sandbox.migration("0002_more.sql", "CREATE TABLE more (id integer);\n");
    let said = shop.said(6, &["migrate"]).replace(role.name(), "[role]");
    shop.database.execute(&format!("REVOKE SELECT ON {tables} FROM {}", role.name()));
    assert_snapshot!([said, shop.said(1, &["status"]).replace(role.name(), "[role]")].join("\n"));
}
