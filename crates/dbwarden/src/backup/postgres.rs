//! PostgreSQL, by `pg_dump -Fc`. Brought back by `pg_restore` and `psql` in one transaction, which first drops what is there: also what
//! was made since the backup, which `pg_restore --clean` alone would leave. Our lock is not part of it, so that it is held to the end.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use secrecy::ExposeSecret;

use super::tool::{Running, Tool};
use super::{BackupError, Copier, Place, Staged};
use crate::url::DatabaseUrl;

const PG_DUMP: Tool = Tool { name: "pg_dump", package: "postgresql-client" };
const PG_RESTORE: Tool = Tool { name: "pg_restore", package: "postgresql-client" };
const PSQL: Tool = Tool { name: "psql", package: "postgresql-client" };

/// Variables of libpq that would speak over the address (<https://www.postgresql.org/docs/current/libpq-envars.html>).
const VARIABLES: &[&str] = &[
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGTARGETSESSIONATTRS",
    "PGCONNECT_TIMEOUT",
    "PGCHANNELBINDING",
    "PGCLIENTENCODING",
];

/// Parameters of the address and the variables that say the same.
const PARAMETERS: &[(&str, &str)] = &[
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// Drops all that is in the schemas of people, but for what extensions own and our lock's table. What is left of other sorts
/// (publications, event triggers, large objects), `pg_restore --clean` drops where the backup has it too.
const EMPTY: &str = r"
DO $dbwarden$
DECLARE
    thing record;
BEGIN
    FOR thing IN
        WITH theirs AS (
            SELECT oid, nspname FROM pg_catalog.pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        ), extended AS (
            SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
        )
        SELECT 1 AS turn, pg_catalog.format('DROP %s IF EXISTS %I.%I CASCADE',
            CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
                WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, n.nspname, c.relname) AS command
        FROM pg_catalog.pg_class c JOIN theirs n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
            -- One that belongs to a column goes with it.
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE c.relkind = 'S' AND d.deptype IN ('a', 'i')
                AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid)
            AND c.oid IS DISTINCT FROM pg_catalog.to_regclass(@lock@)
            AND NOT EXISTS (SELECT 1 FROM extended e
                WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid)
        UNION ALL
        SELECT 2, pg_catalog.format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::pg_catalog.regprocedure)
        FROM pg_catalog.pg_proc p JOIN theirs n ON n.oid = p.pronamespace
        WHERE NOT EXISTS (SELECT 1 FROM extended e
            WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid)
            -- The constructors of a range go with their type, and alone they cannot be dropped. Of what else is dropped here only
            -- sequences of identity columns have such a dependency, and composite types, which are dropped all the same.
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.deptype = 'i'
                AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid)
        UNION ALL
        SELECT 3, pg_catalog.format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, t.typname)
        FROM pg_catalog.pg_type t JOIN theirs n ON n.oid = t.typnamespace
        WHERE t.typtype IN ('e', 'd', 'r') AND NOT EXISTS (SELECT 1 FROM extended e
            WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = t.oid)
        UNION ALL
        SELECT 4, pg_catalog.format('DROP OPERATOR IF EXISTS %s CASCADE', o.oid::pg_catalog.regoperator)
        FROM pg_catalog.pg_operator o JOIN theirs n ON n.oid = o.oprnamespace
        WHERE NOT EXISTS (SELECT 1 FROM extended e
            WHERE e.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND e.objid = o.oid)
        UNION ALL
        SELECT 5, pg_catalog.format('DROP %s IF EXISTS %I.%I%s CASCADE', other.sort, n.nspname, other.name, other.using)
        FROM (
            SELECT 'COLLATION' AS sort, tableoid, oid, collname AS name, collnamespace AS namespace, '' AS using
            FROM pg_catalog.pg_collation
            UNION ALL
            SELECT 'CONVERSION', tableoid, oid, conname, connamespace, '' FROM pg_catalog.pg_conversion
            UNION ALL
            SELECT 'TEXT SEARCH CONFIGURATION', tableoid, oid, cfgname, cfgnamespace, '' FROM pg_catalog.pg_ts_config
            UNION ALL
            SELECT 'TEXT SEARCH DICTIONARY', tableoid, oid, dictname, dictnamespace, '' FROM pg_catalog.pg_ts_dict
            UNION ALL
            SELECT 'TEXT SEARCH PARSER', tableoid, oid, prsname, prsnamespace, '' FROM pg_catalog.pg_ts_parser
            UNION ALL
            SELECT 'TEXT SEARCH TEMPLATE', tableoid, oid, tmplname, tmplnamespace, '' FROM pg_catalog.pg_ts_template
            UNION ALL
            SELECT 'OPERATOR FAMILY', f.tableoid, f.oid, f.opfname, f.opfnamespace, pg_catalog.format(' USING %I', a.amname)
            FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
        ) AS other JOIN theirs n ON n.oid = other.namespace
        WHERE NOT EXISTS (SELECT 1 FROM extended e WHERE e.classid = other.tableoid AND e.objid = other.oid)
        ORDER BY turn
    LOOP
        EXECUTE thing.command;
    END LOOP;
    FOR thing IN
        SELECT pg_catalog.format('DROP SCHEMA %I', n.nspname) AS command FROM pg_catalog.pg_namespace n
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND nspname <> 'public'
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e')
    LOOP
        BEGIN
            EXECUTE thing.command;
        EXCEPTION WHEN dependent_objects_still_exist THEN
            NULL;
        END;
    END LOOP;
