//! What can be typed: aliases, options, where they stand, and `new` and `verify`.

use crate::sandbox::{ORDERS, Sandbox, listing};

fn pair(id: usize) -> (String, String) {
    (
        format!("{id:04}_t{id}.sql"),
        format!("CREATE TABLE t{id} (id INTEGER);\n-- rollback\nDROP TABLE t{id};\n"),
    )
}

fn numbered(count: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in (1..=count).map(pair) {
        sandbox.migration(&name, text);
    }
    sandbox
}

#[test]
fn aliases_and_their_targets() {
    let sandbox = numbered(5);
    let at = |arguments: &[&str], applied: &str| {
        sandbox.run(arguments).exits(0);
        assert_eq!(sandbox.applied(), applied, "{arguments:?}");
    };
    at(&["upgrade", "+1"], "0001");
    at(&["upgrade", "3"], "0001,0002,0003");
    at(&["downgrade", "-1"], "0001,0002");
    at(&["upgrade", "head"], "0001,0002,0003,0004,0005");
    at(&["downgrade", "0004-1"], "0001,0002,0003");
    at(&["migrate", "--revision", "0004"], "0001,0002,0003,0004");
    at(&["rollback", "--revision", "0002"], "0001,0002");
    at(&["migrate", "-c", "2"], "0001,0002,0003,0004");
    at(&["rollback", "-c", "3"], "0001");
    at(&["migrate", "--to-version", "000000002"], "0001,0002");
    at(&["rollback"], "0001");
    at(&["downgrade", "base"], "");
    at(&["migrate", "--count", "1"], "0001");
    at(&["rollback", "-t", "-1"], "");
    at(&["migrate", "--baseline", "-t", "0003"], "0001,0002,0003");
    at(&["stamp", "--only", "0005"], "0001,0002,0003,0005");
    at(&["stamp", "--remove", "0003"], "0001,0002,0005");
    at(&["stamp", "0002"], "0001,0002");
    at(&["stamp", "base"], "");
    assert_eq!(sandbox.run(&["current"]).exits(0).out, sandbox.run(&["status"]).exits(0).out);
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    let sandbox = numbered(1);
    let url = "sqlite:///other.db";
    for arguments in [
        ["--url", url, "--json", "status"],
        ["status", "--url", url, "--json"],
        ["--json", "status", "--url", url],
    ] {
        assert_eq!(
            sandbox.run(&arguments).exits(0).json()["databases"][0]["target"],
            "other.db",
            "{arguments:?}"
        );
    }
}

