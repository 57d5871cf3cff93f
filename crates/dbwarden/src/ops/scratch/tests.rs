//! Here and not among the suite's tests: nothing outside the library makes a scratch database of its own.

use testkit::{Engine, on_every_database, on_mysql, on_postgres, on_sqlite};

use super::*;
use crate::apply::run::Silent;
use crate::migration::source::Source;
use crate::ops::fingerprint::fingerprint;
use crate::ops::migrate::{MigrateOptions, migrate};

fn deployment_at(database: &testkit::Database, url: &str) -> Deployment<'static> {
    let mut settings = DatabaseSettings::of(DatabaseUrl::parse(url).unwrap());
    if database.engine() == Engine::Duckdb {
        settings.duckdb_library = Some(testkit::duckdb_library());
    }
    settings.protected = true;
    settings.hooks.before.push("false".to_owned());
    Deployment::new(settings)
}

fn deployment(database: &testkit::Database) -> Deployment<'static> {
    deployment_at(database, &database.url())
}

/// Runs one migration on a scratch database.
fn run(scratch: &Scratch, sql: &str) {
    let mut deployment = Deployment::new(scratch.settings());
    deployment.source = Source::Texts(vec![("0001_proof.sql".to_owned(), sql.to_owned().into())]);
    migrate(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
}

/// Whether the scratch database is there, as the server or the system says it.
fn is_there(database: &testkit::Database, url: &DatabaseUrl) -> bool {
    if let Some(path) = url.path() {
        return path.exists() || path.parent().is_some_and(Path::exists);
    }
    let name = url.name().unwrap();
    let server = database.owned().server();
    let sql = match database.engine() {
        Engine::Mariadb => {
            format!("SELECT schema_name FROM information_schema.schemata WHERE schema_name = '{name}'")
        }
        _ => format!("SELECT datname FROM pg_database WHERE datname = '{name}'"),
    };
    server.shell("", &sql).contains(name)
}

fn refused(outcome: Result<Scratch, Error>) -> Error {
    match outcome {
        Ok(_) => panic!("it was made"),
        Err(error) => error,
    }
}

/// An error's text with what differs from run to run as `[…]`.
fn still(error: &Error, hidden: &[(&str, &str)]) -> String {
    let mut text = format!("{}: {error}", error.code());
    for (what, name) in hidden {
        text = text.replace(what, name);
    }
    text
}

on_every_database! {
    fn it_is_the_migrations_own_and_gone_when_it_is_closed(database) {
        database.execute("CREATE TABLE kept (id integer)");
        let mut deployment = deployment(&database);
        let before = fingerprint(&mut deployment).unwrap();
        let scratch = Scratch::new(&mut deployment, None).unwrap();
        let url = scratch.settings().url;
        assert!(scratch.fingerprint().unwrap().is_empty());
        run(&scratch, "CREATE TABLE proof (id integer);\nINSERT INTO proof VALUES (7);\n");
        assert!(is_there(&database, &url));
        let found = scratch.fingerprint().unwrap();
        assert!(found.get("table proof").is_some() && found.get("rows of proof") == Some("1"), "{found:#?}");
        assert!(found.objects().all(|(object, _)| !object.contains("dbwarden")), "{found:#?}");
        scratch.close().unwrap();
        assert!(!is_there(&database, &url));
        assert_eq!(fingerprint(&mut deployment).unwrap(), before);
    }

    fn two_at_once_are_two(database) {
        let mut deployment = deployment(&database);
        let first = Scratch::new(&mut deployment, None).unwrap();
        let second = Scratch::new(&mut deployment, None).unwrap();
        assert_ne!(first.settings().url, second.settings().url);
        run(&first, "CREATE TABLE proof (id integer);\n");
        assert!(second.fingerprint().unwrap().is_empty());
    }

    fn it_is_gone_however_the_proof_ends(database) {
        let mut deployment = deployment(&database);
        let mut proved = |ends: &dyn Fn(&Scratch)| {
            let scratch = Scratch::new(&mut deployment, None).unwrap();
            let url = scratch.settings().url;
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let scratch = scratch;
                run(&scratch, "CREATE TABLE proof (id integer);\n");
                ends(&scratch);
            }));
            assert!(!is_there(&database, &url));
            outcome.is_ok()
        };
        assert!(proved(&|_| {}), "it is dropped");
        assert!(!proved(&|_| panic!("the proof fails")));
        assert!(proved(&|scratch| {
            scratch.cancel.cancel();
            assert_eq!(scratch.fingerprint().unwrap_err().code(), "interrupted");
        }));
        // From here on nothing is begun any more.
        let error = refused(Scratch::new(&mut deployment, None));
        assert_eq!(error.code(), "interrupted");
    }
}

on_sqlite! {
    fn what_is_refused_says_why(database) {
        let mut deployment = deployment(&database);
        let url = DatabaseUrl::parse("postgresql://localhost/x").unwrap();
        let error = refused(Scratch::new(&mut deployment, Some(&url)));
        insta::assert_snapshot!(still(&error, &[]));
    }
}

