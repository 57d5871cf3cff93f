//! Settings: their layers, `${VAR}`, `.env` files, `warden.toml`, and what each does not say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "settings/description.rs"]
mod description;
#[path = "settings/errors.rs"]
mod errors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dbwarden::project::{
    DatabaseSettings, Destructive, Environment, Origin, Overrides, Project, SettingsError, Sources,
};
use secrecy::ExposeSecret;

/// A directory with files in it, and what the process would hand in.
struct Desk {
    root: tempfile::TempDir,
    sources: Sources,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let sources = Sources { directory: root.path().to_owned(), ..Sources::default() };
        Self { root, sources }
    }

    fn settings(text: &str) -> Self {
        Self::new().file("warden.toml", text)
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.insert(name.into(), value.into());
        self
    }

    fn flags(mut self, overrides: Overrides) -> Self {
        self.sources.overrides = overrides;
        self
    }

    fn inside(mut self, directory: &str) -> Self {
        self.sources.directory = self.path(directory);
        std::fs::create_dir_all(&self.sources.directory).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn load(&self) -> Project {
        Project::load(&self.sources).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    fn get(&self) -> DatabaseSettings {
        self.load().select(None).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// The error's text with that of its causes, the temporary directory as `ROOT`.
    fn error(&self) -> String {
        let outcome = Project::load(&self.sources).and_then(|it| it.select(None));
        chain(&outcome.unwrap_err()).replace(&self.root.path().display().to_string(), "ROOT")
    }
}

fn chain(error: &SettingsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

fn url_flag(url: &str) -> Overrides {
    Overrides { url: Some(url.into()), ..Overrides::default() }
}

fn one(url: &str, rest: &str) -> String {
    format!("[databases.primary]\nurl = \"{url}\"\n{rest}")
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let desk = Desk::settings(
        r#"
default = "primary"

[databases.primary]
url = "${DATABASE_URL}"
direct_url = "postgresql://app@db/shop"
dev_url = "sqlite:///dev.db"
migrations = "migrations/{env}"
models = ["app/models"]
schema = "public"
session = ["SET TIME ZONE 'UTC'", "SET app.env = '{env}'"]
schema_file = "schema.sql"
protected = false
template = "new.sql"
strict_ahead = true
lock_wait = "2min"
pool_size = 5
max_overflow = "2"

[databases.primary.tables]
journal = "steps"
schema = "ops"

[databases.primary.hooks]
before = "echo before"
failure = ["page", "mail"]

[databases.primary.safety]
require_backup_within = "24h"
lock_timeout = "5s"
destructive = "refuse"
window = "02:00-05:00 UTC"

[databases.other]
url = "${NOT_SET}"
"#,
    )
    .set("DATABASE_URL", "postgresql://app:pw@pooler:6432/shop")
    .set("ENV", "production");
    let it = desk.get();
    assert_eq!(it.name, "primary");
    assert_eq!(it.url.target(), "app@pooler:6432/shop");
    assert_eq!(it.direct_url.unwrap().target(), "app@db:5432/shop");
    assert_eq!(it.dev_url.unwrap().target(), "dev.db");
    assert_eq!(it.migrations, desk.path("migrations/prod"));
    assert_eq!(it.models, ["app/models"]);
    assert_eq!(it.schema.as_deref(), Some("public"));
    assert_eq!(it.session, ["SET TIME ZONE 'UTC'", "SET app.env = 'prod'"]);
    assert_eq!(it.schema_file, Some(desk.path("schema.sql")));
    assert_eq!(it.template, Some(desk.path("new.sql")));
    assert!(it.protected, "production is always protected");
    assert!(it.strict_ahead && !it.foreign_keys && !it.echo && !it.dev);
    assert_eq!(it.lock_wait, Duration::from_secs(120));
    assert_eq!((it.pool_size, it.max_overflow), (Some(5), Some(2)));
    assert_eq!((it.tables.migrations.as_str(), it.tables.journal.as_str()), ("dbwarden_migrations", "steps"));
    assert_eq!(it.tables.schema.as_deref(), Some("ops"));
    assert_eq!(
        (it.hooks.before, it.hooks.failure),
        (vec!["echo before".into()], vec!["page".into(), "mail".into()])
    );
    assert_eq!(it.safety.require_backup_within, Some(Duration::from_secs(86_400)));
    assert_eq!(it.safety.lock_timeout, Duration::from_secs(5));
    assert_eq!(it.safety.destructive, Destructive::Refuse);
    assert_eq!(it.safety.window.unwrap().to_string(), "02:00-05:00 UTC");
}

#[test]
fn a_pool_may_be_without_bound() {
    let sessions = |rest: &str| Desk::settings(&one("sqlite:///shop.db", rest)).get().max_sessions();
    assert_eq!(sessions("pool_size = 5"), Some(5));
    assert_eq!(sessions("pool_size = 5\nmax_overflow = 10"), Some(15));
    assert_eq!(sessions("pool_size = 0\nmax_overflow = 10"), None);
    assert_eq!(sessions("pool_size = 5\nmax_overflow = -1"), None);
}

#[test]
fn all_else_has_a_default() {
    let desk = Desk::settings(&one("sqlite:///shop.db", ""));
    let it = desk.get();
    assert_eq!(it.url.path(), Some(desk.path("shop.db").as_path()));
    assert_eq!(it.url.target(), "shop.db");
    assert_eq!(it.migrations, desk.path("migrations"));
    assert_eq!((it.lock_wait, it.safety.lock_timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!(it.safety.destructive, Destructive::Ask);
    assert!(!it.protected && it.environment.is_none() && it.schema.is_none() && it.max_sessions().is_none());
    assert_eq!((it.tables.lock.as_str(), it.tables.journal.as_str()), ("dbwarden_lock", "dbwarden_journal"));
}

/// Each row takes one layer away from the one before.
#[test]
fn a_higher_layer_wins() {
    let layers = ["flag", "environment", ".env.dev", ".env.development", ".env", "warden.toml"];
    for (at, layer) in layers.iter().enumerate() {
        let has = |name: &str| layers[at..].contains(&name);
        let url = |name: &str| format!("postgresql://h/{}", name.replace('.', "_"));
        let mut desk = Desk::settings(&one(&url("warden.toml"), "")).set("DBWARDEN_ENV", "dev");
        for name in [".env", ".env.development", ".env.dev"] {
            if has(name) {
                desk = desk.file(name, &format!("DATABASE_URL={}\n", url(name)));
            }
        }
        if has("environment") {
            desk = desk.set("DATABASE_URL", &url("environment"));
        }
        if has("flag") {
            desk = desk.flags(url_flag(&url("flag")));
        }
        let it = desk.get();
        assert_eq!(it.url.name(), Some(layer.replace('.', "_").as_str()));
        let origin = match *layer {
            "flag" => "--url".to_owned(),
            "environment" => "DATABASE_URL".to_owned(),
            "warden.toml" => "warden.toml:2:7".to_owned(),
            file => format!("DATABASE_URL ({file}:1)"),
        };
        assert_eq!(it.url_origin.to_string(), origin);
    }
}

#[test]
fn a_url_that_names_its_variable_has_chosen_it() {
    let desk = Desk::settings(&one("${SHOP_URL}", ""))
        .set("DATABASE_URL", "postgresql://h/wrong")
        .set("SHOP_URL", "postgresql://h/right");
    assert_eq!(desk.get().url.name(), Some("right"));
    let note =
        Desk::settings(&one("postgresql://h/file", "")).set("DATABASE_URL", "postgresql://h/env").get();
    insta::assert_snapshot!(note.notes.join("\n"), @"DATABASE_URL is used in place of databases.primary.url (warden.toml:2:7)");
}

#[test]
fn the_database_url_of_the_environment_means_the_default_database() {
    let text = "default = 'a'\n[databases.a]\nurl = 'sqlite:a.db'\n[databases.b]\nurl = 'sqlite:b.db'\n";
    let project = Desk::settings(text).set("DATABASE_URL", "sqlite:env.db").set("DB_ECHO", "1").load();
    let targets: Vec<_> = project.all().into_iter().map(|(_, it)| it.unwrap()).collect();
    assert_eq!(targets.iter().map(|it| it.url.target()).collect::<Vec<_>>(), ["env.db", "b.db"]);
    assert!(targets.iter().all(|it| it.echo), "how we run is said for every database");
    assert!(targets[0].migrations.ends_with("migrations/a"), "databases share no directory by default");
}

#[test]
fn the_environment_is_found_in_its_order() {
    let env = |desk: Desk| desk.load().environment;
    let other = |name: &str| Some(Environment::Other(name.into()));
    assert_eq!(env(Desk::new()), None);
    assert_eq!(env(Desk::new().set("ENVIRONMENT", "Production")), Some(Environment::Prod));
    assert_eq!(env(Desk::new().set("ENVIRONMENT", "x").set("ENV", "staging")), Some(Environment::Staging));
    assert_eq!(env(Desk::new().set("ENV", "x").set("DBWARDEN_ENV", "development")), Some(Environment::Dev));
    assert_eq!(env(Desk::new().file(".env", "DBWARDEN_ENV=x").set("ENV", "qa")), other("qa"));
    assert_eq!(env(Desk::new().file(".env", "ENV=qa")), other("qa"));
    assert_eq!(env(Desk::new().set("ENV", "/etc/shinit").set("ENVIRONMENT", "qa")), other("qa"));
    assert_eq!(env(Desk::new().set("DBWARDEN_ENV", "").set("ENV", "qa")), other("qa"));
    let flag = Overrides { env: Some("dev".into()), ..Overrides::default() };
    assert_eq!(env(Desk::new().set("DBWARDEN_ENV", "prod").flags(flag)), Some(Environment::Dev));
}

#[test]
fn the_environment_named_in_dot_env_picks_its_file() {
    let desk = Desk::new().file(".env", "ENV=prod\nDATABASE_URL=sqlite:dev.db").file(
        ".env.production",
        "DATABASE_URL=postgresql://user:pass@prod-db/app\nDB_POOL_SIZE=20\nDB_MAX_OVERFLOW=40\nDB_ECHO=false\n",
    );
    let it = desk.get();
    assert_eq!(it.url.target(), "user@prod-db:5432/app");
    assert_eq!((it.max_sessions(), it.echo, it.protected), (Some(60), false, true));
}

#[test]
fn a_password_in_dot_env_is_not_expanded() {
    for value in [
        "postgresql://u:pa$word#1@h/db",
        "'postgresql://u:pa$word#1@h/db'",
        "\"postgresql://u:pa$word#1@h/db\"",
    ] {
        let desk =
            Desk::new().file(".env", &format!("DATABASE_URL={value} # the shop\n")).set("word", "WRONG");
        let url = desk.get().url;
        assert_eq!(url.password().unwrap().expose_secret(), "pa$word#1", "{value}");
    }
}

#[test]
fn references_in_dot_env_are_followed() {
    let desk = Desk::new()
        .file(
            ".env",
            "USER_PART=app\nBROKEN=${NOWHERE}\nDATABASE_URL=postgresql://${USER_PART}:${PW}@h/${DB:-shop}\n",
        )
        .set("PW", "x${y}");
    let url = desk.get().url;
    assert_eq!(
        (url.target().as_str(), url.password().unwrap().expose_secret()),
        ("app@h:5432/shop", "x${y}")
    );
}

#[test]
fn settings_are_found_upwards_and_files_are_seen_from_them() {
    let desk = Desk::settings(&one("sqlite:///shop.db", "models = 1")).inside("a/b");
    insta::assert_snapshot!(desk.error(), @"databases.primary.models (../../warden.toml:3:10): expected a list of strings, found integer");
    let desk = Desk::settings(&one("sqlite:///shop.db", "")).file(".env", "DB_ECHO=yes").inside("a/b");
    let it = desk.get();
    assert_eq!(it.url.path(), Some(desk.path("shop.db").as_path()));
    assert_eq!(it.migrations, desk.path("migrations"));
    assert!(it.echo);
    assert_eq!(desk.load().root, desk.root.path());
}

#[test]
fn flags_are_seen_from_where_we_are() {
    let desk = Desk::settings(&one("sqlite:///shop.db", "")).inside("a").flags(Overrides {
        migrations: Some("m".into()),
        url: Some("sqlite:///x.db".into()),
        ..Overrides::default()
    });
    let it = desk.get();
    assert_eq!((it.migrations, it.url.path().unwrap()), (desk.path("a/m"), desk.path("a/x.db").as_path()));

    let desk = Desk::new().file("deploy/db.toml", &one("sqlite:///shop.db", ""));
    let desk = desk
        .file("deploy/.env", "DB_ECHO=on")
        .flags(Overrides { config: Some("deploy/db.toml".into()), ..Overrides::default() });
    let it = desk.get();
    assert_eq!(it.migrations, desk.path("deploy/migrations"));
    assert!(it.echo);
}

#[test]
fn a_url_and_a_directory_need_no_file() {
    let desk = Desk::new().set("SHOP", "postgresql://u:pw@h/shop").flags(Overrides {
        url: Some("env:SHOP".into()),
        migrations: Some("/srv/m".into()),
        database: Some("shop".into()),
        ..Overrides::default()
    });
    let it = desk.get();
    assert_eq!((it.name.as_str(), it.url.target().as_str()), ("shop", "u@h:5432/shop"));
    assert_eq!(it.migrations, Path::new("/srv/m"));
}

#[test]
fn the_older_names_work() {
    let desk = Desk::settings(
        "sqlalchemy_url = 'postgresql+asyncpg://u@h/d'\nmodel_paths = ['models/']\npostgres_schema = 's'\n",
    );
    let it = desk.get();
    assert_eq!((it.name.as_str(), it.url.target().as_str()), ("primary", "u@h:5432/d"));
    assert_eq!((it.models, it.schema.as_deref()), (vec!["models/".to_owned()], Some("s")));

    let desk = Desk::new()
        .set("STRATA_SQLALCHEMY_URL", "postgresql://u@h/d")
        .set("STRATA_MODEL_PATHS", "models/, app/models/,core/database/models/")
        .set("STRATA_POSTGRES_SCHEMA", "my_schema")
        .set("STRATA_ASYNC", "true");
    let it = desk.get();
    assert_eq!(it.models, ["models/", "app/models/", "core/database/models/"]);
    assert_eq!(it.schema.as_deref(), Some("my_schema"));
    insta::assert_snapshot!(desk.load().notes.join("\n"), @"STRATA_ASYNC has no effect: every driver suffix of a URL is accepted");

    let desk = desk.set("DATABASE_URL", "sqlite:///d.db");
    assert_eq!(desk.get().schema, None, "a file has no schemas, and the variable may be another program's");
}

#[test]
fn an_address_may_be_given_in_parts() {
    let parts = "[databases.primary]\nengine = 'postgres'\nhost = 'h'\nport = 5433\nuser = 'u'\ndatabase = 'd'\nparameters = { sslmode = 'require' }\n";
    let desk = Desk::settings(&format!("{parts}password = '${{PW}}'")).set("PW", "p@ss/w#rd");
    assert_eq!(desk.get().url.secret_url(), "postgresql://u:p%40ss%2Fw%23rd@h:5433/d?sslmode=require");

    let desk = Desk::settings(&format!("{parts}password_file = 'pw'")).file("pw", "two words\r\n");
    assert_eq!(desk.get().url.password().unwrap().expose_secret(), "two words");

    let desk = Desk::settings(&format!("{parts}password_command = 'cat pw; echo; echo'")).file("pw", "x");
    assert_eq!(desk.get().url.password().unwrap().expose_secret(), "x\n", "one line end is taken away");

    let url = |text: &str| Desk::settings(text).get().url;
    assert_eq!(url("engine = 'sqlite'\ndatabase = 'shop.db'").target(), "shop.db");
    assert_eq!(url("engine = 'cockroach'").target(), "root@localhost:26257/defaultdb");
    let it = url("engine = 'postgresql'\nuser = 'ana'");
    assert_eq!((it.target().as_str(), it.host()), ("ana@localhost:5432/ana", None));
}

#[test]
fn dev_takes_the_dev_url_alone() {
    let dev = Overrides { dev: true, strict_translation: true, ..Overrides::default() };
    let rest = "dev_url = 'sqlite:///dev.db'\ndirect_url = '${X}'\nschema = 'public'\nprotected = true\nsession = [\"SET TIME ZONE 'UTC'\"]\n";
    let desk = Desk::settings(&one("${NOT_SET}", rest)).flags(dev);
    let it = desk.get();
    assert!(it.dev && it.strict_translation && !it.protected && it.direct_url.is_none());
    assert_eq!(it.url.path(), Some(desk.path("dev.db").as_path()));
    assert!(it.schema.is_none() && it.session.is_empty());
    insta::assert_snapshot!(it.notes.join("\n"), @"`session` is for another engine than the dev_url's SQLite: left out");
}

#[test]
fn a_direct_url_goes_with_the_url_beside_it() {
    let rest = "direct_url = 'postgresql://h/direct'";
    let desk =
        Desk::settings(&one("postgresql://h/pooled", rest)).set("DATABASE_URL", "postgresql://other/d");
    let it = desk.get();
    assert_eq!(it.direct_url, None);
    insta::assert_snapshot!(it.notes.join("\n"), @"
    DATABASE_URL is used in place of databases.primary.url (warden.toml:2:7)
    databases.primary.direct_url (warden.toml:3:14) is left out, since the url comes from elsewhere
    ");
}

#[test]
fn one_database_does_not_stop_another() {
    let text = "default = 'a'\n[databases.a]\nurl = 'sqlite:a.db'\n[databases.b]\nurl = '${B_URL}'\n";
    let project = Desk::settings(text).load();
    assert!(project.select(None).is_ok());
    let outcomes: Vec<_> = project.all().into_iter().map(|(name, it)| (name, it.is_ok())).collect();
    assert_eq!(outcomes, [("a".to_owned(), true), ("b".to_owned(), false)]);
    assert_eq!(project.names().collect::<Vec<_>>(), ["a", "b"]);
}

proptest::proptest! {
    #[test]
    fn any_password_gets_through_each_way(secret in "ZQ[\\x20-\\x7e\u{e9}]{0,16}QZ") {
        let with = |desk: Desk, way: &str| {
            let outcome = Project::load(&desk.sources).and_then(|it| it.select(None));
            match outcome {
                Ok(it) => {
                    let found = it.url.password().unwrap().expose_secret().to_owned();
                    let shown = format!("{it:?}");
                    assert!(found == secret && !shown.contains(&secret), "{way}");
                }
                Err(error) => panic!("{way}: {}", chain(&error)),
            }
        };
        let parts = "engine = 'mysql'\nuser = 'u'\ndatabase = 'd'\n";
        with(Desk::settings(&format!("{parts}password = '${{PW}}'")).set("PW", &secret), "a variable");
        with(Desk::settings(&format!("{parts}password_file = 'pw'")).file("pw", &secret), "a file");
        let toml = secret.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${");
        // `$${` is `$` and an escaped reference to us, so a password with it is written with one more.
        if !secret.contains("${") {
            with(Desk::settings(&format!("{parts}password = \"{toml}\"")), "the file itself");
        }
        let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
        let env = format!("PW=\"{quoted}\"\n");
        with(Desk::settings(&format!("{parts}password = '${{PW}}'")).file(".env", &env), ".env");
    }
}
