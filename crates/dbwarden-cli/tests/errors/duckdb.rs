//! What DuckDB answers, and what is said where its library or its file is not to be had.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const A: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (1);\n";

/// A project on a file that is not there yet.
fn shop(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with_settings("url = \"duckdb:///shop.duckdb\"\n");
    sandbox.migrations(files);
    sandbox
}

/// The default build.
#[cfg(not(feature = "duckdb"))]
#[test]
fn a_build_without_the_driver() {
    let sandbox = shop(&[("0001_a.sql", A)]);
    assert_snapshot!(sandbox.run(&["migrate"]).exits(1).transcript);
}

#[cfg(feature = "duckdb")]
mod with_the_driver {
    use testkit::{Database, Engine, Program};

    use super::*;
    use crate::sandbox::program;

    /// The same, with DuckDB's library.
    fn with_library(files: &[(&str, &str)]) -> Sandbox {
        let mut sandbox = shop(files);
        sandbox.set("DBWARDEN_DUCKDB_LIBRARY", &testkit::duckdb_library().to_string_lossy());
        sandbox
    }

    /// One transcript, without what the system's loader says in its own words.
    fn unloaded(transcript: &str) -> String {
        let lines = transcript.lines().map(|line| match line.split_once("= the loader: ") {
            Some((before, _)) => format!("{before}= the loader: [why]"),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_library() {
        let mut sandbox = shop(&[("0001_a.sql", A)]);
        sandbox.write("letter.so", "A letter to my aunt, which is no library at all.");
        let mut said = Vec::new();
        for named in ["nowhere.so", "letter.so"] {
            sandbox.set("DBWARDEN_DUCKDB_LIBRARY", named);
            said.push(unloaded(&sandbox.run(&["migrate"]).exits(1).transcript));
        }
        said.push(unloaded(&sandbox.run(&["status"]).exits(1).transcript));
        assert!(!sandbox.path("shop.duckdb").exists());
        assert_snapshot!(said.join("\n\n"));
    }

    #[test]
    fn the_library_is_named_in_the_settings_too() {
        let library = testkit::duckdb_library();
        let sandbox = Sandbox::with_settings(&format!(
            "url = \"duckdb:///shop.duckdb\"\nduckdb_library = \"{}\"\n",
            library.display()
        ));
        sandbox.migration("0001_a.sql", A);
        sandbox.run(&["migrate"]).exits(0);
        // Nothing stays of how the file is made.
        let files = crate::sandbox::listing(&sandbox.path(""));
        assert_eq!(files, ["migrations", "shop.duckdb", "warden.toml"]);
    }

    #[test]
    fn another_file_in_its_place() {
        let sandbox = with_library(&[("0001_a.sql", A)]);
        sandbox.write("shop.duckdb", "A letter to my aunt, which is no database at all. ".repeat(400));
        std::fs::create_dir(sandbox.path("folder")).unwrap();
        let said = [
            sandbox.run(&["migrate"]).exits(1).transcript,
            sandbox.run(&["status"]).exits(1).transcript,
            sandbox.run(&["migrate", "--url", "duckdb:///folder"]).exits(1).transcript,
            sandbox.run(&["migrate", "--url", "duckdb:///nowhere/shop.duckdb"]).exits(1).transcript,
        ];
        assert_snapshot!(said.join("\n"));
        assert!(sandbox.read("shop.duckdb").starts_with("A letter"));
    }

    #[test]
    fn a_backup_that_is_none() {
        let sandbox = with_library(&[("0001_a.sql", A)]);
        let mut said = vec![sandbox.run(&["backup"]).exits(1).transcript];
        sandbox.run(&["migrate"]).exits(0);
        sandbox.run(&["backup"]).exits(0);
        let name = crate::sandbox::listing(&sandbox.path("backups"))
            .into_iter()
            .find(|name| name.ends_with(".duckdb"))
            .unwrap();
        let whole = std::fs::read(sandbox.path(&format!("backups/{name}"))).unwrap();
        let before = std::fs::read(sandbox.path("shop.duckdb")).unwrap();
        sandbox.write("cut.duckdb", &whole[..whole.len() - 1]);
        sandbox.write("letter.duckdb", "A letter to my aunt, which is no database at all. ".repeat(400));
        for file in ["cut.duckdb", "letter.duckdb"] {
            said.push(sandbox.run(&["restore", file, "--unrecorded"]).exits(5).transcript);
        }
        assert!(std::fs::read(sandbox.path("shop.duckdb")).unwrap() == before);
        assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_statement_that_fails() {
        let sandbox = with_library(&[("0001_a.sql", A)]);
        sandbox.run(&["migrate"]).exits(0);
        let mut said = Vec::new();
        for text in [
            "CREATE TABLE b (id INTEGER, name TEXT);\nINSERT INTO b\n  SELECT id, 'äöü', nme FROM a;\n",
            "CREATE TABLE b (id INTEGER,, name TEXT);\n",
            "INSERT INTO a VALUES (2);\nINSERT INTO a VALUES (1);\n",
            // What an index cannot follow, in a transaction that the file asks for.
            "BEGIN;\nALTER TABLE a ADD COLUMN b INTEGER;\nUPDATE a SET b = 1;\nCREATE INDEX a_b ON a (b);\nCOMMIT;\n",
            // What is committed before stays.
            "INSERT INTO a VALUES (2);\nCHECKPOINT;\nINSERT INTO nowhere VALUES (1);\n",
        ] {
            sandbox.migration("0002_b.sql", text);
            said.push(sandbox.run(&["migrate"]).exits(1).transcript);
        }
        assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_file_that_another_process_has() {
        let database = Database::new(Engine::Duckdb);
        database.write(&[("0001_a.sql", A)]);
        let holder = Program::new(program(), &database).ending_at("pause:planned").start(&["migrate"]);
        holder.wait_until_stopped();
        let url = format!("url = \"{}\"\n", database.url());
        let mut sandbox = Sandbox::with_settings(&url);
        sandbox.set("DBWARDEN_DUCKDB_LIBRARY", &testkit::duckdb_library().to_string_lossy());
        sandbox.migration("0001_a.sql", A);
        let mut said: Vec<_> =
            [&["migrate", "--lock-wait", "0s"][..], &["status"], &["lock-status"], &["unlock", "--force"]]
                .iter()
                .map(|command| sandbox.run(command).exits(4).transcript)
                .collect();
        let waited = sandbox.run(&["migrate", "--lock-wait", "1s"]).exits(4);
        said.push(waited.err.lines().next().unwrap_or_default().to_owned());
        said.push(sandbox.run(&["doctor"]).exits(1).transcript);
        let said =
            said.join("\n").replace(&holder.pid().to_string(), "[pid]").replace(program(), "[dbwarden]");
        assert_snapshot!(said.replace(&*database.folder().to_string_lossy(), "[folder]"));
        holder.go_on();
        holder.finish().expect(0);
    }
}
