//! The passwords that tests use, and that nothing the program prints or writes may contain.
//!
//! Each server and role of the kit makes its own known. Looked through is what every started program prints, the files it leaves in
//! its folder, what the tests read back from the records, and what the library's verbs return.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Shorter ones may stand in a text by chance.
const LONG_ENOUGH: usize = 12;

/// Makes a password known.
pub fn know(password: &str) {
    if password.len() >= LONG_ENOUGH {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(password.to_owned());
    }
}

/// Sees that `text` holds no known password.
///
/// # Panics
/// Where it does; the message names `what` it is, and not the password.
#[track_caller]
pub fn none_in(what: &str, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    for password in known.iter() {
        let found = text.windows(password.len()).position(|part| part == password.as_bytes());
        if let Some(at) = found {
            let before = String::from_utf8_lossy(&text[at.saturating_sub(80)..at]).into_owned();
            drop(known);
            panic!("a password is in {what}, behind {before:?}");
        }
    }
}

/// Sees that no file in `folder` holds one, but for settings and migrations, which the tests write themselves.
///
/// # Panics
/// As [`none_in`].
#[track_caller]
pub fn none_below(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path.ends_with("migrations") => {}
            Ok(kind) if kind.is_dir() => none_below(&path),
            Ok(kind) if kind.is_file() && !is_settings(&path) => {
                none_in(&format!("the file {}", path.display()), std::fs::read(&path).unwrap_or_default());
            }
            _ => {}
        }
    }
}

fn is_settings(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|end| end == "toml" || end == "pgpass")
        || name == ".pgpass"
        || name.starts_with(".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a password is in what was printed, behind \"postgresql://app:\"")]
    fn a_password_is_found() {
        know("only-in-this-test-7f3a");
        none_in("what was printed", "postgresql://app:only-in-this-test-7f3a@host/shop");
    }

    #[test]
    #[should_panic(expected = "a password is in the file")]
    fn a_password_is_found_in_a_file() {
        know("only-in-this-test-91bc");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("backups")).unwrap();
        std::fs::write(folder.path().join("warden.toml"), "only-in-this-test-91bc").unwrap();
        none_below(&folder.path().join("backups"));
        std::fs::write(folder.path().join("backups/a.json"), "{\"by\": \"only-in-this-test-91bc\"}").unwrap();
        none_below(folder.path());
    }
}