END
$dbwarden$;
";

/// `pg_dump` and what reads it.
#[derive(Debug)]
pub(super) struct Dump;

impl Copier for Dump {
    fn suffix(&self) -> &'static str {
        "dump"
    }

    fn take(&self, place: &Place<'_>, to: &Path) -> Result<String, BackupError> {
        let version = PG_DUMP.version()?;
        let mut command = Command::new(PG_DUMP.name);
        command.args(["--format=custom", "--no-password", "--exclude-table"]).arg(&place.records.lock_name);
        command.arg("--file").arg(to).stdin(Stdio::null()).stdout(Stdio::null());
        reach(&mut command, &place.settings.url);
        PG_DUMP.start(&mut command)?.finish(place.cancel, secret(place))?;
        Ok(version)
    }

    fn check(&self, place: &Place<'_>, from: &Path) -> Result<(), BackupError> {
        let mut command = Command::new(PG_RESTORE.name);
        command.arg("--list").arg(from).stdin(Stdio::null()).stdout(Stdio::null());
        match PG_RESTORE.start(&mut command)?.finish(place.cancel, None) {
            Err(BackupError::Tool { said, .. }) => {
                Err(BackupError::Damaged { path: from.to_owned(), reason: said.join("; ") })
            }
            other => other,
        }
    }

    fn bring_back(
        &self,
        place: &Place<'_>,
        from: &Path,
        token: i64,
    ) -> Result<Option<Box<dyn Staged>>, BackupError> {
        let mut read = Command::new(PG_RESTORE.name);
        read.args(["--clean", "--if-exists", "--file=-"]).arg(from).stdout(Stdio::piped());
        let mut reading = match contents(place, from)? {
            None => PG_RESTORE.start(read.stdin(Stdio::null()))?,
            Some(contents) => {
                let mut reading =
                    PG_RESTORE.start(read.arg("--use-list=/dev/stdin").stdin(Stdio::piped()))?;
                // It is read to its end before anything is written. Of half a list half a database would be made.
                let given = reading.child.stdin.take().map(|mut input| input.write_all(contents.as_bytes()));
                if let Some(Err(error)) = given {
                    reading.finish(place.cancel, None)?;
                    return Err(BackupError::Tool { tool: PG_RESTORE.name, said: vec![error.to_string()] });
                }
                reading
            }
        };
        let mut write = Command::new(PSQL.name);
        write.args(["--no-psqlrc", "--quiet", "--no-password", "--set", "ON_ERROR_STOP=1", "--file=-"]);
        write.stdin(Stdio::piped()).stdout(Stdio::null());
        reach(&mut write, &place.settings.url);
        let mut writing = PSQL.start(&mut write)?;
        let (script, input) = (reading.child.stdout.take(), writing.child.stdin.take());
        let (Some(script), Some(input)) = (script, input) else {
            return Err(BackupError::Tool { tool: PSQL.name, said: vec!["it has no streams".to_owned()] });
        };
        let before = format!(
            "BEGIN;\nSET LOCAL client_min_messages = warning;\nSET lock_timeout = '{}ms';\n{}",
            place.open.lock_timeout.as_millis(),
            EMPTY.replace("@lock@", &format!("'{}'", place.records.lock_name.replace('\'', "''")))
        );
        let fence = place.fence(token).map(|fence| format!("{fence};\n")).unwrap_or_default();
        let secret = secret(place);
        let (read, written) = std::thread::scope(|scope| {
            // Beside, since what is written waits for the server, and Ctrl-C is to be heard meanwhile. Without the last words there
            // is no COMMIT: a script that breaks off is rolled back.
            let pump = scope.spawn(move || pump(script, input, reading, place, &before, &fence));
            let written = writing.finish(place.cancel, secret);
            (pump.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), written)
        });
        // Where psql ended early, that its script could not be written is only the consequence.
        written.and(read).map(|()| None)
    }

    fn is_atomic(&self) -> bool {
        true
    }
}

