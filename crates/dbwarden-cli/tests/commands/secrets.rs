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

#[test]
fn config_masks_secrets() {
    let sandbox = Sandbox::with_settings(&format!("url = \"postgresql://ana:{SECRET}@db/shop\""));
    let ran = sandbox.run(&["config"]).exits(0);
    assert!(ran.out.contains("ana:***@db") || ran.out.contains("ana@db"), "{}", ran.transcript);
}
