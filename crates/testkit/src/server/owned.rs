//! Databases and roles of a test's own, gone with it.

use super::folder::random_name;
use super::{Server, find};

/// A database on a server that a test owns. It is dropped when this value is, whoever is still connected.
#[derive(Debug)]
pub struct OwnedDatabase {
    server: Server,
    name: String,
}

impl OwnedDatabase {
    pub(super) fn new(server: &Server, hint: &str) -> Self {
        let name = unique("t", hint);
        let sql = if server.brand().is_cockroach() {
            format!("CREATE DATABASE {name};")
        } else if server.brand().is_postgres() {
            format!("CREATE DATABASE {name} TEMPLATE template0;")
        } else {
            format!("CREATE DATABASE {name} CHARACTER SET utf8mb4;")
        };
        server.shell("", &sql);
        Self { server: server.clone(), name }
    }

    /// PostgreSQL: returns a copy with everything in it. Nobody may be connected.
    ///
    /// # Panics
    /// Where the server refuses.
    pub fn copy(&self) -> Self {
        let name = unique("t", "copy");
        self.server.shell("", &format!("CREATE DATABASE {name} TEMPLATE {};", self.name));
        Self { server: self.server.clone(), name }
    }

    /// MariaDB: puts everything in it into another database, which is empty.
    ///
    /// # Panics
    /// Where there is no `mariadb-dump`, or the server refuses.
    pub fn copy_into(&self, other: &Self) {
        other.shell(&self.mariadb_dump(&[]));
    }

    fn mariadb_dump(&self, arguments: &[String]) -> String {
        let mut command =
            std::process::Command::new(find::program(&["mariadb-dump", "mysqldump"]).expect("a shell"));
        command.env("MYSQL_PWD", self.server.password());
        command.args(["--no-defaults", "--protocol=TCP", "--skip-ssl", "--host", self.server.host()]);
        command.args(["--user", self.server.user(), "--port", &self.server.port().to_string()]);
        command.args(["--skip-comments", "--skip-add-locks", "--skip-lock-tables", "--single-transaction"]);
        command.args([
            "--routines",
            "--events",
            "--triggers",
            "--order-by-primary",
            "--skip-extended-insert",
        ]);
        command.args(arguments).arg(&self.name);
        let output = command.output().unwrap_or_else(|error| panic!("mariadb-dump: {error}"));
        assert!(output.status.success(), "mariadb-dump: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `mariadb-dump` makes of everything but the tables named, the rows of each table sorted; which number comes next is not
    /// part of it, since what is undone uses numbers too.
    fn dump_of_mariadb(&self, without: &[&str]) -> String {
        let without: Vec<_> =
            without.iter().map(|table| format!("--ignore-table={}.{table}", self.name)).collect();
        let text = self.mariadb_dump(&without);
        let mut lines: Vec<String> = text.lines().map(without_next_number).collect();
        for rows in lines.chunk_by_mut(|a, b| a.starts_with("INSERT ") == b.starts_with("INSERT ")) {
            if rows[0].starts_with("INSERT ") {
                rows.sort_unstable();
            }
        }
        lines.join("\n")
    }

    /// Returns what `pg_dump`, or `mariadb-dump`, makes of everything but the tables named, the rows of each table sorted: in which order
    /// they lie says only what was undone before.
    ///
    /// # Panics
    /// Where there is no `pg_dump`, or it fails.
    pub fn dump(&self, without: &[&str]) -> String {
        if !self.server.brand().is_postgres() {
            return self.dump_of_mariadb(without);
        }
        let mut command = std::process::Command::new(find::dump());
        command.env("PGPASSWORD", self.server.password()).env("PGSSLMODE", "disable");
        command.args(["--no-owner", "--no-privileges", "--no-comments"]);
        command.args(without.iter().map(|table| format!("--exclude-table={table}")));
        command.arg(format!("--dbname={}", self.server.postgres_url(self.server.user(), &self.name)));
        let output = command.output().unwrap_or_else(|error| panic!("pg_dump: {error}"));
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        // The first and last lines hold a key of their own in each dump.
        let lines = String::from_utf8_lossy(&output.stdout);
        let mut lines: Vec<_> =
            lines.lines().filter(|line| !line.starts_with('\\') || *line == "\\.").collect();
        let mut rows = None;
        for at in 0..lines.len() {
            match rows {
                None if lines[at].starts_with("COPY ") => rows = Some(at + 1),
                Some(first) if lines[at] == "\\." => {
                    lines[first..at].sort_unstable();
                    rows = None;
                }
                _ => {}
            }
        }
        lines.join("\n")
    }

    /// CockroachDB: returns how its objects are made and the rows of each table, sorted, without the tables of a list in SQL
    /// (<https://www.cockroachlabs.com/docs/stable/show-create>).
    pub fn contents(&self, without: &str) -> String {
        let made = self.shell("SHOW CREATE ALL TABLES;");
        let ours = |statement: &&str| {
            !without.split('\'').any(|name| name.starts_with("dbwarden") && statement.contains(name))
        };
        let mut text = made.split(";\n").filter(ours).collect::<Vec<_>>().join(";\n");
        let tables = self.shell(&format!(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' \
             AND table_schema NOT IN ('pg_catalog', 'information_schema', 'crdb_internal', 'pg_extension') \
             AND table_name NOT IN {without} ORDER BY 1;"
        ));
        for table in tables.lines() {
            let rows = self.shell(&format!("SELECT * FROM {table};"));
            let mut rows: Vec<_> = rows.lines().collect();
            rows.sort_unstable();
            text.push_str(&format!("\n{table}\n{}", rows.join("\n")));
        }
        text
    }

    /// Returns its name: small letters, digits and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns its address, as the administrator.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Returns its address, as a role.
    pub fn url_as(&self, role: &Role) -> String {
        self.server.url_as(role, &self.name)
    }

    /// Runs `sql` in it, as [`Server::shell`] does.
    ///
    /// # Panics
    /// With the shell's words where a statement fails.
    #[track_caller]
    pub fn shell(&self, sql: &str) -> String {
        self.server.shell(&self.name, sql)
    }

    /// Lets a role do everything in it: PostgreSQL makes it the owner, MariaDB grants it all privileges.
    pub fn give_to(&self, role: &Role) {
        let (database, role) = (&self.name, role.name());
        if self.server.brand().is_postgres() {
            self.server.shell("", &format!("ALTER DATABASE {database} OWNER TO {role};"));
        } else {
            self.server.shell("", &format!("GRANT ALL PRIVILEGES ON {database}.* TO '{role}'@'%';"));
        }
    }

    fn remove(&self) -> Result<String, String> {
        let name = &self.name;
        if self.server.brand().is_cockroach() {
            return self.server.try_shell("", &format!("DROP DATABASE IF EXISTS {name} CASCADE;"));
        }
        if self.server.brand().is_postgres() {
            return self.server.try_shell("", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE);"));
        }
        // An open transaction of theirs would keep a table from being dropped, and so this for ever.
        let sessions = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}';");
        for session in self.server.try_shell("", &sessions)?.lines() {
            // It may be gone already.
            self.server.try_shell("", &format!("KILL {session};")).ok();
        }
        self.server.try_shell("", &format!("SET lock_wait_timeout = 20; DROP DATABASE IF EXISTS {name};"))
    }
}

impl Drop for OwnedDatabase {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("the database {} stays: {error}", self.name);
        }
    }
}

