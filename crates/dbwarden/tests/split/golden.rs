//! Golden files.

use std::fs;
use std::path::{Path, PathBuf};

use dbwarden::sql::{Reader, Rules, Syntax};

use super::show::{Dribble, collect, events, show};

pub(crate) const DIALECTS: [(&str, Syntax); 4] = [
    ("sqlite", Syntax::Sqlite),
    ("postgres", Syntax::Postgres),
    ("mysql", Syntax::Mysql),
    ("duckdb", Syntax::Duckdb),
];

/// The scripts of a dialect, by path.
pub(crate) fn scripts(dialect: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/split").join(dialect);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for golden in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "golden")) {
        assert!(golden.with_extension("sql").exists(), "{} has no script", golden.display());
    }
    paths.retain(|path| path.extension().is_some_and(|e| e == "sql"));
    paths
}

/// A script's `sql_mode`s stand in its name.
pub(crate) fn rules(syntax: Syntax, path: &Path) -> Rules {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut rules = Rules::new(syntax);
    rules.ansi_quotes = name.contains("ansi_quotes");
    rules.no_backslash_escapes = name.contains("no_backslash_escapes");
    rules
}

#[test]
fn every_script_splits_as_its_golden_file_says() {
    let mut wrong = String::new();
    let mut count = 0;
    for (dialect, syntax) in DIALECTS {
        let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("split").join(dialect);
        fs::create_dir_all(&found).unwrap();
        for path in scripts(dialect) {
            count += 1;
            let bytes = fs::read(&path).unwrap();
            let actual = show(&events(&bytes, rules(syntax, &path)));
            let golden = path.with_extension("golden");
            fs::write(found.join(golden.file_name().unwrap()), &actual).unwrap();
            match fs::read_to_string(&golden) {
                Ok(expected) if expected == actual => {}
                Ok(expected) => {
                    wrong += &format!("{}\n--- golden\n{expected}--- found\n{actual}\n", path.display());
                }
                Err(_) => wrong += &format!("{} has no golden file\n", path.display()),
            }
        }
    }
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("split");
    assert!(wrong.is_empty(), "{wrong}\nwhat was found is in {}", found.display());
    assert!(count >= 60, "only {count} scripts");
}

#[test]
fn the_size_of_buffer_and_reads_makes_no_difference() {
    for (dialect, syntax) in DIALECTS {
        for path in scripts(dialect) {
            let bytes = fs::read(&path).unwrap();
            let rules = rules(syntax, &path);
            let expected = events(&bytes, rules);
            for capacity in [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 23, 32, 47, 64, 100, 128, 300] {
                let reader = Reader::new(Dribble(&bytes), rules).with_capacity(capacity);
                assert_eq!(collect(reader), expected, "{} with {capacity} bytes", path.display());
            }
        }
    }
}
