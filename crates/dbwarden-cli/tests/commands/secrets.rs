//! A password never appears.

use crate::sandbox::Sandbox;

const SECRET: &str = "Xyzzy7plugh";

/// What it is called, the settings, and the variables.
type Way = (&'static str, String, Vec<(&'static str, String)>);

/// Every place that a password may come from, and many commands that work or fail.
#[test]
fn the_password_of_an_address_never_appears() {
    let url = format!("postgresql://ana:{SECRET}@db.internal:5432/shop?sslmode=require");
    let mut said = String::new();
    let ways: [Way; 6] = [
        ("in the settings", format!("url = \"{url}\""), vec![]),
        ("in a variable", "url = \"${SHOP_URL}\"".to_owned(), vec![("SHOP_URL", url.clone())]),
        ("in DATABASE_URL", String::new(), vec![("DATABASE_URL", url.clone())]),
        (
            "in parts",
            format!(
                "engine = \"postgresql\"\nhost = \"db\"\nuser = \"ana\"\ndatabase = \"shop\"\npassword = \"{SECRET}\""
            ),
            vec![],
        ),
        ("malformed", format!("url = \"postgresql://ana:{SECRET}@db:port/shop\""), vec![]),
        ("unfinished", format!("url = \"postgresql://ana:{SECRET}"), vec![]),
    ];
    for (_, lines, variables) in &ways {
        let mut sandbox = Sandbox::with_settings(lines);
        for (name, value) in variables {
            sandbox.set(name, value);
        }
        sandbox.migration("0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
        for arguments in [
            &["config"][..],
            &["database", "list"],
            &["doctor"],
            &["status"],
            &["migrate"],
            &["migrate", "--sql"],
            &["rollback"],
            &["history"],
            &["heads"],
            &["branches"],
            &["show", "0001"],
            &["verify"],
            &["stamp", "head"],
            &["lock-status"],
            &["unlock"],
            &["new", "x"],
            &["migrate", "-v"],
            &["migrate", "-d", "nothing"],
            &["migrate", "--env", "prod"],
            &["migrate", "--dev"],
            &["init"],
            &["migrate", "--all"],
        ] {
            for more in [&[][..], &["--json"]] {
                let with: Vec<_> = arguments.iter().chain(more).copied().collect();
                let ran = sandbox.run(&with);
                said.push_str(&ran.out);
                said.push_str(&ran.err);
            }
        }
    }
    let sandbox = Sandbox::empty();
    for command in ["migrate", "status", "doctor", "config", "init"] {
        let ran = sandbox.run(&[command, "--url", &url, "--migrations", "."]);
        said.push_str(&ran.out);
        said.push_str(&ran.err);
    }
    assert!(said.contains("db.internal"), "the address itself is shown");
    if let Some(at) = said.find(SECRET) {
        let line = said[..at].rfind('\n').map_or(0, |start| start + 1);
        panic!("{}", said[line..].lines().next().unwrap_or_default());
    }
}

/// The same on a server that lets it in: in what is said, and in what is recorded.
#[cfg(unix)]
#[test]
fn the_password_of_a_role_never_appears_and_is_not_recorded() {
    never_said(
        &testkit::server::postgres().with_setting("sslmode=disable"),
        "ALTER ROLE CURRENT_USER PASSWORD '{secret}'",
        &[
            "DO $$ BEGIN EXECUTE 'ALTER ROLE CURRENT_USER PASSWORD ''{secret}'' NO'; END $$;\n",
            "ALTER ROLE CURRENT_USER PASWORD '{secret}';\n",
            "ALTER ROLE CURRENT_USER\n  PASSWORD\n  \"{secret}\";\n",
            "CREATE SUBSCRIPTION s\n CONECTION\n 'host=nowhere password={secret}' PUBLICATION p;\n",
        ],
    );
    never_said(
        &testkit::server::mariadb().with_setting("ssl-mode=disabled"),
        "SET PASSWORD = PASSWORD('{secret}')",
        &[
            "EXECUTE IMMEDIATE 'ALTER USER CURRENT_USER() IDENTIFIED BY ''{secret}'' NO';\n",
            "EXECUTE IMMEDIATE 'ALTER USER CURRENT_USER() IDENTFIED BY ''{secret}''';\n",
            "CREATE USER x IDENTFIED BY '{secret}';\n",
            "CREATE USER x\n  IDENTFIED BY\n  '{secret}';\n",
            "CREATE USER x IDENTIFIED BY {secret};\n",
            "CREATE USER x IDENTIFIED WITH plugin BY '{secret}';\n",
            "ALTER USER x IDENTIFIED VIA nothing\n  USING PASSWORD('{secret}') NO;\n",
            "SET PASSWORD FOR x PASSWORD('{secret}');\n",
            "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='{secret}' NO;\n",
            "CREATE TABLE f (id int) ENGINE=FEDERATED CONNECTION='mysql://u:{secret}@h/d/f';\n",
            "CREATE SERVER s FOREIGN DATA WRAPPER mysql\n OPTIONS (HOST 'h', PASWORD '{secret}' NO);\n",
        ],
    );
}

/// `own` sets the password that stands behind it; each of `failing` is a statement that fails while it does, or would.
#[cfg(unix)]
fn never_said(server: &testkit::server::Server, own: &str, failing: &[&str]) {
    let role = server.role("secret");
    let database = server.database("secret");
    database.give_to(&role);
    let (secret, url) = (role.password(), database.url_as(&role));
    let mut said = String::new();
    let mut run = |sandbox: &Sandbox, arguments: &[&str]| {
        let ran = sandbox.run(arguments);
        said.push_str(&ran.out);
        said.push_str(&ran.err);
        ran.exit
    };
    let sandbox = Sandbox::with_settings(&format!("url = \"{url}\"\n"));
    sandbox.migration("0001_a.sql", "CREATE TABLE a (id integer);\n-- rollback\nDROP TABLE a;\n");
    // The server's own words could hold it, and so could the statement.
    let own = own.replace("{secret}", secret);
    sandbox.migration("0002_password.sql", format!("-- no-transaction\n{own};\nSELECT 1;\n"));
    for arguments in [
        &["config"][..],
        &["doctor"],
        &["status"],
        &["migrate", "-v"],
        &["status", "--json"],
        &["history"],
        &["show", "0002"],
        &["lock-status", "--json"],
        &["rollback", "-t", "0001", "--json"],
        &["verify"],
        &["database", "list"],
    ] {
        run(&sandbox, arguments);
    }
    assert_eq!(run(&sandbox, &["migrate"]), 0);
    let mut wrong = vec![
        format!("-- no-transaction\nSELECT 1;\n{own} VALID UNTIL 'tomorow';\n"),
        format!("{own}; SELECT nothing;\n"),
    ];
    for one in failing {
        let one = one.replace("{secret}", secret);
        wrong.extend([format!("SELECT 1;\n{one}"), format!("-- no-transaction\nSELECT 1;\n{one}")]);
    }
    for (index, wrong) in wrong.iter().enumerate() {
        let name = format!("{:04}_wrong.sql", index + 3);
        sandbox.migration(&name, wrong);
        for more in [&[][..], &["--json"], &["-v"]] {
            let with: Vec<_> = ["migrate"].iter().chain(more).copied().collect();
            assert_eq!(run(&sandbox, &with), 1);
        }
        run(&sandbox, &["status"]);
        run(&sandbox, &["doctor"]);
        let recorded = database.shell("SELECT * FROM dbwarden_journal; SELECT * FROM dbwarden_lock;");
        assert!(!recorded.contains(secret), "{recorded}");
        sandbox.remove(&format!("migrations/{name}"));
        database.shell("DELETE FROM dbwarden_journal");
    }
    let recorded = database.shell(
        "SELECT version, description, kind, checksum, applied_by, run_id, note FROM dbwarden_migrations",
    );
    assert!(!recorded.contains(secret), "{recorded}");
    for other in ["wrong", "migrate"] {
        let url = url.replace(database.name(), other).replace(secret, &format!("{secret}x"));
        for arguments in [&["migrate", "--url", &url][..], &["status", "--url", &url, "--json"]] {
            assert_eq!(run(&sandbox, arguments), 1);
        }
    }
    assert!(said.contains(database.name()), "the address itself is shown");
    if let Some(at) = said.find(secret) {
        let line = said[..at].rfind('\n').map_or(0, |start| start + 1);
        panic!("{}", said[line..].lines().next().unwrap_or_default());
    }
}

#[test]
fn config_masks_secrets() {
    let sandbox = Sandbox::with_settings(&format!("url = \"postgresql://ana:{SECRET}@db/shop\""));
    let ran = sandbox.run(&["config"]).exits(0);
    assert!(ran.out.contains("ana:***@db") || ran.out.contains("ana@db"), "{}", ran.transcript);
}
