//! A CockroachDB of the tests' own: it speaks PostgreSQL's protocol, answers as CockroachDB does where that differs, and passes
//! everything else on to a real PostgreSQL, so that tables, rows and transactions are real.
//!
//! What differs is written after CockroachDB's pages and sources, named at each place. It is no proof of the real one.

mod sql;
mod talk;
mod wire;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::OwnedDatabase;

/// A scripted CockroachDB before one database of a PostgreSQL. It listens until it is dropped.
#[derive(Debug)]
pub struct Cockroach {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: crate::server::Server,
    database: String,
    script: Mutex<Script>,
    /// Held while a schema change is made: of two that make one thing the second finds it, where PostgreSQL may refuse it.
    changing: Mutex<()>,
}

/// What a version does with a schema change inside a transaction
/// (<https://www.cockroachlabs.com/docs/stable/session-variables#autocommit-before-ddl>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutocommitBeforeDdl {
    /// The setting is unknown, as until 23.2.
    Unknown,
    /// It is off, as in 24.
    Off,
    /// It is on, as from 25.2 on.
    On,
}

/// What becomes of a job that goes on when its statement was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Succeeds,
    /// It is rolled back, with these words.
    Fails(String),
}

/// How the statement of such a job is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The connection is cut.
    Cut,
    /// It was cancelled: the job goes on all the same.
    Cancelled,
    /// As done, though the job is not.
    Done,
}

#[derive(Debug)]
struct Script {
    version: String,
    tells_version: bool,
    autocommit: AutocommitBeforeDdl,
    failures: Vec<Failure>,
    holds: Vec<Hold>,
    jobs: Vec<Job>,
    seen: Vec<String>,
    closed: bool,
}

#[derive(Debug, Clone)]
struct Failure {
    words: String,
    left: usize,
    code: &'static str,
    message: String,
}

#[derive(Debug, Clone)]
struct Hold {
    words: String,
    looks: usize,
    outcome: Outcome,
    answer: Answer,
}

#[derive(Debug, Clone)]
struct Job {
    id: u64,
    description: String,
    status: &'static str,
    error: String,
    created: f64,
    /// What is still to be done, after so many looks.
    held: Option<(String, usize, Outcome)>,
}

/// What a transaction that cannot be brought into an order with others is told
/// (<https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference#retry_serializable>).
pub const RETRY: &str = "restart transaction: TransactionRetryWithProtoRefreshError: TransactionRetryError: retry txn \
     (RETRY_SERIALIZABLE - failed preemptive refresh)";

impl Cockroach {
    /// Listens before a database on PostgreSQL.
    ///
    /// # Panics
    /// Where no port is free.
    pub fn before(database: &OwnedDatabase) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let script = Script {
            version: "CockroachDB CCL v24.3.1 (x86_64-pc-linux-gnu, built 2024/12/02 17:39:11, go1.22.8 X:nocoverageredesign)"
                .to_owned(),
            tells_version: true,
            autocommit: AutocommitBeforeDdl::Off,
            failures: Vec::new(),
            holds: Vec::new(),
            jobs: Vec::new(),
            seen: Vec::new(),
            closed: false,
        };
        let (server, database) = (database.server().clone(), database.name().to_owned());
        let shared =
            Arc::new(Shared { server, database, script: Mutex::new(script), changing: Mutex::default() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.script().closed {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away ends its thread.
                thread::spawn(move || talk::serve(&shared, client).ok());
            }
        });
        Self { port, shared }
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its address, with the scheme `cockroachdb` or another.
    pub fn url(&self, scheme: &str) -> String {
        let url = self.shared.server.through("127.0.0.1", self.port).url(&self.shared.database);
        let (_, rest) = url.split_once("://").expect("it is a URL");
        format!("{scheme}://{rest}")
    }

    /// Keeps the version to itself until it is asked, as a pooler does that stands between.
    pub fn hide_version(&self) {
        self.shared.script().tells_version = false;
    }

    /// Sets what a schema change does inside a transaction, for sessions that begin from now on.
    pub fn autocommit_before_ddl(&self, what: AutocommitBeforeDdl) {
        self.shared.script().autocommit = what;
    }

    /// Refuses the next so many statements that contain `words`.
    pub fn refuse(&self, words: &str, times: usize, code: &'static str, message: &str) {
        let failure = Failure { words: words.to_owned(), left: times, code, message: message.to_owned() };
        self.shared.script().failures.push(failure);
    }

    /// Leaves the next schema change that contains `words` to a job, which ends when it was looked at so often.
    pub fn hold(&self, words: &str, answer: Answer, looks: usize, outcome: Outcome) {
        let hold = Hold { words: words.to_owned(), looks, outcome, answer };
        self.shared.script().holds.push(hold);
    }

    /// Returns the statements that came, as they were written.
    pub fn seen(&self) -> Vec<String> {
        self.shared.script().seen.clone()
    }

    /// Returns how many jobs there have been.
    pub fn jobs(&self) -> usize {
        self.shared.script().jobs.len()
    }
}

impl Drop for Cockroach {
    fn drop(&mut self) {
        self.shared.script().closed = true;
        // Wakes the thread that accepts, which sees that it is over.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no holder panics")
    }

    fn backend(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.server.port()).into()
    }

    /// The failure that is due for `statement`.
    fn failure(&self, statement: &str) -> Option<Failure> {
        let mut script = self.script();
        let due = script
            .failures
            .iter_mut()
            .find(|failure| failure.left > 0 && statement.contains(&failure.words))?;
        due.left -= 1;
        Some(due.clone())
    }

    /// Takes `statement` as a job, and returns how it is answered where it is held.
    fn begin_job(&self, statement: &str) -> Option<Answer> {
        let mut script = self.script();
        let hold = script.holds.iter().position(|hold| statement.contains(&hold.words));
        let hold = hold.map(|at| script.holds.remove(at));
        #[expect(clippy::disallowed_methods, reason = "a server has a clock of its own")]
        let now = SystemTime::now();
        let created = now.duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let id = 1_000_000_000_000_000_000 + script.jobs.len() as u64;
        let held = hold.as_ref().map(|hold| (statement.to_owned(), hold.looks, hold.outcome.clone()));
        let status = if held.is_some() { "running" } else { "succeeded" };
        let description = statement.to_owned();
        script.jobs.push(Job { id, description, status, error: String::new(), created, held });
        hold.map(|hold| hold.answer)
    }

    /// Forgets the last job: the statement was refused before there was one.
    fn no_job(&self) {
        self.script().jobs.pop();
    }

    /// Looks at the jobs once more: those whose time has come end.
    fn look(&self) -> Vec<Job> {
        let mut due = Vec::new();
        let mut script = self.script();
        for (at, job) in script.jobs.iter_mut().enumerate() {
            if let Some((sql, looks, outcome)) = &mut job.held {
                if *looks == 0 {
                    due.push((at, sql.clone(), outcome.clone()));
                } else {
                    *looks -= 1;
                }
            }
        }
        drop(script);
        for (at, sql, outcome) in due {
            let (status, error) = match outcome {
                Outcome::Succeeds => {
                    match self.server.try_shell(&self.database, &sql::translated_alone(&sql)) {
                        Ok(_) => ("succeeded", String::new()),
                        Err(error) => ("failed", error),
                    }
                }
                Outcome::Fails(error) => ("failed", error),
            };
            let mut script = self.script();
            let job = &mut script.jobs[at];
            (job.status, job.error, job.held) = (status, error, None);
        }
        self.script().jobs.clone()
    }
}