#[test]
fn an_address_and_a_directory_need_no_settings() {
    let mut sandbox = Sandbox::empty();
    sandbox.write("sql/0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.run(&["migrate", "--url", "sqlite:///app.db", "--migrations", "sql"]).exits(0);
    assert_eq!(sandbox.applied(), "0001");
    sandbox.set("SHOP_URL", "sqlite:///shop.db");
    sandbox.run(&["migrate", "--url", "env:SHOP_URL", "--migrations", "sql"]).exits(0);
    assert!(sandbox.path("shop.db").exists());
    sandbox.set("DATABASE_URL", "sqlite:///third.db");
    sandbox.run(&["migrate", "--migrations", "sql"]).exits(0);
    assert!(sandbox.path("third.db").exists());
}

#[test]
fn the_environment_picks_its_files() {
    let mut sandbox = Sandbox::with_settings("url = \"${SHOP_URL}\"\n");
    sandbox.migration("0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.migration("0002_demo.sql", "-- environments: dev\nCREATE TABLE demo (id INTEGER);\n");
    sandbox.write(".env", "SHOP_URL=sqlite:///plain.db\n");
    sandbox.write(".env.dev", "SHOP_URL=sqlite:///app.db\n");
    sandbox.run(&["migrate"]).exits(0);
    assert!(sandbox.path("plain.db").exists() && !sandbox.path("app.db").exists());
    sandbox.run(&["migrate", "--env", "development"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002");
    sandbox.set("DBWARDEN_ENV", "dev");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.out.contains("app.db  nothing to do"), "{}", ran.transcript);
}

#[test]
fn what_is_typed_next_says_what_was_typed() {
    let sandbox = numbered(3);
    sandbox.migration("0004_demo.sql", "-- tags: demo\nCREATE TABEL demo (id INTEGER);\n");
    let next = |arguments: &[&str]| {
        let ran = sandbox.run(arguments).exits(1);
        let line = ran.err.lines().find(|line| line.contains("= next: ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", ran.transcript)).split_once("next: ").unwrap().1.to_owned()
    };
    assert_eq!(
        next(&["migrate", "-c", "4", "--tag", "demo", "--with-backup", "--migrations", "migrations"]),
        "correct the file, then `dbwarden migrate -c 1 --tag demo --with-backup --migrations migrations`",
        "three are done by then"
    );
    assert_eq!(
        next(&["migrate", "0004", "--tag", "demo", "--no-seeds"]),
        "correct the file, then `dbwarden migrate -t 0004 --no-seeds --tag demo`"
    );
}

#[test]
fn settings_are_found_from_below() {
    let sandbox = numbered(1);
    std::fs::create_dir_all(sandbox.path("src/deep")).unwrap();
    let output = sandbox.command(&["migrate"]).current_dir(sandbox.path("src/deep")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sandbox.applied(), "0001");
}

#[test]
fn config_says_that_there_is_no_settings_file() {
    let mut sandbox = Sandbox::empty();
    sandbox.set("DATABASE_URL", "sqlite:///app.db");
    let ran = sandbox.run(&["config"]).exits(0);
    assert!(ran.err.contains("there is no warden.toml here"), "{}", ran.transcript);
    assert!(ran.out.contains("app.db"), "{}", ran.transcript);
    assert!(sandbox.run(&["config", "--json"]).exits(0).json()["file"].is_null());
    assert_eq!(Sandbox::new().run(&["config"]).exits(0).err, "");
}

#[test]
fn a_target_that_is_passed_already_runs_nothing() {
    let sandbox = numbered(3);
    sandbox.migration("RA__always.sql", "INSERT INTO t1 VALUES (1);\n");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.out.contains("3 pending, 1 that runs always"), "{}", ran.transcript);
    let ran = sandbox.refuses(0, &["migrate", "-t", "0001"]);
    let note = "note: 0001 is passed already, at 0003; a rollback is the way down";
    assert!(ran.err.contains(note), "{}", ran.transcript);
    assert!(ran.out.contains("nothing to do, at 0003 (head)"), "{}", ran.transcript);
    let ran = sandbox.run(&["migrate", "-t", "0003"]).exits(0);
    assert!(
        ran.out.contains("nothing pending, 1 that runs always") && ran.err.is_empty(),
        "{}",
        ran.transcript
    );
    assert!(sandbox.run(&["status"]).exits(0).out.contains("at 0003 (head), lock free"));
    // Not passed: nothing of what stands on it is applied.
    sandbox.run(&["rollback", "-t", "0001"]).exits(0);
    assert_eq!(sandbox.refuses(0, &["migrate", "-t", "0001"]).err, "");
}

#[test]
fn a_head_that_is_not_selected_is_not_where_we_are() {
    let sandbox = numbered(2);
    sandbox.migration("0003_demo.sql", "-- tags: demo\nCREATE TABLE demo (id INTEGER);\n");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.out.ends_with("now at 0002\n"), "{}", ran.transcript);
    let ran = sandbox.run(&["status"]).exits(0);
    assert!(ran.out.contains("at 0002, lock free"), "{}", ran.transcript);
    let ran = sandbox.run(&["migrate", "--tag", "demo"]).exits(0);
    assert!(ran.out.ends_with("now at 0003 (head)\n"), "{}", ran.transcript);
}

#[test]
fn help_is_a_command_too() {
    let sandbox = Sandbox::empty();
    for (typed, same) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "migrate"], &["migrate", "--help"]),
        (&["help", "upgrade"], &["migrate", "--help"]),
        (&["help", "database", "list"], &["database", "list", "--help"]),
    ] {
        assert_eq!(sandbox.run(typed).exits(0).out, sandbox.run(same).exits(0).out, "{typed:?}");
    }
    assert!(sandbox.run(&["help", "show", "--json"]).exits(0).json()["help"].is_string());
    let ran = sandbox.run(&["help", "migrat"]).exits(2);
    assert!(ran.err.contains("did you mean `dbwarden migrate`?"), "{}", ran.transcript);
    sandbox.run(&["help", "diff"]).exits(2);
    sandbox.run(&["help", "database", "frobnicate"]).exits(2);
}

