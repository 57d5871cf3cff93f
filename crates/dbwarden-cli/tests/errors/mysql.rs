//! What MariaDB's server answers, and what is kept where statements commit by themselves.

use insta::assert_snapshot;
use testkit::{Database, Engine};

use crate::sandbox::{Ran, Sandbox};

/// A project on a database of its own.
struct Shop {
    sandbox: Sandbox,
    database: Database,
}

impl Shop {
    fn holding(files: &[(&str, &str)]) -> Self {
        let database = Database::new(Engine::Mariadb);
        let sandbox = Sandbox::with_settings(&format!("url = \"{}\"\n", database.url()));
        sandbox.migrations(files);
        Self { sandbox, database }
    }

    #[track_caller]
    fn said(&self, exit: i32, arguments: &[&str]) -> String {
        let Ran { transcript, .. } = self.sandbox.run(arguments).exits(exit);
        let server = self.database.owned().server();
        transcript
            .replace(&format!("{}:{}", server.host(), server.port()), "[server]")
            .replace(self.database.owned().name(), "[database]")
    }
}

const COUPONS: &str = "CREATE TABLE coupons (id INTEGER, code INTEGER);\nINSERT INTO coupons VALUES (1, 2);\n\
                       ALTER TABLE coupons\n  ADD COLUMN code INTEGER;\nCREATE TABLE orders (id INTEGER);\n";

#[test]
fn a_definition_that_fails_in_the_middle() {
    let shop = Shop::holding(&[("0001_coupons.sql", COUPONS)]);
    let mut said = vec![shop.said(1, &["migrate"])];
    // What has run may not be edited; what failed may.
    shop.sandbox.migration("0001_coupons.sql", COUPONS.replace("(1, 2)", "(1, 3)"));
    said.push(shop.said(5, &["migrate"]));
    shop.sandbox.migration("0001_coupons.sql", COUPONS.replace("ADD COLUMN code", "ADD COLUMN note"));
    said.push(shop.said(0, &["migrate"]));
    assert_snapshot!(said.join("\n"));
}

/// The server quotes the lines behind the mistake.
#[test]
fn an_answer_of_many_lines_is_one_line_of_status() {
    let text = "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (\n  x INTEGER,\n  y INTEGER INTEGER\n    OF IT,\n  z INTEGER\n);\n";
    let shop = Shop::holding(&[("0001_a.sql", text)]);
    shop.said(1, &["migrate"]);
    let said = shop.said(0, &["status"]);
    let line = said.lines().find(|line| line.contains("part done")).unwrap();
    assert!(line.contains("failed at") && line.ends_with('…'), "{said}");
    assert!(!said.contains("OF IT"), "{said}");
    let whole = shop.sandbox.run(&["status", "--json"]).exits(0).out;
    assert!(whole.contains("OF IT"), "{whole}");
}

#[test]
fn what_is_no_sql_there() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\n")]);
    shop.said(0, &["migrate"]);
    let mut said = Vec::new();
    for text in [
        "CREATE TABLE b (x INTEGER;\n",
        "INSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);\n",
        "INSERT INTO a SELECT y FROM a;\n",
        "BEGIN;\nCREATE TABLE b (x INTEGER);\nCOMMIT;\n",
        "LOCK TABLES a WRITE;\n",
        "SET autocommit = 0;\n",
        "SET completion_type = 1;\n",
        "XA START 'a';\n",
    ] {
        shop.sandbox.migration("0002_b.sql", text);
        said.push(shop.said(1, &["migrate"]));
    }
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_statement_that_was_edited_while_nobody_knew_of_it() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCALL p();\n")]);
    shop.said(1, &["migrate"]);
    shop.database.execute(
        "UPDATE dbwarden_journal SET state = 'begun', hash = 'of another', error = NULL, finished_at = NULL WHERE `first` = 2",
    );
    shop.sandbox.migration("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (x INTEGER);\n");
    let edited = shop.said(1, &["migrate"]);
    shop.sandbox.migration("0001_a.sql", "CREATE TABLE a (x INTEGER);\n");
    let said = [edited, shop.said(1, &["migrate"]), shop.said(0, &["migrate", "--resume=retry"])];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_statement_that_nothing_tells_of() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCALL p();\n")]);
    shop.said(1, &["migrate"]);
    shop.database.execute(
        "UPDATE dbwarden_journal SET state = 'begun', error = NULL, finished_at = NULL WHERE `first` = 2",
    );
    let said = [shop.said(1, &["migrate"]), shop.said(0, &["migrate", "--resume=skip"])];
    assert_snapshot!(said.join("\n"));
}

