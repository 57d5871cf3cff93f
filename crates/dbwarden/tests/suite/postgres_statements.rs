//! What a file may ask of PostgreSQL beside its tables: other roles, modes of a transaction, code that commits.

use dbwarden::apply::run::{Resume, Silent};
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::status::StatusOptions;
use dbwarden::project::{Overrides, Project, Sources};
use testkit::on_postgres;

use crate::{LOG, code, deployment, log, migrate, migrate_with};

on_postgres! {
    fn code_that_commits_runs_by_itself_where_a_file_asks_for_no_transaction(database) {
        let procedure = "CREATE PROCEDURE two() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('1'); COMMIT; \
                         INSERT INTO log (what) VALUES ('2'); END $$;\n";
        database.write(&[
            LOG,
            ("0002_two.sql", procedure),
            ("0003_call.sql", "-- no-transaction\nCALL two();\nDO $$ BEGIN INSERT INTO log (what) VALUES ('3'); COMMIT; END $$;\nINSERT INTO log (what) VALUES ('4');\n"),
        ]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4"]);
        assert_eq!((database.versions().len(), database.journalled()), (3, 0));
        // In a transaction the server refuses the COMMIT, and nothing is kept.
        database.write(&[("0004_call.sql", "CALL two();\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_eq!(log(&database).len(), 4);
        // What it had committed when it failed is not known.
        database.write(&[("0004_call.sql", "-- no-transaction\nDO $$ BEGIN INSERT INTO log (what) VALUES ('5'); COMMIT; PERFORM 1 / 0; END $$;\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        let error = migrate(&database).unwrap_err();
        assert!(error.to_string().ends_with("it failed, and what it had committed by then is not known"), "{error}");
        migrate_with(&database, &MigrateOptions { resume: Some(Resume::Skip), ..MigrateOptions::default() }).unwrap();
        assert_eq!(log(&database).len(), 5);
    }

    fn another_role_makes_what_the_file_asks_and_writes_none_of_our_rows(database) {
        let role = database.owned().server().role("maker");
        let name = role.name();
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.execute(&format!("GRANT ALL ON SCHEMA public TO {name}; GRANT ALL ON log TO {name}; GRANT ALL ON SEQUENCE log_id_seq TO {name}"));
        let owner = |table: &str| database.one(&format!("SELECT tableowner FROM pg_tables WHERE tablename = '{table}'"));
        let made = "INSERT INTO log (what) SELECT current_user;\n";
        for (index, (header, set)) in [
            ("", format!("SET ROLE {name}")), ("", format!("SET LOCAL ROLE {name}")), ("", format!("SET SESSION AUTHORIZATION {name}")),
            ("-- no-transaction\n", format!("SET ROLE {name}")), ("-- unless: table nowhere\n", format!("SET ROLE {name}")),
        ].into_iter().enumerate() {
            let text = format!("{header}{set};\nCREATE TABLE made_{index} (x integer);\n{made}CREATE TABLE more_{index} (x integer);\n");
            database.write(&[(&format!("00{}_role.sql", index + 10), &text)]);
            migrate(&database).unwrap_or_else(|error| panic!("{header}{set}: {error}"));
            assert_eq!(owner(&format!("made_{index}")), name, "{header}{set}");
            assert_eq!(owner(&format!("more_{index}")), name, "{header}{set}");
        }
        // Among statements of their own, and where one of them fails.
        let text = format!("SET ROLE {name};\nCREATE TABLE last (x integer);\nCREATE INDEX CONCURRENTLY last_x ON last (x);\nINSERT INTO nowhere VALUES (1);\n");
        database.write(&[("0020_role.sql", &text)]);
        assert_eq!(code(migrate(&database)), "sql");
        database.write(&[("0020_role.sql", &text.replace("INSERT INTO nowhere VALUES (1)", "CREATE TABLE very_last (x integer)"))]);
        migrate(&database).unwrap();
        assert_eq!((owner("last"), owner("very_last")), (name.to_owned(), name.to_owned()));
        assert!(log(&database).iter().all(|what| what == name));
        assert_eq!((database.versions().len(), database.journalled()), (7, 0));
        database.execute(&format!("REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}"));
    }

    fn a_transaction_has_the_modes_that_its_begin_asks_for(database) {
        let tell = "INSERT INTO log (what) SELECT current_setting('transaction_isolation');\n";
        let text = format!(
            "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY;\n{tell}COMMIT;\nSTART TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n{tell}COMMIT;\nBEGIN;\n{tell}END;\n{tell}"
        );
        database.write(&[LOG, ("0002_modes.sql", &text)]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["serializable", "repeatable read", "read committed", "read committed"]);
    }

    fn under_a_snapshot_the_check_of_the_lock_still_tells_that_it_is_lost(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_modes.sql", "BEGIN ISOLATION LEVEL REPEATABLE READ;\nINSERT INTO log (what) VALUES ('2');\nCOMMIT;\n")]);
        let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
        let mut deployment = deployment(&database);
        let done = std::sync::atomic::AtomicBool::new(false);
        deployment.points = Some(std::sync::Arc::new(move |point| {
            if point == "statement-run" && !done.swap(true, std::sync::atomic::Ordering::SeqCst) {
                server.shell(&name, "UPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder'");
            }
        }));
        assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "lock-lost");
        assert!(log(&database).is_empty());
        assert_eq!(database.versions(), ["0001"]);
    }

    fn a_password_is_read_from_the_usual_file(database) {
        use std::os::unix::fs::PermissionsExt;
        let server = database.owned().server();
        let role = server.role("reader");
        let file = database.folder().join(".pgpass");
        std::fs::write(&file, format!("# ours\n{}:{}:*:{}:{}\n", server.host(), server.port(), role.name(), role.password())).unwrap();
        let url = database.owned().url_as(&role).replace(&format!(":{}@", role.password()), "@");
        let asked = |name: &str, value: &std::path::Path| {
            let overrides = Overrides { url: Some(url.clone()), migrations: Some(database.migrations()), ..Overrides::default() };
            let environment = [(name.to_owned(), value.display().to_string())].into();
            let sources = Sources { directory: database.folder().to_owned(), environment, overrides };
            let settings = Project::load(&sources).unwrap().select(None).unwrap();
            dbwarden::ops::status::status(&mut Deployment::new(settings), &StatusOptions::default())
        };
        let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        asked("HOME", database.folder()).unwrap();
        asked("PGPASSFILE", &file).unwrap();
        // One that others may read is passed over, as libpq does.
        mode(0o644);
        assert_eq!(code(asked("HOME", database.folder())), "open");
    }
}