#[test]
fn the_manual_has_the_options_of_each_command() {
    let manual = Sandbox::empty().run(&["man"]).exits(0).out;
    for part in [
        ".SH \"dbwarden migrate\"",
        "\\fB\\-\\-single\\-transaction\\fR",
        ".SH \"dbwarden database list\"",
        "\\fB\\-\\-depends\\-on\\fR",
        "dbwarden unlock \\-\\-force",
    ] {
        assert!(manual.contains(part), "{part}: {manual}");
    }
    assert_eq!(
        manual.matches("\\fB\\-\\-lock\\-wait\\fR \\fI<TIME>\\fR\n").count(),
        1,
        "what every command takes stands once"
    );
}

#[test]
fn new_in_each_naming_style() {
    for (first, made) in [
        ("0001_a.sql", "0002_add_coupons.sql"),
        ("001_a.sql", "002_add_coupons.sql"),
        ("V1__a.sql", "V2__add_coupons.sql"),
        ("V1.2__a.sql", "V1.3__add_coupons.sql"),
    ] {
        let sandbox = Sandbox::holding(&[(first, "CREATE TABLE a (id INTEGER);\n")]);
        let ran = sandbox.run(&["new", "Add coupons"]).exits(0);
        assert_eq!(ran.out.trim(), format!("migrations/{made}"));
        let text = sandbox.read(&format!("migrations/{made}"));
        assert!(text.contains("-- upgrade") && text.contains("-- rollback"), "{text}");
    }
    for (first, shape) in [
        ("20230101120000_a.sql", r"^\d{14}_add_coupons\.sql$"),
        ("V20240215_143000__a.sql", r"^V\d{8}_\d{6}__add_coupons\.sql$"),
        ("a1b2c3d4e5f6_a.sql", r"^[0-9a-f]{12}_add_coupons\.sql$"),
    ] {
        let sandbox = Sandbox::holding(&[(first, "CREATE TABLE a (id INTEGER);\n")]);
        sandbox.run(&["new", "Add coupons"]).exits(0);
        let names = listing(&sandbox.path("migrations"));
        let shape = regex::Regex::new(shape).unwrap();
        assert!(names.iter().any(|name| shape.is_match(name)), "{first}: {names:?}");
    }
}

#[test]
fn new_with_its_options() {
    let sandbox = numbered(2);
    let made = |arguments: &[&str]| sandbox.run(arguments).exits(0).out.trim().to_owned();
    assert_eq!(made(&["revision", "-m", "add sms"]), "migrations/0003_add_sms.sql");
    assert_eq!(made(&["create", "add push", "--no-autogenerate"]), "migrations/0004_add_push.sql");
    assert_eq!(made(&["new", "views", "--type", "ra"]), "migrations/RA__views.sql");
    assert_eq!(made(&["new", "policies", "--type", "roc"]), "migrations/ROC__policies.sql");
    let text = sandbox.read("migrations/RA__views.sql") + &sandbox.read("migrations/ROC__policies.sql");
    assert!(text.contains("-- upgrade") && !text.contains("-- rollback"), "{text}");
    assert_eq!(made(&["new", "demo data", "--type", "seed"]), "migrations/0005_demo_data.sql");
    assert!(sandbox.read("migrations/0005_demo_data.sql").contains("-- seed"));
    assert_eq!(made(&["new", "x", "--version", "0042"]), "migrations/0042_x.sql");
    assert!(made(&["new", "now", "--timestamp"]).starts_with("migrations/20"));
    // An empty migration is not applied by mistake.
    sandbox.refuses(1, &["migrate"]);
}

