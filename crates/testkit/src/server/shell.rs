//! The engines' own shells, as judges of what is in a database: `psql` and `mariadb`.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Server, find};

impl Server {
    /// Runs `sql`, one statement or many, in a database, as the administrator. Returns the rows, a line each, their values
    /// with `|` between, a null as `NULL`. An empty name is the database that every server has.
    ///
    /// # Panics
    /// With the shell's words where a statement fails.
    #[track_caller]
    pub fn shell(&self, database: &str, sql: &str) -> String {
        self.try_shell(database, sql).unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }

    /// Does the same.
    ///
    /// # Errors
    /// The shell's words where a statement fails; those behind it are not run.
    pub fn try_shell(&self, database: &str, sql: &str) -> Result<String, String> {
        self.try_shell_as(self.user(), self.password(), &[], database, sql)
    }

    /// Does the same as another role and with further arguments to the shell.
    ///
    /// # Errors
    /// The shell's words where it cannot get in, or a statement fails; those behind it are not run.
    pub fn try_shell_as(
        &self,
        user: &str,
        password: &str,
        arguments: &[&str],
        database: &str,
        sql: &str,
    ) -> Result<String, String> {
        let brand = self.brand();
        let shell = find::shell(brand).ok_or_else(|| brand.missing_shell())?;
        let mut command = Command::new(&shell);
        // Settings of the user's would change what is printed.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if brand.is_postgres() {
            command
                .env("PGPASSWORD", password)
                .env("PGCLIENTENCODING", "UTF8")
                .env("PGCONNECT_TIMEOUT", "20");
            command.env("PGOPTIONS", "-c client_min_messages=warning");
            command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-P", "null=NULL"]);
            command.arg(self.postgres_url(user, if database.is_empty() { "postgres" } else { database }));
        } else {
            command.env("MYSQL_PWD", password);
            command.args(["--no-defaults", "--protocol=TCP", "--host", self.host(), "--user", user]);
            command.args(["--port", &self.port().to_string(), "--default-character-set=utf8mb4"]);
            command
                .args(["--batch", "--skip-column-names", "--skip-reconnect", "--connect-timeout=20"])
                .arg(format!("--database={database}"));
        }
        if self.ca_file().is_some() {
            // The kit's own, on this machine: a handshake costs more than most statements. Arguments may ask for it.
            command.env("PGSSLMODE", "disable").args(brand.is_mariadb().then_some("--skip-ssl"));
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error| format!("cannot run {}: {error}", shell.display());
        let mut child = command.spawn().map_err(failed)?;
        let mut stdin = child.stdin.take().expect("it is piped");
        let sql = sql.to_owned();
        // A thread of its own: the shell may answer before it has read everything.
        let writer = std::thread::spawn(move || stdin.write_all(sql.as_bytes()));
        let output = child.wait_with_output().map_err(failed)?;
        // A shell that stopped at an error reads no further.
        writer.join().expect("writing does not panic").ok();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
        // A tab in a value is written as `\t` there.
        Ok(if brand.is_postgres() { text } else { text.replace('\t', "|") })
    }
}
