//! Programs and libraries from npm packages, in a folder that outlives a run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that outlives a run. The account that a server runs under must come in, which it may not in root's home.
pub(crate) fn folder(name: &str) -> PathBuf {
    let root = rustix::process::geteuid().is_root();
    let cache =
        if root { Some("/var/cache".into()) } else { std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from) };
    let cache =
        cache.filter(|cache| cache.is_absolute()).or_else(|| Some(std::env::home_dir()?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("dbwarden").join(name)
}

/// Puts a package into `folder`, without running any of its scripts.
pub(crate) fn install(package: &str, version: &str, folder: &Path) -> bool {
    eprintln!("installing {package} {version}");
    std::fs::create_dir_all(folder).is_ok()
        && run(
            "npm",
            &["install", "--ignore-scripts", "--no-save", "--prefix", ".", &format!("{package}@{version}")],
            folder,
        )
}

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(std::io::stderr());
    command.status().is_ok_and(|status| status.success())
}
