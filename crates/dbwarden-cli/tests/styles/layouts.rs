//! Migrations of two files: the pair `x.up.sql` and `x.down.sql`, and a directory with `up.sql` and `down.sql`.

use crate::sandbox::Sandbox;
use crate::works;

fn up(table: &str) -> String {
    format!("CREATE TABLE {table} (id INTEGER);\n")
}

fn down(table: &str) -> String {
    format!("DROP TABLE {table};\n")
}

#[test]
fn pairs() {
    for [one, two] in [
        ["000001_one", "000002_two"],
        ["20240101120000_one", "20240101120001_two"],
        ["V1__one", "V1.2__two"],
        ["9_one", "10_two"],
    ] {
        let id = |stem: &str| stem.split('_').next().unwrap().trim_start_matches('V').to_owned();
        works(
            &[
                (&format!("{one}.up.sql"), &up("t1")),
                (&format!("{one}.down.sql"), &down("t1")),
                (&format!("{two}.up.sql"), &up("t2")),
                (&format!("{two}.down.sql"), &down("t2")),
            ],
            &format!("{},{}", id(one), id(two)),
        );
    }
}

#[test]
fn the_words_of_a_pair_may_differ() {
    works(&[("001_add_t1.up.sql", &up("t1")), ("001_drop_t1.down.sql", &down("t1"))], "001");
}

#[test]
fn directories() {
    works(
        &[
            ("00000000000000_setup/up.sql", &up("t1")),
            ("00000000000000_setup/down.sql", &down("t1")),
            ("2018-03-31-201450_two/up.sql", &up("t2")),
            ("2018-03-31-201450_two/down.sql", &down("t2")),
            ("20190101000000_three/up.sql", &up("t3")),
            ("20190101000000_three/down.sql", &down("t3")),
        ],
        "00000000000000,20180331201450,20190101000000",
    );
}

#[test]
fn beside_ordinary_files_and_below_other_directories() {
    let sandbox = works(
        &[
            ("0001_one.sql", crate::T1),
            ("0002_two.up.sql", &up("t2")),
            ("0002_two.down.sql", &down("t2")),
            ("2018/2018-03-31-201450_three/up.sql", &up("t3")),
            ("2018/2018-03-31-201450_three/down.sql", &down("t3")),
            ("2018/2018-03-31-201450_three/README.md", "Three.\n"),
            // Without a down file a section is as good as ever.
            ("0004_four.up.sql", "CREATE TABLE t4 (id INTEGER);\n-- rollback\nDROP TABLE t4;\n"),
            ("metadata.toml", "of = 'something else'\n"),
        ],
        "0001,0002,0004,20180331201450",
    );
    let shown = sandbox.run(&["show", "0002"]).exits(0).out;
    assert!(shown.contains("0002_two.up.sql") && shown.contains("0002_two.down.sql"), "{shown}");
    assert!(shown.contains("CREATE TABLE t2") && shown.contains("DROP TABLE t2"), "{shown}");
    let history = sandbox.run(&["history"]).exits(0).out;
    assert!(history.contains("20180331201450 (head)  three"), "{history}");
}

#[test]
fn headers_and_directives_in_both_files() {
    let sandbox = works(
        &[
            (
                "anything/up.sql",
                "-- revision: 0001a\n-- created: 2024-01-01\n-- upgrade\n-- unless: table t1\nCREATE TABLE t1 (id INTEGER);\n",
            ),
            (
                "anything/down.sql",
                "-- revision: 0001a\n-- created: 2024-01-02\n-- Rollback\n-- no-transaction\n-- only-if: table t1\nDROP TABLE t1;\n-- only-if: table nothing\nDROP TABLE nothing;\n",
            ),
            ("0002_two.up.sql", "-- depends_on: [\"0001a\"]\nCREATE TABLE t2 (id INTEGER);\n"),
            ("0002_two.down.sql", "-- lock_timeout: 2s\nDROP TABLE t2;\n"),
        ],
        "0001a,0002",
    );
    // The down script is recorded with what its own file says of its run.
    assert_eq!(
        sandbox.values("SELECT substr(down_script, 1, 30) FROM dbwarden_migrations WHERE version = '0002'"),
        "-- lock_timeout: 2000ms\n-- rol"
    );
    let stored = sandbox.values("SELECT down_script FROM dbwarden_migrations WHERE version = '0001a'");
    assert!(stored.starts_with("-- no-transaction\n-- rollback\n"), "{stored}");
    // And goes back by it, without the files.
    sandbox.remove("migrations/anything/up.sql");
    sandbox.remove("migrations/anything/down.sql");
    sandbox.remove("migrations/0002_two.up.sql");
    sandbox.remove("migrations/0002_two.down.sql");
    sandbox.run(&["rollback", "-c", "2"]).exits(0);
    assert_eq!(sandbox.applied(), "");
}

#[test]
fn metadata_takes_a_migration_out_of_its_transaction() {
    let sandbox = works(
        &[
            (
                "20240101120000_one/up.sql",
                "CREATE TABLE t1 (id INTEGER);\nVACUUM;\nCREATE TABLE t2 (id INTEGER);\n",
            ),
            ("20240101120000_one/down.sql", "DROP TABLE t2;\nVACUUM;\nDROP TABLE t1;\n"),
            ("20240101120000_one/metadata.toml", "# as Diesel has it\nrun_in_transaction = false\n"),
            ("20240101130000_two/up.sql", "CREATE TABLE t3 (id INTEGER);\n"),
            ("20240101130000_two/down.sql", "DROP TABLE t3;\n"),
            ("20240101130000_two/metadata.toml", "run_in_transaction = true\n"),
        ],
        "20240101120000,20240101130000",
    );
    let shown = sandbox.run(&["show", "20240101120000", "--json"]).exits(0).out;
    assert!(
        shown.contains("\"no_transaction\": true") || shown.contains("\"no_transaction\":true"),
        "{shown}"
    );
}

