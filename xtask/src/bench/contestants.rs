//! The programs compared: `dbwarden`, and `sqlite3`, the engine's own shell. Both get the same small environment, so that
//! no setting of the person who measures reaches either of them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failure::Failure;

use super::scratch::Scratch;

/// The command under test.
pub(super) struct Dbwarden {
    binary: PathBuf,
}

impl Dbwarden {
    pub(super) fn new(binary: PathBuf) -> Result<Self, Failure> {
        if binary.is_file() {
            Ok(Self { binary })
        } else {
            Err(Failure::new(format!("there is no dbwarden at {}", binary.display())))
        }
    }

    /// What was measured, for the reader of the figures.
    pub(super) fn version(&self) -> String {
        let version = output(bare(&self.binary).arg("--version")).unwrap_or_default();
        format!("{} ({})", version.trim(), self.binary.display())
    }

    /// A verb, quietly, in an empty directory, where no settings file is found.
    pub(super) fn verb(&self, verb: &str, migrations: &Path, file: &Path, scratch: &Scratch) -> Command {
        let mut command = self.bare(migrations, scratch);
        command.arg("--url").arg(url(file)).args([verb, "--quiet"]);
        command
    }

    /// The same without a verb and without an address.
    pub(super) fn bare(&self, migrations: &Path, scratch: &Scratch) -> Command {
        let mut command = bare(&self.binary);
        command.arg("--migrations").arg(migrations).current_dir(scratch.empty());
        command
    }
}

/// `sqlite3`.
pub(super) struct Shell {
    binary: PathBuf,
}

impl Shell {
    pub(super) fn find() -> Result<Self, Failure> {
        let name = format!("sqlite3{}", env::consts::EXE_SUFFIX);
        env::var_os("PATH")
            .iter()
            .flat_map(env::split_paths)
            .map(|directory| directory.join(&name))
            .find(|path| path.is_file())
            .map(|binary| Self { binary })
            .ok_or_else(|| {
                Failure::new(
                    "the floor is the shell `sqlite3`, and there is none on PATH: on Debian or Ubuntu `apt install sqlite3`",
                )
            })
    }

    pub(super) fn version(&self) -> Result<String, Failure> {
        let mut command = bare(&self.binary);
        command.arg("--version");
        Ok(output(&mut command)?.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// The shell on a file, reading its input from `script`.
    pub(super) fn script(&self, file: &Path, script: &Path, scratch: &Scratch) -> Result<Command, Failure> {
        with_input(self.on(file, scratch), script)
    }

    /// The shell on a file, with one query.
    pub(super) fn query(&self, file: &Path, query: &str, scratch: &Scratch) -> Command {
        let mut command = self.on(file, scratch);
        command.arg(query);
        command
    }

    /// The shell on a file, with one query, and beside it `cat`, which reads every file of `directory`.
    pub(super) fn query_beside_files(
        &self,
        file: &Path,
        query: &str,
        directory: &Path,
        scratch: &Scratch,
    ) -> Command {
        let alone = self.query(file, query, scratch);
        let mut command = bare(Path::new("sh"));
        command
            .args(["-c", "cd \"$0\" && cat -- *.sql > /dev/null & \"$@\"; ended=$?; wait $! && exit $ended"])
            .arg(directory)
            .arg(&self.binary)
            .args(alone.get_args())
            .current_dir(scratch.empty());
        command
    }

    /// The number that a query answers with.
    pub(super) fn count(&self, file: &Path, query: &str, scratch: &Scratch) -> Result<u64, Failure> {
        let answer = output(&mut self.query(file, query, scratch))?;
        answer
            .trim()
            .parse()
            .map_err(|_| Failure::new(format!("`{query}` answers {answer:?}, which is no number")))
    }

    /// The shell on a file.
    pub(super) fn on(&self, file: &Path, scratch: &Scratch) -> Command {
        let mut command = bare(&self.binary);
        // An empty file in place of ~/.sqliterc, which could set another journal mode.
        command.arg("-bail").arg("-init").arg(scratch.empty_file()).arg(file).current_dir(scratch.empty());
        command
    }
}

/// A command that reads its input from `script`.
pub(super) fn with_input(mut command: Command, script: &Path) -> Result<Command, Failure> {
    command.stdin(File::open(script).map_err(Failure::at("cannot open", script))?);
    Ok(command)
}

/// Runs a command, its output thrown away, and returns the seconds it took. One that fails is an error.
pub(super) fn seconds(command: &mut Command) -> Result<f64, Failure> {
    seconds_watched(command, |_| ())
}

/// As `seconds`; `started` is told the process's id.
pub(super) fn seconds_watched(command: &mut Command, started: impl FnOnce(u32)) -> Result<f64, Failure> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let ended = command.spawn().and_then(|child| {
        started(child.id());
        child.wait_with_output()
    });
    let seconds = begun.elapsed().as_secs_f64();
    succeeded(command, ended).map(|_| seconds)
}

/// What a command prints. One that fails is an error.
pub(super) fn output(command: &mut Command) -> Result<String, Failure> {
    let ended = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = succeeded(command, ended)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn succeeded(
    command: &Command,
    ended: std::io::Result<std::process::Output>,
) -> Result<std::process::Output, Failure> {
    let output = ended.map_err(Failure::at("cannot run", Path::new(command.get_program())))?;
    if output.status.success() {
        return Ok(output);
    }
    let arguments: Vec<_> = command.get_args().map(|it| it.to_string_lossy()).collect();
    Err(Failure::new(format!(
        "{} {} ended with {}:\n{}",
        Path::new(command.get_program()).display(),
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    )))
}

/// Fails unless a run left what it was to leave.
pub(super) fn expect(who: &str, what: &str, found: u64, expected: u64) -> Result<(), Failure> {
    if found == expected {
        Ok(())
    } else {
        Err(Failure::new(format!("{who} left {found} {what}, not {expected}: its time says nothing")))
    }
}

/// A fresh directory for one run's database; the one before goes.
pub(super) fn fresh_file(scratch: &Scratch) -> Result<PathBuf, Failure> {
    let directory = scratch.path().join("run");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(Failure::at("cannot remove", &directory))?;
    }
    fs::create_dir(&directory).map_err(Failure::at("cannot make", &directory))?;
    Ok(directory.join("bench.db"))
}

/// A program with a small environment and no input.
pub(super) fn bare(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR", "SYSTEMROOT"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The URL of a file by its absolute path.
fn url(file: &Path) -> String {
    let mut url = String::from("sqlite:///");
    for byte in file.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~:\\".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url += &format!("%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_has_four_slashes() {
        assert_eq!(url(Path::new("/tmp/a.db")), "sqlite:////tmp/a.db");
    }

    #[test]
    fn what_means_something_in_a_url_is_written_as_its_number() {
        assert_eq!(url(Path::new("/a b/50%?#.db")), "sqlite:////a%20b/50%25%3F%23.db");
    }

    #[test]
    fn a_wrong_count_is_an_error() {
        assert!(expect("sqlite3", "tables", 2, 2).is_ok());
        assert_eq!(
            expect("sqlite3", "tables", 1, 2).unwrap_err().to_string(),
            "sqlite3 left 1 tables, not 2: its time says nothing"
        );
    }
}