mod of_postgres {
    use super::*;

    on_postgres! {
        fn without_the_right_to_make_one_it_is_said_which(database) {
            let server = database.owned().server();
            let role = server.role("scratch");
            let mut deployment = deployment_at(&database, &database.owned().url_as(&role));
            let error = refused(Scratch::new(&mut deployment, None));
            let port = server.port().to_string();
            let hidden = [(role.name(), "[role]"), (server.host(), "[host]"), (&port, "[port]"), (database.owned().name(), "[database]")];
            let ErrorKind::Scratch(ScratchError::Rights { grant: Some(grant), .. }) = error.kind() else { panic!("{error}") };
            insta::assert_snapshot!(format!("{}\n{}", still(&error, &hidden), grant.replace(role.name(), "[role]")));
            server.shell("", grant);
            Scratch::new(&mut deployment, None).unwrap().close().unwrap();
        }

        fn it_is_made_on_another_server_where_one_is_named(database) {
            // The deployment's own is never reached.
            let mut deployment = deployment_at(&database, "postgresql://nobody@127.0.0.1:1/nothing");
            let at = DatabaseUrl::parse(&database.url()).unwrap();
            let scratch = Scratch::new(&mut deployment, Some(&at)).unwrap();
            run(&scratch, "CREATE TABLE proof (id integer);\n");
            let url = scratch.settings().url;
            assert!(is_there(&database, &url));
            scratch.close().unwrap();
            assert!(!is_there(&database, &url));
            let other = DatabaseUrl::parse("mysql://localhost/x").unwrap();
            assert_eq!(refused(Scratch::new(&mut deployment, Some(&other))).code(), "scratch-unfit");
        }

        fn it_is_encoded_and_set_as_the_deployments_is(database) {
            let server = database.owned().server();
            server.shell("", "CREATE DATABASE scratch_latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'; \
                ALTER DATABASE scratch_latin SET search_path = 'a b', public; ALTER DATABASE scratch_latin SET work_mem = '7MB'");
            let mut settings = DatabaseSettings::of(DatabaseUrl::parse(&server.url("scratch_latin")).unwrap());
            settings.tables.schema = Some("public".to_owned());
            let mut deployment = Deployment::new(settings);
            let scratch = Scratch::new(&mut deployment, None).unwrap();
            let name = scratch.settings().url.name().unwrap().to_owned();
            let ask = |database: &str| {
                let sql = "SELECT pg_encoding_to_char(encoding), datcollate, datctype, current_setting('search_path'), current_setting('work_mem') \
                           FROM pg_database WHERE datname = current_database()";
                server.shell(database, sql)
            };
            assert_eq!(ask(&name), ask("scratch_latin"));
            assert!(ask(&name).contains("LATIN1|C|C|\"a b\", public|7MB"), "{}", ask(&name));
            assert_eq!(scratch.settings().tables.schema.as_deref(), Some("public"), "a schema is in the database");
            scratch.close().unwrap();
            server.shell("", "DROP DATABASE scratch_latin");
        }
    }
}

mod of_mysql {
    use super::*;

    on_mysql! {
        fn without_the_right_to_make_one_it_is_said_which_on_mysql(database) {
            let server = database.owned().server();
            let role = server.role("scratch");
            database.owned().give_to(&role);
            let mut deployment = deployment_at(&database, &database.owned().url_as(&role));
            let error = refused(Scratch::new(&mut deployment, None));
            let port = server.port().to_string();
            let ErrorKind::Scratch(ScratchError::Rights { grant: Some(grant), .. }) = error.kind() else { panic!("{error}") };
            let text = still(&error, &[(role.name(), "[role]"), (server.host(), "[host]"), (&port, "[port]"), (database.owned().name(), "[database]")]);
            let (before, rest) = text.split_once("'dbwarden_scratch_").unwrap();
            let (_, after) = rest.split_once('\'').unwrap();
            insta::assert_snapshot!(format!("{before}'dbwarden_scratch_…'{after}\n{}", grant.replace(role.name(), "[role]")));
            server.shell("", grant);
            Scratch::new(&mut deployment, None).unwrap().close().unwrap();
        }

        fn it_has_the_characters_of_the_deployments_and_its_own_records(database) {
            let server = database.owned().server();
            let name = database.owned().name();
            server.shell("", &format!("ALTER DATABASE {name} CHARACTER SET latin1 COLLATE latin1_german2_ci"));
            let mut deployment = deployment(&database);
            deployment.settings.tables.schema = Some("elsewhere".to_owned());
            let scratch = Scratch::new(&mut deployment, None).unwrap();
            assert_eq!(scratch.settings().tables.schema, None);
            let made = scratch.settings().url.name().unwrap().to_owned();
            let sql = format!("SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = '{made}'");
            assert_eq!(server.shell("", &sql).trim(), "latin1_german2_ci");
        }
    }
}