#[test]
fn create_says_that_it_compares_no_models() {
    let sandbox = numbered(1);
    let said = |arguments: &[&str]| {
        let err = sandbox.run(arguments).exits(0).err;
        err.lines().find(|line| line.starts_with("note:")).unwrap_or_default().to_owned()
    };
    let none = "note: no models are set, so this migration is empty";
    assert_eq!(said(&["create", "add sms"]), none);
    assert_eq!(said(&["create", "add push", "--no-autogenerate"]), "");
    assert_eq!(said(&["new", "add mail"]), "");
    assert_eq!(said(&["create", "add fax", "--json"]), "");
    let settings = sandbox.read("warden.toml");
    sandbox.write("warden.toml", format!("{settings}models = [\"app/models\"]\n"));
    let later = "note: models are set; comparing them comes with a later version, so this migration is empty";
    assert_eq!(said(&["create", "add letters"]), later);
    assert_eq!(said(&["new", "add pigeons"]), "");
}

#[test]
fn new_in_a_directory_that_several_databases_share() {
    let sandbox = Sandbox::empty();
    let both = "migrations = \"migrations\"\nurl = \"sqlite:///";
    let settings = format!(
        "[databases.primary]\n{both}a.db\"\n[databases.audit]\n{both}b.db\"\n[databases.stock]\n{both}c.db\"\n"
    );
    sandbox.write("warden.toml", settings);
    sandbox.migrations(&[
        ("primary__0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("audit__0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("audit__0002_b.sql", "CREATE TABLE b (id INTEGER);\n"),
    ]);
    let made = |arguments: &[&str]| sandbox.run(arguments).exits(0).out.trim().to_owned();
    assert_eq!(made(&["new", "x", "-d", "primary"]), "migrations/primary__0002_x.sql");
    assert_eq!(made(&["new", "x", "-d", "audit"]), "migrations/audit__0003_x.sql");
    assert_eq!(made(&["new", "views", "-d", "audit", "--type", "ra"]), "migrations/audit__RA__views.sql");
    // The first of its database, and a version that only another one has.
    assert_eq!(made(&["new", "x", "-d", "stock"]), "migrations/stock__0001_x.sql");
    assert_eq!(made(&["new", "y", "-d", "stock", "--version", "0003"]), "migrations/stock__0003_y.sql");
    sandbox.run(&["new", "y", "-d", "audit", "--version", "0003"]).exits(2);
}

#[test]
fn new_with_a_parent_and_needs() {
    let sandbox = numbered(3);
    sandbox.run(&["new", "side", "--head", "2", "--depends-on", "1,0002"]).exits(0);
    let text = sandbox.read("migrations/0004_side.sql");
    assert!(
        text.contains("-- down_revision: 0002\n") && text.contains("-- depends_on: [\"0001\", \"0002\"]\n"),
        "{text}"
    );
}

#[test]
fn new_in_a_directory_that_is_not_there() {
    let sandbox = Sandbox::empty();
    sandbox.write("warden.toml", "[databases.primary]\nurl = \"sqlite:///app.db\"\n");
    let ran = sandbox.run(&["new", "first"]).exits(0);
    assert!(sandbox.path(ran.out.trim()).exists(), "{}", ran.transcript);
}

#[test]
fn verify_accepts_what_a_person_says() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0002_create_orders.sql", ORDERS.replace("NOT NULL", ""));
    sandbox.refuses(5, &["verify"]);
    sandbox.run(&["verify", "--accept", "0002", "--reason", "the column was made nullable by hand"]).exits(0);
    sandbox.run(&["verify"]).exits(0);
    let note = sandbox.values("SELECT note FROM dbwarden_migrations WHERE version = '0002'");
    assert!(note.contains("the column was made nullable by hand"), "{note}");
    assert!(sandbox.run(&["show", "0002"]).exits(0).out.contains("nullable by hand"));

    sandbox.rename("migrations/0003_order_totals.sql", "migrations/0009_order_totals.sql");
    sandbox.refuses(5, &["migrate"]);
    sandbox.run(&["verify", "--accept", "0009", "--reason", "renumbered"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002,0009");
    sandbox.run(&["verify"]).exits(0);

    sandbox.remove("migrations/0001_create_customers.sql");
    sandbox.refuses(5, &["migrate"]);
    sandbox.run(&["verify", "--accept", "0001", "--reason", "it is part of the image"]).exits(0);
    sandbox.run(&["verify"]).exits(0);
    sandbox.run(&["migrate"]).exits(0);
}

#[test]
fn comments_alone_are_a_note() {
    let sandbox = Sandbox::shop();
    sandbox.migration(
        "0002_create_orders.sql",
        format!("-- why we have orders\n{}", ORDERS.replace("TABLE orders (", "TABLE  orders\n(")),
    );
    let ran = sandbox.refuses(0, &["verify"]);
    assert!(ran.out.contains("note: reformatted"), "{}", ran.transcript);
    sandbox.refuses(0, &["migrate"]);
}

#[test]
fn databases_by_name_and_all() {
    let sandbox = Sandbox::empty();
    sandbox.write("warden.toml", "default = \"primary\"\n[databases.primary]\nurl = \"sqlite:///app.db\"\nmigrations = \"m\"\n[databases.logs]\nurl = \"sqlite:///logs.db\"\nmigrations = \"m\"\n");
    sandbox.write("m/0001_both.sql", "CREATE TABLE both_have (id INTEGER);\n");
    sandbox.write("m/primary__0002_one.sql", "CREATE TABLE one (id INTEGER);\n");
    sandbox.write("m/logs__0002_two.sql", "CREATE TABLE two (id INTEGER);\n");
    sandbox.run(&["migrate"]).exits(0);
    assert!(!sandbox.path("logs.db").exists());
    sandbox.run(&["migrate", "-d", "logs"]).exits(0);
    sandbox.run(&["status", "--all", "--check"]).exits(0);
    let tables = |name: &str| crate::sandbox::schema(&sandbox.database_at(name));
    assert!(tables("app.db").contains("table one") && !tables("app.db").contains("table two"));
    assert!(tables("logs.db").contains("table two") && !tables("logs.db").contains("table one"));
}

#[test]
fn help_completions_and_man() {
    let sandbox = Sandbox::empty();
    let help = sandbox.run(&["--help"]).exits(0).out;
    for group in ["Start ", "Write ", "Apply ", "See ", "Recover "] {
        assert!(help.contains(group), "{help}");
    }
    for command in [
        "init",
        "new",
        "migrate",
        "rollback",
        "status",
        "history",
        "heads",
        "branches",
        "merge",
        "show",
        "stamp",
        "verify",
        "lock-status",
        "unlock",
        "config",
        "doctor",
        "version",
        "completions",
        "man",
    ] {
        let help = sandbox.run(&[command, "--help"]).exits(0).out;
        assert!(help.contains("Examples:"), "{command}: {help}");
        assert_eq!(help.split("Examples:").nth(1).unwrap().matches("\n  dbwarden ").count(), 2, "{command}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(sandbox.run(&["completions", shell]).exits(0).out.contains("dbwarden"));
    }
    assert!(sandbox.run(&["man"]).exits(0).out.contains(".TH dbwarden"));
}