/// The next run cannot tell either, and asks.
#[test]
#[cfg(unix)]
fn a_call_that_is_interrupted() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCALL p();\n")]);
    shop.database.execute("CREATE PROCEDURE p() DO SLEEP(60);");
    let running = shop
        .sandbox
        .command(&["migrate"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::sandbox::wait_until("the call runs", || {
        shop.database.one("SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'")
            != "0"
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&running), rustix::process::Signal::INT)
        .unwrap();
    let ended = running.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("whether statement 2 of 0001 was done is not known: the next run looks"), "{said}");
    let next = "next: `dbwarden migrate` looks what became of statement 2, and goes on from there or asks";
    assert!(said.contains(next), "{said}");
    let again = shop.said(1, &["migrate"]);
    assert!(again.contains("error[doubtful]") && again.contains("--resume=retry"), "{again}");
}

#[test]
fn a_role_that_may_not_make_our_tables() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\n")]);
    let name = shop.database.owned().name();
    let role = shop.database.owned().server().role("reader");
    shop.database.execute(&format!("GRANT SELECT ON {name}.* TO '{}'@'%'", role.name()));
    let url = shop.database.owned().url_as(&role);
    let said = without_command(&shop.said(1, &["migrate", "--url", &url]));
    assert!(!said.contains(role.password()), "{said}");
    assert_snapshot!(said.replace(role.name(), "[role]"));
}

/// The server names it; who may give it and to whom is what a person wants to know.
#[test]
fn a_right_that_is_missing_in_the_middle() {
    let shop = Shop::holding(&[(
        "0001_a.sql",
        "CREATE TABLE a (x INTEGER);\nALTER TABLE a ADD y INTEGER;\nCREATE TABLE b (x INTEGER);\n",
    )]);
    let name = shop.database.owned().name();
    let role = shop.database.owned().server().role("builder");
    let grant =
        |rights: &str| shop.database.execute(&format!("GRANT {rights} ON {name}.* TO '{}'@'%'", role.name()));
    grant("CREATE, SELECT, INSERT, UPDATE, DELETE");
    let url = shop.database.owned().url_as(&role);
    let said = without_command(&shop.said(1, &["migrate", "--url", &url]));
    assert!(!said.contains(role.password()), "{said}");
    grant("ALTER");
    shop.said(0, &["migrate", "--url", &url]);
    assert_snapshot!(said.replace(role.name(), "[role]"));
}

/// As mysqldump begins and ends a file: for some versions these are comments, and no statements at all.
#[test]
fn statements_that_are_comments_to_the_server() {
    for header in ["", "-- no-transaction\n"] {
        let dump = "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n/*!50503 SET NAMES utf8mb4 */;\n\
                    /*!50717 SELECT COUNT(*) INTO @has FROM performance_schema.session_variables */;\n\
                    CREATE TABLE a (id INTEGER AUTO_INCREMENT PRIMARY KEY, t TEXT);\n\
                    /*!40000 ALTER TABLE `a` DISABLE KEYS */;\nINSERT INTO a VALUES (0, 'C:\\\\');\n/*!40000 ALTER TABLE `a` ENABLE KEYS */;\n\
                    /*!80000 SET SESSION information_schema_stats_expiry = 0 */;\n/*!999999 nonsense */;\n/*M!100100 SET @m = 1 */;\n\
                    /*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n";
        let shop = Shop::holding(&[("0001_dump.sql", &format!("{header}{dump}"))]);
        shop.said(0, &["migrate"]);
        assert_eq!(shop.database.rows("SELECT CONCAT(id, t) FROM a"), ["0C:\\"], "the first comment runs");
    }
}

