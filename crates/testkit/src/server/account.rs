//! The account that a server runs under: one's own, or where that is root, which the engines refuse, a lesser one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An account that is not root, and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
    /// The command line before a command that is to run under it.
    prefix: Vec<String>,
}

impl Account {
    /// Returns the account to drop to, `name` where there is such a one; nothing where this process is not root's.
    pub(super) fn below_root(name: &str) -> Result<Option<Self>, String> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let known =
            [name, "nobody"].into_iter().find_map(|name| Some((name, id(name, "-u")?, id(name, "-g")?)));
        let (name, user, group) = known.ok_or("there is no account `nobody` to run a server under")?;
        let setpriv = format!("setpriv --reuid={user} --regid={group} --clear-groups --");
        for way in [
            setpriv,
            format!("runuser -u {name} --"),
            format!("su-exec {name}"),
            format!("sudo -n -u {name} --"),
        ] {
            let prefix: Vec<String> = way.split(' ').map(String::from).collect();
            let account = Self { user, group, prefix };
            if account
                .command(Path::new("true"))
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
            {
                return Ok(Some(account));
            }
        }
        Err("no setpriv, runuser, su-exec or sudo is here to run a server under another account than root"
            .to_owned())
    }

    /// Returns a command that runs `program` under this account.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.prefix[0]);
        command.args(&self.prefix[1..]).arg(program);
        command
    }

    /// Gives a path to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), String> {
        std::os::unix::fs::chown(path, Some(self.user), Some(self.group))
            .map_err(|error| format!("cannot give {} away: {error}", path.display()))
    }
}

fn id(name: &str, which: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().parse().ok())?
}

/// Returns memory that is used as a disk, where there is plenty of it, else the folder for temporary files.
pub(super) fn roomy_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |system| system.f_bavail * system.f_frsize);
    if free > 1 << 30 { memory.to_owned() } else { std::env::temp_dir() }
}
