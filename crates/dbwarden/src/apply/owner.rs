//! Who we are, as a lock's holder, and whether another holder on this machine still lives.

use serde::{Deserialize, Serialize};

use crate::driver::ServerSession;
use crate::migration::RevisionId;

/// A process that holds a lock, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    pub user: String,
    /// The host's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When the process began, in the kernel's ticks since boot: a pid alone may have been given away again.
    #[serde(default)]
    pub started: String,
    /// The boot of the machine; processes of different boots cannot see each other.
    #[serde(default)]
    pub boot: String,
    /// The pid namespace: in another one the same pid is another process.
    #[serde(default)]
    pub namespace: String,
    /// Whether the engine's lock of sessions was held beside the lease.
    #[serde(default)]
    pub session_lock: bool,
    /// The run.
    #[serde(default)]
    pub run: String,
    /// Its session on the server, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<ServerSession>,
    /// What it was to do, where that was counted from where the database was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<Meant>,
}

/// What a run was to do that was counted from where the database was (`rollback`, `migrate -c 2`), so that the same command, typed again
/// behind a kill, does what is left of that and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meant {
    /// The command, such as `rollback -2`.
    pub command: String,
    /// The migrations that it was to apply, undo, record or forget.
    pub ids: Vec<RevisionId>,
}

/// Who holds the lock, as its row says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The process.
    pub owner: Owner,
    /// Since when, in UTC.
    pub since: String,
    /// What it is doing.
    pub doing: Option<String>,
    /// Its token.
    pub token: i64,
    /// Its counter.
    pub beat: i64,
}

impl Owner {
    /// Returns whether `other` is the same run of the same process.
    pub(crate) fn is_run_of(&self, other: &Owner) -> bool {
        (&self.run, self.pid, &self.host) == (&other.run, other.pid, &other.host)
    }

    /// Returns this process; `who` is user@host.
    pub fn this(who: &str, run: &str) -> Self {
        let (user, host) = who.split_once('@').unwrap_or((who, ""));
        Self {
            user: user.to_owned(),
            host: host.to_owned(),
            pid: std::process::id(),
            started: started(std::process::id()).unwrap_or_default(),
            boot: read("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            namespace: std::fs::read_link("/proc/self/ns/pid")
                .map(|link| link.to_string_lossy().into_owned())
                .unwrap_or_default(),
            session_lock: false,
            run: run.to_owned(),
            session: None,
            meant: None,
        }
    }

    /// Returns why the process is known to be gone, seen from `here`, or nothing where that cannot be seen. `locked` says
    /// that `here` holds the engine's lock of sessions right now.
    pub fn gone(&self, here: &Owner, locked: bool) -> Option<&'static str> {
        let same_machine = !self.boot.is_empty() && self.boot == here.boot;
        // Also of a process that lives: then the database is a copy, and its holder has nothing to do with it. Were it no copy,
        // the token would keep that holder from committing.
        if same_machine && self.session_lock && locked {
            return Some("its lock on the database is free again");
        }
        (self.can_be_seen(here) && self.look() == Look::Gone).then_some("its process is gone")
    }

    /// Returns whether the process is known to live, seen from `here`. Also one that is stopped lives.
    pub fn lives(&self, here: &Owner) -> bool {
        self.can_be_seen(here) && self.look() == Look::Running
    }

    fn can_be_seen(&self, here: &Owner) -> bool {
        let same_machine = !self.boot.is_empty() && self.boot == here.boot;
        same_machine && self.namespace == here.namespace && !self.started.is_empty()
    }

    fn look(&self) -> Look {
        match read(&format!("/proc/{}/stat", self.pid)) {
            Some(stat) if started_of(&stat).as_ref() == Some(&self.started) => Look::Running,
            Some(_) => Look::Gone,
            // Processes of others may be hidden there (https://man7.org/linux/man-pages/man5/proc.5.html, `hidepid`).
            None if exists(self.pid) => Look::Hidden,
            None => Look::Gone,
        }
    }

    /// Returns `ana@ci-7 (pid 812)`.
    pub fn label(&self) -> String {
        format!("{}@{} (pid {})", self.user, self.host, self.pid)
    }
}

/// What can be seen of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Running,
    Gone,
    /// There is one of that number, and nothing more is to be seen of it.
    Hidden,
}

/// Whether there is a process of that number, whoever it belongs to.
#[cfg(unix)]
fn exists(pid: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn exists(_: u32) -> bool {
    false
}

/// Returns user@host of this process.
pub fn who() -> String {
    let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
    let host = whoami::hostname().unwrap_or_else(|_| "unknown".to_owned());
    format!("{user}@{host}")
}

/// The 22nd field of `/proc/PID/stat` (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
fn started(pid: u32) -> Option<String> {
    started_of(&read(&format!("/proc/{pid}/stat"))?)
}

fn started_of(stat: &str) -> Option<String> {
    // The second field is the name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie is gone for our purpose: it runs nothing any more.
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

fn read(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_only_where_that_can_be_seen() {
        let here = Owner::this("ana@ci-7", "r1");
        assert_eq!(here.gone(&here, false), None, "this process lives");
        if here.boot.is_empty() {
            return;
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut other = Owner { pid: child.id(), started: started(child.id()).unwrap(), ..here.clone() };
        assert_eq!(other.gone(&here, false), None, "the child lives");
        assert!(other.lives(&here));
        assert!(exists(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!exists(child.id()));
        assert_eq!(other.gone(&here, false), Some("its process is gone"));
        assert!(!other.lives(&here));
        other.namespace = "pid:[1]".to_owned();
        assert_eq!(other.gone(&here, false), None, "another container's processes cannot be seen");
        other.session_lock = true;
        assert_eq!(other.gone(&here, true), Some("its lock on the database is free again"));
        other.boot = "another".to_owned();
        assert_eq!(other.gone(&here, true), None, "another machine's cannot be seen");
        assert!(!Owner { boot: "another".to_owned(), ..here.clone() }.lives(&here), "nor that it lives");
    }
}
