//! Several replicas at once: each becomes ready, and each migration runs once; also where the one that migrates is killed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::{Database, Engine};

struct Replica {
    process: Child,
    address: String,
    /// Read on by nobody, and open while the replica lives: it prints into it.
    _said: BufReader<ChildStdout>,
}

impl Replica {
    fn start(url: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_service-example"))
            .env("DATABASE_URL", url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, address, _said: said }
    }

    /// The status and the body of the answer.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }

    fn becomes_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (status, body) = self.get("/readyz");
            if status == 200 {
                assert!(body.contains("\"startup\":\"ready\"") && body.contains("\"0003\""), "{body}");
                return;
            }
            assert_eq!(self.get("/livez").0, 200, "{body}");
            assert!(Instant::now() < deadline, "{body}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn all_become_ready(engine: Engine) {
    for millis in [0, 8, 16, 32, 64] {
        all_become_ready_behind_one_that_was_killed(&Database::new(engine), Duration::from_millis(millis));
    }
}

fn all_become_ready_behind_one_that_was_killed(database: &Database, after: Duration) {
    let url = database.url();
    // In the middle of something, before it, or behind it.
    let first = Replica::start(&url);
    std::thread::sleep(after);
    drop(first);
    let replicas: Vec<_> = (0..4).map(|_| Replica::start(&url)).collect();
    for replica in &replicas {
        replica.becomes_ready();
    }
    assert_eq!(database.versions(), ["0001", "0002", "0003"]);
    assert_eq!(database.rows("SELECT count(*) FROM orders WHERE email LIKE '%@example.com'"), ["5"]);
    assert_eq!(database.journalled(), 0);
    // Killed behind its last commit, the first one's name stays in the lock's row until somebody needs the lock: it is seen to be gone.
    let mut migrator = service_example::migrator(&url).build().unwrap();
    let status = migrator.status().unwrap();
    assert!(status.lock.is_none() || status.lock_gone.is_some(), "{:?}", status.lock);
}

#[test]
fn on_sqlite() {
    all_become_ready(Engine::Sqlite);
}

#[test]
fn on_postgresql() {
    all_become_ready(Engine::Postgres);
}

#[test]
fn on_mariadb() {
    all_become_ready(Engine::Mariadb);
}
