//! Starts private servers: PostgreSQL and MariaDB, quick and forgetful, with passwords and TLS.

use std::path::Path;

use super::address::Address;
use super::folder::{Folder, Plan, free_port, listens, random_name};
use super::{Brand, Server, find};

/// How often a start is tried: the port that was free may be taken meanwhile.
const TRIES: usize = 3;

/// A server that this process or another one started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) folder: Folder,
    pub(super) server: Server,
}

/// Starts the server of a brand.
pub(super) fn start(brand: Brand) -> Result<Started, String> {
    match brand {
        Brand::Postgres => postgres(&find::postgres().ok_or_else(|| brand.missing())?),
        Brand::Mariadb => mariadb(),
        Brand::Mysql | Brand::Cockroach => Err(brand.missing()),
    }
}

fn tried(mut start: impl FnMut() -> Result<Started, String>) -> Result<Started, String> {
    let mut started = start();
    for _ in 1..TRIES {
        if started.is_err() {
            started = start();
        }
    }
    started
}

/// Starts a PostgreSQL whose programs are in a folder.
pub(super) fn postgres(programs: &Path) -> Result<Started, String> {
    tried(|| {
        in_folder(Brand::Postgres, "postgres", |folder, address| postgres_plan(programs, folder, address))
    })
}

fn mariadb() -> Result<Started, String> {
    tried(|| in_folder(Brand::Mariadb, "mysql", |folder, address| mariadb_plan(folder, address)))
}

/// Makes a folder, prepares and starts a server in it. Where that fails nothing of it stays.
pub(super) fn in_folder(
    brand: Brand,
    account: &str,
    plan: impl FnOnce(&Folder, &mut Address) -> Result<Plan, String>,
) -> Result<Started, String> {
    let folder = Folder::new(brand.scheme(), account)?;
    let started = in_this(&folder, brand, plan);
    if started.is_err() {
        folder.stop();
    }
    started.map(|server| Started { folder, server })
}

fn in_this(
    folder: &Folder,
    brand: Brand,
    plan: impl FnOnce(&Folder, &mut Address) -> Result<Plan, String>,
) -> Result<Server, String> {
    folder.certify()?;
    let mut address = Address {
        host: "127.0.0.1".to_owned(),
        port: free_port()?,
        user: brand.administrator().to_owned(),
        password: random_name(24),
        ca_file: Some(folder.path().join("ca.pem")),
        settings: Vec::new(),
    };
    let plan = plan(folder, &mut address)?;
    let server = Server::new(brand, address);
    folder.start(&plan, || listens(server.port()) && server.try_shell("", "SELECT 1").is_ok())?;
    folder.write("url", &server.whole_url(), 0o600)?;
    Ok(server)
}

fn postgres_plan(programs: &Path, folder: &Folder, address: &Address) -> Result<Plan, String> {
    folder.write("password", &address.password, 0o600)?;
    let data = folder.file("data");
    let (user, password) =
        (format!("--username={}", address.user), format!("--pwfile={}", folder.file("password")));
    let arguments = [
        "-D",
        &data,
        "--auth=scram-sha-256",
        &user,
        &password,
        "--no-sync",
        "--no-locale",
        "--encoding=UTF8",
    ];
    folder.prepare(&programs.join("initdb"), &arguments)?;
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", address.port),
        format!("unix_socket_directories={}", folder.path().display()),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", folder.file("certificate.pem")),
        format!("ssl_key_file={}", folder.file("key.pem")),
        "max_connections=300".to_owned(),
        // As by default, so that a PREPARE TRANSACTION fails as it does on most servers.
        "max_prepared_transactions=0".to_owned(),
        "fsync=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "max_wal_size=4GB".to_owned(),
        "checkpoint_timeout=1h".to_owned(),
        "jit=off".to_owned(),
        "log_line_prefix=%m [%p] %u@%d ".to_owned(),
    ];
    let mut arguments = vec!["-D".to_owned(), data];
    for setting in settings {
        arguments.extend(["-c".to_owned(), setting]);
    }
    Ok(Plan { program: programs.join("postgres"), arguments, signal: "QUIT" })
}

fn mariadb_plan(folder: &Folder, address: &Address) -> Result<Plan, String> {
    mariadb_data(folder, address)?;
    let program = find::program(&["mariadbd"]).ok_or_else(|| Brand::Mariadb.missing())?;
    Ok(Plan { program, arguments: mariadb_arguments(folder, address), signal: "KILL" })
}

/// Makes MariaDB's data directory, and the file by which its accounts are made when it starts.
pub(super) fn mariadb_data(folder: &Folder, address: &Address) -> Result<(), String> {
    let install = find::program(&["mariadb-install-db"]).ok_or_else(|| Brand::Mariadb.missing())?;
    let data = format!("--datadir={}", folder.file("data"));
    let normal = "--auth-root-authentication-method=normal";
    let temporary = temporary(folder);
    folder.prepare(
        &install,
        &["--no-defaults", &data, &temporary, normal, "--skip-test-db", "--skip-name-resolve"],
    )?;
    // One statement a line. Nobody comes in without a password, and the administrator from everywhere.
    let accounts = format!(
        "CREATE OR REPLACE USER '{user}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{user}'@'%' WITH GRANT OPTION;\n\
         DELETE FROM mysql.global_priv WHERE NOT (user = '{user}' AND host = '%') AND user <> 'mariadb.sys';\n\
         FLUSH PRIVILEGES;\n",
        user = address.user,
        password = address.password,
    );
    folder.write("accounts.sql", &accounts, 0o600)
}

/// Each MariaDB that starts removes every `#sql…` from its temporary directory, so one that is shared takes the tables of queries that
/// run on another server.
fn temporary(folder: &Folder) -> String {
    format!("--tmpdir={}", folder.path().display())
}

/// The arguments with which MariaDB starts on that data.
pub(super) fn mariadb_arguments(folder: &Folder, address: &Address) -> Vec<String> {
    vec![
        "--no-defaults".to_owned(),
        format!("--datadir={}", folder.file("data")),
        temporary(folder),
        format!("--init-file={}", folder.file("accounts.sql")),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--port={}", address.port),
        format!("--socket={}", folder.file("socket")),
        format!("--pid-file={}", folder.file("pid")),
        format!("--ssl-ca={}", folder.file("ca.pem")),
        format!("--ssl-cert={}", folder.file("certificate.pem")),
        format!("--ssl-key={}", folder.file("key.pem")),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-doublewrite=0".to_owned(),
        "--skip-log-bin".to_owned(),
        "--max-connections=400".to_owned(),
        "--skip-name-resolve".to_owned(),
        // Tests let a recursion run until it is ended.
        "--max-recursive-iterations=4294967295".to_owned(),
        "--performance-schema=OFF".to_owned(),
    ]
}
