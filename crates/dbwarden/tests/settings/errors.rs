//! What is wrong with settings, and where.

use super::*;

#[test]
fn every_error_names_the_setting_and_its_place() {
    let named = |name: &str| Overrides { database: Some(name.into()), ..Overrides::default() };
    let dev = Overrides { dev: true, ..Overrides::default() };
    let sqlite = |rest: &str| Desk::settings(&one("sqlite:///shop.db", rest));
    let two = "[databases.shop]\nurl = 'sqlite:a.db'\n[databases.stock]\nurl = 'sqlite:b.db'\n";
    let cases: Vec<(&str, Desk)> = vec![
        ("nothing at all", Desk::new()),
        ("--config", Desk::new().flags(Overrides { config: Some("x.toml".into()), ..Overrides::default() })),
        ("not TOML", Desk::settings("[databases.primary]\nurl = \"postgresql://u:hunter2@h/d\n")),
        ("not TOML 2", Desk::settings("password = hunter2\n")),
        ("twice", sqlite("url = 'postgresql://u:hunter2@h/d'")),
        ("not UTF-8", {
            let desk = Desk::settings("");
            std::fs::write(desk.path("warden.toml"), b"url = '\xff'").unwrap();
            desk
        }),
        ("unknown key", sqlite("protcted = true")),
        ("unknown key, far", sqlite("colour = 'red'")),
        ("unknown key, safety", sqlite("[databases.primary.safety]\nlock_timout = '1s'")),
        ("unknown key, top", Desk::settings("[databases.a]\nurl='sqlite:a'\n[database.b]\nurl='sqlite:b'")),
        ("unknown key, flat", Desk::settings("defualt = 'primary'")),
        ("outside", Desk::settings(&format!("sqlalchemy_url = 'sqlite:a'\n{two}"))),
        ("type: flag", sqlite("protected = 'yes'")),
        ("type: text", sqlite("schema = 1")),
        ("type: list item", sqlite("models = ['a', 2]")),
        ("type: table", sqlite("safety = 'high'")),
        ("type: number", sqlite("pool_size = 2.5")),
        ("type: databases", Desk::settings("databases = 'a'")),
        ("type: database", Desk::settings("[databases]\nprimary = 'sqlite:a'")),
        ("type: map", sqlite("parameters = 'x'")),
        ("bad url", Desk::settings(&one("postgress://u:hunter2@h/d", ""))),
        ("bad url, variable", Desk::new().set("DATABASE_URL", "postgresql://u:hunter2@h")),
        ("bad url, .env", Desk::new().file(".env", "\nDATABASE_URL=postgresql://u:hunter2\n")),
        ("bad url, flag", Desk::new().flags(url_flag("u:hunter2@h"))),
        ("unset, flag", Desk::new().flags(url_flag("env:SHOP_URL"))),
        ("unset", Desk::settings(&one("postgresql://u:${PW}@h/d", ""))),
        ("unset, .env", Desk::new().file(".env", "DATABASE_URL=postgresql://u:${PW}@h/d")),
        ("circle", Desk::new().file(".env", "A=${B}\nB=${A}\nDATABASE_URL=${A}")),
        ("reference", Desk::settings(&one("postgresql://u:${PW@h/d", ""))),
        ("duration", sqlite("lock_wait = '10'")),
        ("duration, safety", sqlite("[databases.primary.safety]\nlock_timeout = 'soon'")),
        ("duration, unit", sqlite("[databases.primary.safety]\nrequire_backup_within = '2 moons'")),
        ("window", sqlite("[databases.primary.safety]\nwindow = 'at night'")),
        ("word", sqlite("[databases.primary.safety]\ndestructive = 'refused'")),
        ("word, far", sqlite("[databases.primary.safety]\ndestructive = '${X}'").set("X", "hunter2")),
        ("duration, variable", sqlite("lock_wait = '${X}'").set("X", "1hunter")),
        ("window, variable", sqlite("safety.window = '${X}'").set("X", "hunter2-05:00 UTC")),
        ("number", sqlite("pool_size = -1")),
        ("number, variable", sqlite("").set("DB_POOL_SIZE", "many")),
        ("boolean, variable", sqlite("").set("DB_ECHO", "maybe")),
        ("empty", sqlite("migrations = ''")),
        ("engine", Desk::settings("engine = 'postgers'\ndatabase = 'd'")),
        ("engine, far", Desk::settings("engine = 'oracle'\ndatabase = 'd'")),
        ("no engine", Desk::settings("host = 'h'\ndatabase = 'd'")),
        ("no database", Desk::settings("engine = 'mysql'\nuser = 'u'")),
        ("port", Desk::settings("engine = 'mysql'\nport = 70000\ndatabase = 'd'")),
        ("embedded", Desk::settings("engine = 'sqlite'\nhost = 'h'\ndatabase = 'd'")),
        ("url and parts", Desk::settings("url = 'sqlite:a'\nengine = 'sqlite'")),
        ("two urls", Desk::settings("url = 'sqlite:a'\nsqlalchemy_url = 'sqlite:b'")),
        ("two passwords", Desk::settings("engine = 'mysql'\npassword = 'hunter2'\npassword_file = 'f'")),
        ("password file", Desk::settings("engine = 'mysql'\ndatabase = 'd'\npassword_file = 'none'")),
        (
            "password command",
            Desk::settings("engine = 'mysql'\ndatabase = 'd'\npassword_command = 'echo hunter2; exit 3'"),
        ),
        (
            "password command, text",
            Desk::settings("engine='mysql'\ndatabase='d'\npassword_command='printf \"\\377\"'"),
        ),
        (
            "password file, variable",
            Desk::settings("engine='mysql'\ndatabase='d'\npassword_file='${X}/pw'").set("X", "hunter2"),
        ),
        ("no url", Desk::settings("[databases.primary]\nmigrations = 'm'")),
        ("no url, flat", Desk::settings("migrations = 'm'")),
        ("no dev_url", sqlite("").flags(dev.clone())),
        ("dev and url", sqlite("").flags(Overrides { url: Some("sqlite:x".into()), ..dev })),
        ("no default", Desk::settings(two)),
        ("unknown database", Desk::settings(two).flags(named("stokc"))),
        ("unknown database, far", Desk::settings(two).flags(named("primary"))),
        ("unknown database, flat", Desk::settings("url = 'sqlite:a'").flags(named("shop"))),
        ("unknown default", Desk::settings(&format!("default = 'shoop'\n{two}"))),
        (
            "unknown default, variable",
            Desk::settings(&format!("default = '${{X}}'\n{two}")).set("X", "hunter2"),
        ),
        ("default, type", Desk::settings(&format!("default = 1\n{two}"))),
        ("environment", Desk::new().set("DBWARDEN_ENV", "../prod")),
        (
            "environment, flag",
            Desk::new().flags(Overrides { env: Some("a b".into()), ..Overrides::default() }),
        ),
        ("no environment", sqlite("migrations = 'm/{env}'")),
        ("no environment, session", sqlite("session = [\n  \"SET a = '{env}'\"]")),
        (".env line", Desk::new().file(".env", "# x\nhunter2\n")),
        (".env name", Desk::new().file(".env", "a b=hunter2\n")),
        (".env quote", Desk::new().file(".env", "A=1\nB='hunter2\n")),
        (".env double quote", Desk::new().file(".env", "B=\"hunter2\n")),
        (".env tail", Desk::new().file(".env", "A='x'hunter2\n")),
        (".env.prod line", Desk::new().set("ENV", "prod").file(".env.prod", "oops\n")),
    ];
    let mut lines = Vec::new();
    for (name, desk) in &cases {
        let outcome = Project::load(&desk.sources).and_then(|it| it.select(None));
        let error = outcome.err().unwrap_or_else(|| panic!("{name}: no error"));
        assert!(!format!("{error:?} {}", chain(&error)).contains("hunter2"), "{name}");
        lines.push(format!("{name} [{}]\n  {}", error.code(), desk.error()));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_error_knows_its_place() {
    let desk = Desk::settings(&one("sqlite:///a.db", "é = 1"));
    let error = Project::load(&desk.sources).unwrap_err();
    assert!(matches!(error, SettingsError::NotToml { .. } | SettingsError::UnknownKey { .. }));
    let place = error.place().unwrap();
    assert_eq!((place.file.as_path(), place.line), (Path::new("warden.toml"), 3));
}
