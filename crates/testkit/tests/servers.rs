//! The servers of the kit: started, shared, with passwords and TLS, and gone again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::server::{Brand, Server, lend, mariadb, postgres};
use testkit::{Loss, Proxy};

/// What starts the servers anew, in a test of its own process: no variable names one, and nobody else's are met.
fn own_meeting() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
    folder
}

/// Runs a test of this file that is not run by itself, and returns what it says behind `told:`.
fn told_by(test: &str, meeting: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env("TMPDIR", meeting)
        .env_remove("DBWARDEN_TEST_ALL_SERVERS")
        .env_remove(Brand::Postgres.variable())
        .env_remove(Brand::Mariadb.variable())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let (_, told) = text.split_once("told:").expect("it tells something");
    told.lines().next().unwrap().to_owned()
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn tell() {
    for server in [postgres(), mariadb()] {
        assert_eq!(server.shell("", "SELECT 1"), "1");
    }
    let folder = |server: &Server| server.ca_file().unwrap().parent().unwrap().display().to_string();
    println!("\ntold:{} {}", folder(postgres()), folder(mariadb()));
}

#[test]
fn processes_share_a_server_that_ends_when_none_uses_it() {
    let meeting = own_meeting();
    let first = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| told_by("tell", meeting.path())));
        let [first, second] = both.map(|one| one.join().unwrap());
        assert_eq!(first, second, "two that come at once start one");
        first
    });
    assert_eq!(told_by("tell", meeting.path()), first, "one that comes later finds it");

    // As if hours had passed since.
    let folders: Vec<&Path> = first.split(' ').map(Path::new).collect();
    for folder in &folders {
        let beat = std::fs::File::options().write(true).open(folder.join("beat")).unwrap();
        beat.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    }
    let started = Instant::now();
    while folders.iter().any(|folder| folder.join("server.log").exists()) {
        assert!(started.elapsed() < Duration::from_secs(60), "{first} still run");
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = told_by("tell", meeting.path());
    assert!(!folders.iter().any(|folder| second.contains(&*folder.to_string_lossy())), "{second}");
    for folder in second.split(' ') {
        std::fs::write(Path::new(folder).join("stop"), "").unwrap();
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn lend_and_tell() {
    let mut lines = Vec::new();
    lend(std::io::empty(), &mut lines).unwrap();
    println!("\ntold:{}", String::from_utf8(lines).unwrap().replace('\n', " "));
}

#[test]
fn what_is_lent_ends_with_the_borrower() {
    let told = told_by("lend_and_tell", own_meeting().path());
    let urls: Vec<&str> = told.split_whitespace().collect();
    assert_eq!(urls.len(), 2, "{told}");
    assert!(urls[0].starts_with("DBWARDEN_TEST_POSTGRES_URL=postgresql://postgres:"), "{told}");
    assert!(urls[1].starts_with("DBWARDEN_TEST_MARIADB_URL=mariadb://root:"), "{told}");
    for url in urls {
        let (_, ca_file) = url.rsplit_once('=').unwrap();
        let ca_file = ca_file.replace("%2F", "/");
        assert!(!Path::new(&ca_file).parent().unwrap().exists(), "{url} is gone");
    }
}

/// The tests of both engines.
macro_rules! on_both {
    ($($(#[$about:meta])* fn $name:ident($server:ident) $body:block)*) => {
        $($(#[$about])* fn $name($server: &Server) $body)*
        mod on_postgres { $(#[test] fn $name() { super::$name(super::postgres()); })* }
        mod on_mariadb { $(#[test] fn $name() { super::$name(super::mariadb()); })* }
    };
}

fn databases(server: &Server) -> String {
    let catalogue = if server.brand() == Brand::Postgres {
        "datname FROM pg_database"
    } else {
        "schema_name FROM information_schema.schemata"
    };
    server.shell("", &format!("SELECT {catalogue}"))
}

fn try_as(server: &Server, user: &str, password: &str, arguments: &[&str]) -> Result<String, String> {
    server.try_shell_as(user, password, arguments, "", "SELECT 1")
}

on_both! {
    fn a_database_is_dropped_at_the_end_though_somebody_works_in_it(server) {
        let database = server.database("Worked-on here");
        let name = database.name().to_owned();
        assert!(name.starts_with("t_worked_on_here_"), "{name}");
        database.shell("CREATE TABLE kept (id INT); INSERT INTO kept VALUES (1), (NULL);");
        assert_eq!(database.shell("SELECT id, 'a' FROM kept ORDER BY id IS NULL"), "1|a\nNULL|a");
        assert!(databases(server).contains(&name));

        let sleep = if server.brand() == Brand::Postgres { "pg_sleep" } else { "SLEEP" };
        let sql = format!("BEGIN; INSERT INTO kept VALUES (2); SELECT {sleep}(60);");
        std::thread::scope(|scope| {
            let work = scope.spawn(|| server.try_shell(&name, &sql));
            std::thread::sleep(Duration::from_millis(300));
            let started = Instant::now();
            drop(database);
            assert!(started.elapsed() < Duration::from_secs(10));
            assert!(work.join().unwrap().is_err());
        });
        assert!(!databases(server).contains(&name));
    }

    fn a_statement_that_fails_is_told_and_ends_the_script(server) {
        let database = server.database("fails");
        let error = server.try_shell(database.name(), "CREATE TABLE a (id INT); SELECT * FROM absent; CREATE TABLE b (id INT);");
        assert!(error.unwrap_err().contains("absent"));
        assert_eq!(database.shell("SELECT count(*) FROM a"), "0");
        assert!(server.try_shell(database.name(), "SELECT * FROM b").is_err());
    }

    fn nobody_comes_in_without_the_password(server) {
        assert!(try_as(server, server.user(), server.password(), &[]).is_ok());
        for (user, password) in [(server.user(), ""), (server.user(), "guessed"), ("", "")] {
            assert!(try_as(server, user, password, &[]).is_err(), "{user:?} {password:?}");
        }
    }

    fn a_role_comes_in_with_its_own_and_may_do_what_it_is_given(server) {
        let role = server.role("limited");
        let database = server.database("given");
        assert!(try_as(server, role.name(), "guessed", &[]).is_err());
        let make = "CREATE TABLE made (id INT); SELECT count(*) FROM made;";
        let as_role = || server.try_shell_as(role.name(), role.password(), &[], database.name(), make);
        assert!(as_role().is_err() || server.brand() == Brand::Postgres, "PostgreSQL before 15 lets everybody in");
        database.shell("DROP TABLE IF EXISTS made");
        database.give_to(&role);
        assert_eq!(as_role().unwrap(), "0");
        assert!(database.url_as(&role).contains(role.password()));
    }

    fn a_commit_whose_answer_is_lost_is_done(server) {
        let database = server.database("lost");
        database.shell("CREATE TABLE kept (id INT)");
        let proxy = Proxy::before(SocketAddr::from(([127, 0, 0, 1], server.port())));
        proxy.lose_answer_to("COMMIT", Loss::Cut);
        let far = server.through("127.0.0.1", proxy.port());
        // The proxy finds no words inside TLS, and the shells speak it where the server does.
        let (far, plain): (Server, &[&str]) = match server.brand() {
            Brand::Postgres => (far.with_setting("sslmode=disable"), &[]),
            _ => (far, &["--skip-ssl"]),
        };
        let sql = "BEGIN; INSERT INTO kept VALUES (7); COMMIT;";
        let error = far.try_shell_as(far.user(), far.password(), plain, database.name(), sql).unwrap_err();
        assert!(error.contains("server") || error.contains("connection"), "{error}");
        assert_eq!(proxy.lost(), 1);
        assert_eq!(database.shell("SELECT id FROM kept"), "7");
    }
}

/// The certificate beside the server's files. Each has one, but a server of somebody's own, which `variable` names.
fn certificate_of<'a>(server: &'a Server, variable: &str) -> Option<&'a Path> {
    let ca_file = server.ca_file();
    if ca_file.is_none() {
        let own = std::env::var_os(variable).is_some_and(|url| !url.is_empty());
        assert!(own, "a server that the tests start has a certificate");
        eprintln!("LEFT OUT: nothing is known of the files of the server that {variable} names");
    }
    ca_file
}

#[test]
fn postgres_has_a_certificate_that_can_be_verified() {
    let server = postgres();
    let Some(ca_file) = certificate_of(server, "DBWARDEN_TEST_POSTGRES_URL") else { return };
    let verified = |host: &str, ca_file: &Path| {
        let server = server.through(host, server.port()).with_setting("sslmode=verify-full");
        let server = server.with_setting(&format!("sslrootcert={}", ca_file.display()));
        server.try_shell("", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    };
    assert_eq!(verified("localhost", ca_file).as_deref(), Ok("t"));
    let other = tempfile::NamedTempFile::new().unwrap();
    assert!(verified("localhost", other.path()).is_err());
    assert!(verified("127.0.0.2", ca_file).is_err());
}

#[test]
fn mariadb_has_a_certificate_that_can_be_verified() {
    let server = mariadb();
    let Some(ca_file) = certificate_of(server, "DBWARDEN_TEST_MARIADB_URL") else { return };
    let verified = |host: &str, ca_file: &Path| {
        let ca_file = format!("--ssl-ca={}", ca_file.display());
        let arguments = ["--ssl-verify-server-cert", &ca_file];
        let server = server.through(host, server.port());
        let sql = "SHOW STATUS LIKE 'Ssl_cipher'";
        server.try_shell_as(server.user(), server.password(), &arguments, "", sql)
    };
    assert!(verified("localhost", ca_file).unwrap().starts_with("Ssl_cipher|TLS"));
    let other = tempfile::NamedTempFile::new().unwrap();
    assert!(verified("localhost", other.path()).is_err());
}

#[test]
fn mariadb_has_a_folder_of_its_own_for_temporary_files() {
    let server = mariadb();
    let Some(ca_file) = certificate_of(server, "DBWARDEN_TEST_MARIADB_URL") else { return };
    assert_eq!(
        Some(server.shell("", "SELECT @@tmpdir;").trim()),
        ca_file.parent().and_then(|folder| folder.to_str())
    );
}

#[test]
fn a_socket_stands_in_the_folder() {
    for (server, name) in
        [(postgres(), format!(".s.PGSQL.{}", postgres().port())), (mariadb(), "socket".to_owned())]
    {
        if let Some(folder) = server.socket_folder() {
            assert!(folder.join(&name).exists(), "{name}");
        }
    }
}

mod longer_lane {
    use testkit::server::{galera, postgres_18};

    #[test]
    #[ignore = "the longer lane: cargo xtask test --all-servers"]
    fn has_postgres_18() {
        let server = postgres_18();
        assert!(server.shell("", "SHOW server_version").starts_with("18."));
        assert_eq!(server.database("eighteen").shell("SELECT 1"), "1");
    }

    #[test]
    #[ignore = "the longer lane: cargo xtask test --all-servers"]
    fn has_a_cluster() {
        let [first, second] = galera();
        assert_eq!(first.shell("", "SHOW STATUS LIKE 'wsrep_cluster_size'"), "wsrep_cluster_size|2");
        let database = first.database("cluster");
        database.shell("CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (7);");
        let wait_and_read = "SET wsrep_sync_wait = 1; SELECT id FROM kept;";
        assert_eq!(second.shell(database.name(), wait_and_read), "7");
    }
}
