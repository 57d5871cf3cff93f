//! One line in `build.rs` that compiles a directory of migrations into a program:
//!
//! ```no_run
//! # fn main() {
//! dbwarden_build::embed("migrations");
//! # }
//! ```
//!
//! and `dbwarden::embedded!()` in the program. A build script, since a macro on stable Rust cannot say that it depends on a
//! directory: a file that is added would not be seen.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Compiles the `.sql` files of `directory`, and each `metadata.toml` beside them, relative to the package's folder, into the program, and has cargo build again when
/// one is added, changed or removed.
///
/// # Panics
/// When the directory cannot be read, which ends the build with the reason.
#[expect(clippy::panic, reason = "a build script says what is wrong by ending the build")]
pub fn embed(directory: impl AsRef<Path>) {
    if let Err(reason) = try_embed(directory.as_ref()) {
        panic!("{reason}");
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "this is how cargo speaks with a build script"
)]
fn try_embed(directory: &Path) -> Result<(), String> {
    let variable =
        |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: call this from build.rs"));
    let directory = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join(directory);
    let out = PathBuf::from(variable("OUT_DIR")?).join("dbwarden_embedded.rs");
    // Cargo looks at everything below a directory that is named.
    println!("cargo::rerun-if-changed={}", directory.display());
    let text =
        list(&directory).map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
    fs::write(&out, text).map_err(|error| format!("{} cannot be written: {error}", out.display()))
}

/// Returns the Rust text of the slice of files.
fn list(directory: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    walk(directory, "", &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for (name, path) in files {
        writeln!(
            text,
            "    ::dbwarden::migration::source::EmbeddedFile {{ name: {name:?}, bytes: include_bytes!({:?}) }},",
            path.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    text.push(']');
    Ok(text)
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        let shown = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            walk(&path, &shown, files)?;
        } else if is_read(&name.to_ascii_lowercase()) {
            files.push((shown, fs::canonicalize(&path)?));
        }
    }
    Ok(())
}

/// Whether a file called `name` is a script, or stands beside `up.sql` and says how it is run.
fn is_read(name: &str) -> bool {
    name.ends_with(".sql") || name == "metadata.toml"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_in_order_with_their_place() {
        let folder = std::env::temp_dir().join(format!("dbwarden-build-{}", std::process::id()));
        fs::create_dir_all(folder.join("b/0004_w")).unwrap();
        let scripts =
            ["0002_y.sql", "b/0003_z.SQL", "b/0004_w/up.sql", "b/0004_w/metadata.toml", "0001_x.sql"];
        for name in scripts.into_iter().chain(["notes.txt", "b/Cargo.toml", ".hidden.sql"]) {
            fs::write(folder.join(name), "SELECT 1;").unwrap();
        }
        let text = list(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(
            names,
            ["0001_x.sql", "0002_y.sql", "b/0003_z.SQL", "b/0004_w/metadata.toml", "b/0004_w/up.sql"]
        );
        assert!(text.starts_with("&[") && text.ends_with(']'));
    }
}