#[test]
fn a_script_larger_than_what_is_kept_of_it() {
    let rows = "INSERT INTO t1 VALUES (1);\n".repeat(8000);
    let back = "DELETE FROM t1 WHERE id = 1;\n".repeat(8000);
    let sandbox = works(
        &[
            ("0001_one.up.sql", &format!("CREATE TABLE t1 (id INTEGER);\n{rows}")),
            ("0001_one.down.sql", &format!("{back}DROP TABLE t1;\n")),
            ("0002_two/up.sql", &format!("CREATE TABLE t2 (id INTEGER);\n{}", rows.replace("t1", "t2"))),
            ("0002_two/down.sql", &format!("{}DROP TABLE t2;\n", back.replace("t1", "t2"))),
        ],
        "0001,0002",
    );
    assert_eq!(sandbox.values("SELECT count(*) FROM t1"), "8000");
}

#[test]
fn a_changed_down_file_is_a_note_and_a_changed_up_file_an_error() {
    let sandbox = works(&[("0001_one.up.sql", &up("t1")), ("0001_one.down.sql", &down("t1"))], "0001");
    sandbox.migration("0001_one.down.sql", "DROP TABLE IF EXISTS t1;\n");
    let verify = sandbox.run(&["verify"]).exits(0);
    assert!(verify.out.contains("the rollback section changed"), "{}", verify.transcript);
    sandbox.run(&["migrate"]).exits(0);
    // Statements that go from one file to the other are a change, though the bytes of both are the same.
    sandbox.migration("0001_one.up.sql", up("t1") + &down("t1"));
    sandbox.migration("0001_one.down.sql", "");
    sandbox.run(&["verify"]).exits(5);
    sandbox.migration("0001_one.up.sql", up("t1"));
    sandbox.migration("0001_one.down.sql", down("t1"));
    sandbox.run(&["verify"]).exits(0);
    sandbox.run(&["rollback"]).exits(0);
    assert_eq!(sandbox.applied(), "");
}

#[test]
fn a_statement_that_fails_is_shown_in_its_own_file() {
    let sandbox = works(&[("0001_one/up.sql", &up("t1")), ("0001_one/down.sql", &down("t1"))], "0001");
    sandbox.migration("0001_one/down.sql", "\nDROP TABLE t1;\nDROP TABLE t9;\n");
    let ran = sandbox.run(&["rollback"]).exits(1);
    assert!(ran.err.contains("migrations/0001_one/down.sql:3:"), "{}", ran.transcript);
    assert!(ran.err.contains("3 | DROP TABLE t9;"), "{}", ran.transcript);
    assert_eq!(sandbox.applied(), "0001");
}

#[test]
fn the_script_for_others_holds_both() {
    let files = [("0001_one/up.sql", up("t1")), ("0001_one/down.sql", down("t1"))];
    let sandbox = Sandbox::holding(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let script = sandbox.run(&["migrate", "--sql"]).exits(0).out;
    sandbox.database().execute_batch(&script).unwrap();
    sandbox.run(&["status", "--check"]).exits(0);
    sandbox.run(&["verify"]).exits(0);
    sandbox.run(&["rollback"]).exits(0);
}

#[test]
fn repeatables_may_be_pairs() {
    let sandbox = Sandbox::holding(&[
        ("0001_one.up.sql", "CREATE TABLE log (what TEXT);\n"),
        ("0001_one.down.sql", "DROP TABLE log;\n"),
        ("ROC__fill.up.sql", "-- the run on change\nINSERT INTO log VALUES ('filled');\n"),
        ("ROC__fill.down.sql", "DELETE FROM log;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,ROC__fill");
    sandbox.run(&["downgrade", "base"]).exits(0);
    assert_eq!(sandbox.applied(), "");
}

#[test]
fn new_writes_what_lies_there() {
    let pair = works(&[("000001_one.up.sql", &up("t1")), ("000001_one.down.sql", &down("t1"))], "000001");
    let said = pair.run(&["new", "add two"]).exits(0).out;
    assert_eq!(said, "migrations/000002_add_two.up.sql\nmigrations/000002_add_two.down.sql\n");
    pair.migration("000002_add_two.up.sql", up("t2"));
    pair.migration("000002_add_two.down.sql", down("t2"));
    pair.run(&["migrate"]).exits(0);
    assert_eq!(pair.applied(), "000001,000002");

    let directory = works(
        &[("2018-03-31-201450_one/up.sql", &up("t1")), ("2018-03-31-201450_one/down.sql", &down("t1"))],
        "20180331201450",
    );
    let said = directory.run(&["new", "add two"]).exits(0).out;
    let paths: Vec<&str> = said.lines().collect();
    assert_eq!(paths.len(), 2, "{said}");
    assert!(paths[0].ends_with("_add_two/up.sql") && paths[1].ends_with("_add_two/down.sql"), "{said}");
    let folder = paths[0].strip_suffix("/up.sql").unwrap().strip_prefix("migrations/").unwrap();
    assert_eq!(folder.chars().filter(|c| *c == '-').count(), 3, "{folder}");
    // Nothing to undo is written yet: that is said before anything is touched.
    directory.migration(&format!("{folder}/up.sql"), up("t2"));
    directory.run(&["migrate"]).exits(0);
    directory.run(&["rollback"]).exits(6);
    directory.migration(&format!("{folder}/down.sql"), down("t2"));
    directory.run(&["rollback"]).exits(0);
    assert_eq!(directory.applied(), "20180331201450");
}