/// A role that may log in, with a password of its own. It is dropped when this value is, unless something belongs to it:
/// make it before the database that it is to own.
#[derive(Debug)]
pub struct Role {
    server: Server,
    name: String,
    password: String,
}

impl Role {
    pub(super) fn new(server: &Server, hint: &str) -> Self {
        let (name, password) = (unique("r", hint), random_name(24));
        crate::secrets::know(&password);
        let sql = if server.brand().is_postgres() {
            format!("CREATE ROLE {name} LOGIN PASSWORD '{password}';")
        } else {
            format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{password}';")
        };
        server.shell("", &sql);
        Self { server: server.clone(), name, password }
    }

    /// Returns its name: small letters, digits and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its password, which nothing else in the run contains.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let name = &self.name;
        let sql = if self.server.brand().is_postgres() {
            format!("DROP ROLE IF EXISTS {name};")
        } else {
            format!("DROP USER IF EXISTS '{name}'@'%';")
        };
        // What it owns goes with the server at last.
        self.server.try_shell("", &sql).ok();
    }
}

/// The line without `AUTO_INCREMENT=…`.
fn without_next_number(line: &str) -> String {
    match line.split_once(" AUTO_INCREMENT=") {
        Some((before, after)) => {
            format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}

/// A name that no other test has, with as much of the hint as MySQL's 32 letters for a user allow.
fn unique(kind: &str, hint: &str) -> String {
    let hint =
        hint.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { '_' });
    format!("{kind}_{}_{}", hint.take(16).collect::<String>(), random_name(10))
}
