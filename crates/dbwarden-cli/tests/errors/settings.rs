//! Settings that are wrong or not there.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[track_caller]
fn with_file(text: &str, arguments: &[&str]) -> String {
    let sandbox = Sandbox::empty();
    sandbox.write("warden.toml", text);
    sandbox.migration("0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.refuses(2, arguments).transcript
}

#[test]
fn none_at_all() {
    let sandbox = Sandbox::empty();
    let said = [
        sandbox.refuses(2, &["migrate"]).transcript,
        sandbox.refuses(2, &["status", "--config", "other.toml"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unknown_database_name() {
    let two = "default = \"primary\"\n[databases.primary]\nurl = \"sqlite:///app.db\"\n[databases.analytics]\nurl = \"sqlite:///b.db\"\n";
    let said = [
        with_file(two, &["migrate", "-d", "analitics"]),
        with_file(&two.replace("default = \"primary\"", "default = \"main\""), &["migrate"]),
        with_file(&two.replace("default = \"primary\"\n", ""), &["migrate"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unset_variable() {
    let sandbox = Sandbox::empty();
    let said = [
        with_file("[databases.primary]\nurl = \"${DATABASE_ADDRESS}\"\n", &["migrate"]),
        sandbox.refuses(2, &["migrate", "--url", "env:SHOP_URL", "--migrations", "."]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unknown_key() {
    let said = [
        with_file("[databases.primary]\nurl = \"sqlite:///app.db\"\nmigration = \"m\"\n", &["migrate"]),
        with_file(
            "[databases.primary]\nurl = \"sqlite:///app.db\"\n[databases.primary.safety]\nwindows = \"x\"\n",
            &["status"],
        ),
        with_file("defualt = \"primary\"\n[databases.primary]\nurl = \"sqlite:///app.db\"\n", &["status"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn bad_toml() {
    let said = [
        with_file("[databases.primary]\nurl = sqlite:///app.db\n", &["migrate"]),
        with_file("[databases.primary\nurl = \"sqlite:///app.db\"\n", &["migrate"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn values() {
    let said: Vec<_> = [
        "url = 7",
        "url = \"\"",
        "url = \"sqlite\"",
        "url = \"oracle://shop\"",
        "url = \"sqlite:///app.db\"\nprotected = \"yes\"",
        "url = \"sqlite:///app.db\"\nengine = \"sqlite\"",
        "url = \"sqlite:///app.db\"\n[databases.primary.safety]\nlock_timeout = \"soon\"",
        "url = \"sqlite:///app.db\"\n[databases.primary.safety]\nwindow = \"at night\"",
        "url = \"sqlite:///app.db\"\n[databases.primary.safety]\ndestructive = \"aks\"",
        "engine = \"sqlite\"",
        "models = [\"app\"]",
    ]
    .iter()
    .map(|lines| with_file(&format!("[databases.primary]\n{lines}\n"), &["migrate"]))
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_line_of_env() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=1\nthis is no line\n");
    assert_snapshot!(sandbox.refuses(2, &["migrate"]).transcript);
}

#[test]
fn an_environments_name() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.refuses(2, &["migrate", "--env", "../etc"]).transcript);
}

#[test]
fn flags_that_exclude_each_other() {
    let sandbox = Sandbox::new();
    let said = [
        sandbox.refuses(2, &["migrate", "--dev"]).transcript,
        sandbox.refuses(2, &["migrate", "--dev", "--url", "sqlite:///b.db"]).transcript,
        sandbox.refuses(2, &["migrate", "--all", "-d", "primary"]).transcript,
        sandbox.refuses(2, &["migrate", "--lock-wait", "soon"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn addresses_on_the_command_line() {
    let sandbox = Sandbox::empty();
    let said: Vec<_> = ["shop.db", "oracle://u:secret@host/x", "postgresql://u:secret@host:port/x"]
        .iter()
        .map(|url| sandbox.refuses(2, &["migrate", "--url", url, "--migrations", "."]).transcript)
        .collect();
    assert_snapshot!(said.join("\n"));
    assert!(!said.concat().replace("u:secret@", "").contains("secret"), "only what was typed has it");
}

#[test]
fn no_directory_of_migrations() {
    let sandbox = Sandbox::empty();
    sandbox.write("warden.toml", "[databases.primary]\nurl = \"sqlite:///app.db\"\n");
    let said = [
        sandbox.refuses(2, &["migrate"]).transcript,
        sandbox.refuses(2, &["migrate", "--migrations", "elsewhere"]).transcript,
        sandbox.refuses(2, &["migrate", "--migrations", "warden.toml"]).transcript,
        sandbox.refuses(2, &["status"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    assert!(!sandbox.path("app.db").exists());
}
