//! Where the programs of an engine are on this machine.

use std::path::{Path, PathBuf};

use super::Brand;

/// The folder of a PostgreSQL's programs: that of the newest one below Debian's folder, else what is in the PATH.
pub(super) fn postgres() -> Option<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, folder)| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, folder)| folder);
    newest.or_else(|| {
        Some(in_path("postgres")?.parent()?.to_owned()).filter(|folder| folder.join("initdb").is_file())
    })
}

/// A program by the first of its names that is in the PATH, or where root's programs are.
pub(super) fn program(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| in_path(name))
}

/// The shell that talks to servers of this brand.
pub(super) fn shell(brand: Brand) -> Option<PathBuf> {
    if brand.is_postgres() {
        // Debian's `psql` in the PATH is a script in Perl that looks for this one.
        let beside = postgres().map(|folder| folder.join("psql")).filter(|psql| psql.is_file());
        beside.or_else(|| in_path("psql"))
    } else {
        program(&["mariadb", "mysql"])
    }
}

/// PostgreSQL's own `pg_dump`, rather than Debian's script in front of it.
pub(super) fn dump() -> PathBuf {
    let beside = postgres().map(|folder| folder.join("pg_dump")).filter(|dump| dump.is_file());
    beside.unwrap_or_else(|| "pg_dump".into())
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}