/// Returns what of the file is brought back, as `pg_restore --use-list` reads it, where our tables are in a schema that the file
/// makes: that schema stays, since the lock's table stands in it, and can be neither dropped nor made.
fn contents(place: &Place<'_>, from: &Path) -> Result<Option<String>, BackupError> {
    let Some(schema) = place.settings.tables.home() else { return Ok(None) };
    // Where nothing can be read from standard input by name, the whole is brought back.
    if !Path::new("/dev/stdin").exists() {
        return Ok(None);
    }
    let mut command = Command::new(PG_RESTORE.name);
    command.arg("--list").arg(from).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut listing = PG_RESTORE.start(&mut command)?;
    let mut list = Vec::new();
    if let Some(mut output) = listing.child.stdout.take() {
        output
            .read_to_end(&mut list)
            .map_err(|error| BackupError::Tool { tool: PG_RESTORE.name, said: vec![error.to_string()] })?;
    }
    listing.finish(place.cancel, None)?;
    // Only the number at the start of a line is read again.
    Ok(Some(without_schema(&String::from_utf8_lossy(&list), schema)))
}

/// Leaves the schema's own entry out of a list of `pg_restore`: `6; 2615 16385 SCHEMA - app owner`.
fn without_schema(list: &str, schema: &str) -> String {
    fn named(line: &str) -> Option<&str> {
        let (number, rest) = line.split_once("; ")?;
        let mut words = rest.splitn(3, ' ');
        let (table, oid, rest) = (words.next()?, words.next()?, words.next()?);
        let numbers = [number, table, oid].iter().all(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        rest.strip_prefix("SCHEMA - ").filter(|_| numbers)
    }
    // Both may have spaces; that of the owner is the rarer.
    let exactly = |line: &str| {
        named(line).and_then(|rest| rest.rsplit_once(' ')).is_some_and(|(name, _)| name == schema)
    };
    let perhaps = |line: &str| {
        let behind = named(line).and_then(|rest| rest.strip_prefix(schema));
        behind.is_some_and(|behind| behind.starts_with(' '))
    };
    let exact = list.lines().any(exactly);
    let lines = list.lines().filter(|line| if exact { !exactly(line) } else { !perhaps(line) });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Gives `psql` the script between BEGIN and COMMIT, the latter only where `pg_restore` came to its end.
fn pump(
    mut script: impl Read,
    mut input: ChildStdin,
    reading: Running,
    place: &Place<'_>,
    before: &str,
    fence: &str,
) -> Result<(), BackupError> {
    let broken = |error: std::io::Error| BackupError::Tool { tool: PSQL.name, said: vec![error.to_string()] };
    input.write_all(before.as_bytes()).map_err(broken)?;
    std::io::copy(&mut script, &mut input).map_err(broken)?;
    reading.finish(place.cancel, None)?;
    write!(input, "\n{fence}COMMIT;\n").and_then(|()| input.flush()).map_err(broken)
}

fn secret<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.settings.url.password().map(ExposeSecret::expose_secret)
}

/// Says by environment where the server is: nobody else may read that, and no shell's history keeps it.
fn reach(command: &mut Command, url: &DatabaseUrl) {
    for name in VARIABLES {
        command.env_remove(name);
    }
    let mut set = |name: &str, value: &str| {
        command.env(name, value);
    };
    if let Some(socket) = url.socket() {
        set("PGHOST", &socket.to_string_lossy());
        set("PGPORT", &url.port().unwrap_or(5432).to_string());
    } else {
        let (hosts, ports): (Vec<_>, Vec<_>) =
            url.hosts().map(|(host, port)| (host, port.to_string())).unzip();
        if !hosts.is_empty() {
            set("PGHOST", &hosts.join(","));
            set("PGPORT", &ports.join(","));
        }
    }
    if let Some(user) = url.user() {
        set("PGUSER", user);
    }
    if let Some(name) = url.name().filter(|name| !name.is_empty()) {
        set("PGDATABASE", name);
    }
    if let Some(password) = url.password() {
        set("PGPASSWORD", password.expose_secret());
    }
    for (parameter, variable) in PARAMETERS {
        if let Some(value) = url.parameter(parameter) {
            set(variable, value);
        }
    }
    set("PGAPPNAME", "dbwarden");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_the_lock_is_left_out_and_nothing_else() {
        let list = ";\n; Archive\n6; 2615 16385 SCHEMA - app ana\n7; 2615 16386 SCHEMA - app two ana\n8; 2615 16387 SCHEMA - apple ana\n\
                    3250; 0 0 ACL - SCHEMA app ana\n215; 1259 16390 TABLE app SCHEMA - app ana\n";
        assert_eq!(without_schema(list, "app"), list.replace("6; 2615 16385 SCHEMA - app ana\n", ""));
        assert_eq!(without_schema(list, "app two"), list.replace("7; 2615 16386 SCHEMA - app two ana\n", ""));
        assert_eq!(without_schema("6; 2615 1 SCHEMA - app The Owner\n", "app"), "");
        assert_eq!(without_schema(list, "other"), list);
    }
}