#[test]
fn backslashes_that_are_only_backslashes() {
    let shop =
        Shop::holding(&[("0001_a.sql", "CREATE TABLE a (t TEXT);\nINSERT INTO a VALUES ('a\\nb');\n")]);
    let url = shop.database.url();
    shop.sandbox.write(
        "warden.toml",
        format!(
            "[databases.primary]\nmigrations = \"migrations\"\nurl = \"{url}\"\nsession = [\"SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'\"]\n"
        ),
    );
    shop.said(0, &["migrate"]);
    assert_eq!(shop.database.rows("SELECT LENGTH(t) FROM a"), ["4"], "the setting counts");
    let texts = "DELETE FROM a;\nINSERT INTO a VALUES ('it\\'s');\n";
    let mut said = Vec::new();
    for header in ["", "-- no-transaction\n"] {
        shop.sandbox.migration("0002_b.sql", format!("{header}{texts}"));
        said.push(shop.said(1, &["migrate"]));
    }
    assert_eq!(shop.database.rows("SELECT COUNT(*) FROM a"), ["1"]);
    // A file that says so itself knows what it does.
    shop.sandbox.migration("0002_b.sql", "SET sql_mode = '';\nINSERT INTO a VALUES ('it\\'s');\n");
    shop.said(0, &["migrate"]);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_table_that_is_gone_before_its_new_one_is_refused() {
    let shop = Shop::holding(&[(
        "0001_a.sql",
        "CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1), (1);\nCREATE TABLE b AS SELECT * FROM a;\n",
    )]);
    shop.said(0, &["migrate"]);
    let mut said = Vec::new();
    // The first takes nothing away, since it is refused before.
    for text in ["SELECT nope FROM b", "SELECT x FROM b"] {
        shop.sandbox
            .migration("0002_b.sql", format!("CREATE OR REPLACE TABLE a (x INTEGER UNIQUE) AS {text};\n"));
        said.push(shop.said(1, &["migrate"]));
    }
    assert_eq!(shop.database.rows("SHOW TABLES LIKE 'a'"), [""; 0], "the server has taken it away");
    shop.sandbox.migration("0002_b.sql", "CREATE OR REPLACE TABLE a (x INTEGER) AS SELECT x FROM b;\n");
    shop.said(0, &["migrate"]);
    assert_snapshot!(said.join("\n"));
}

/// What was typed has the password, and what is answered may not.
fn without_command(said: &str) -> String {
    said.lines().filter(|line| !line.starts_with('$')).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_way_to_the_server() {
    let shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\n")]);
    let (server, name) = (shop.database.owned().server(), shop.database.owned().name());
    let mut said = Vec::new();
    let plain = shop.database.url();
    for url in [
        plain.replace(server.password(), "wrong-password"),
        plain.replace(name, "nowhere_at_all"),
        plain.replace(&format!(":{}", server.port()), ":1"),
        plain.replace("ssl-mode=disabled", "ssl-mode=perhaps"),
        plain.replace("ssl-mode=disabled", "ssl-mode=verify-ca&ssl-ca=/nowhere.pem"),
    ] {
        let text = without_command(&shop.said(1, &["migrate", "--url", &url]));
        assert!(!text.contains("wrong-password") && !text.contains(server.password()), "{text}");
        said.push(text);
    }
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_restore_that_fails_in_the_middle() {
    let shop = Shop::holding(&[
        ("0001_a.sql", "CREATE TABLE a (x INTEGER);\n"),
        ("0002_b.sql", "CREATE TABLE b (x INTEGER);\n"),
    ]);
    shop.said(0, &["migrate"]);
    shop.said(0, &["backup"]);
    let folder = shop.sandbox.path("backups");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let whole = files.find(|file| file.extension().is_some_and(|end| end == "sql")).unwrap();
    let script = std::fs::read_to_string(&whole).unwrap();
    shop.sandbox.write("backups/cut.sql", &script[..script.len() / 2]);
    shop.sandbox.write("backups/wrong.sql", script.replace("CREATE TABLE `b`", "CREATE TABEL `b`"));
    shop.sandbox.migration("0003_c.sql", "CREATE TABLE c (x INTEGER);\n");
    let whole = format!("backups/{}", whole.file_name().unwrap().to_string_lossy());
    let mut said = vec![shop.said(5, &["restore", "cut.sql", "--unrecorded"])];
    said.push(shop.said(1, &["restore", "wrong.sql", "--unrecorded", "--no-backup"]));
    for arguments in [&["migrate"][..], &["status"], &["verify"], &["backup"]] {
        said.push(shop.said(6, arguments));
    }
    said.push(shop.said(0, &["lock-status"]));
    shop.said(0, &["restore", &whole]);
    shop.said(0, &["status"]);
    let said = said.join("\n").replace(&whole, "[backup]");
    // The time at which it was begun.
    let time = said
        .split("was begun at ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default()
        .to_owned();
    assert_snapshot!(said.replace(&time, "[time]"));
}

#[test]
fn a_restore_that_cannot_begin() {
    let mut shop = Shop::holding(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\n")]);
    shop.said(0, &["migrate"]);
    shop.said(0, &["backup"]);
    let mut files =
        std::fs::read_dir(shop.sandbox.path("backups")).unwrap().map(|entry| entry.unwrap().path());
    let whole = files.find(|file| file.extension().is_some_and(|end| end == "sql")).unwrap();
    let script = std::fs::read_to_string(&whole).unwrap();
    let end = script.rfind("-- Dump completed").unwrap();
    shop.sandbox.write("backups/several.sql", format!("USE `elsewhere`;\n{script}"));
    let row = format!("INSERT INTO `a` VALUES ('{}');", "x".repeat(17 << 20));
    shop.sandbox.write("backups/long.sql", format!("{}{row}\n{}", &script[..end], &script[end..]));
    let mut said = vec![
        shop.said(5, &["restore", "several.sql", "--unrecorded", "--no-backup"]),
        shop.said(1, &["restore", "long.sql", "--unrecorded", "--no-backup"]),
    ];
    shop.sandbox.set("PATH", "/nowhere");
    let whole = format!("backups/{}", whole.file_name().unwrap().to_string_lossy());
    said.push(shop.said(1, &["restore", &whole, "--no-backup"]).replace(&whole, "[backup]"));
    // None of them changed anything.
    said.push(shop.said(0, &["status"]));
    assert_snapshot!(said.join("\n"));
}
