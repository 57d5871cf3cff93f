//! A file that is added, changed or removed is seen by the next build, on stable Rust: with a real cargo project.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project that prints the names and first words of the files it was built with. Its `dbwarden` is the one type that
/// `embedded!` needs, so that the build takes seconds.
fn project() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rebuild-{}", std::process::id()));
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let build = env!("CARGO_MANIFEST_DIR");
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
             dbwarden = {{ path = \"dbwarden\" }}\n[build-dependencies]\ndbwarden-build = {{ path = {build:?} }}\n"
        ),
    );
    write("dbwarden/Cargo.toml", "[package]\nname = \"dbwarden\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
    write(
        "dbwarden/src/lib.rs",
        "pub mod migration { pub mod source { pub struct EmbeddedFile { pub name: &'static str, pub bytes: &'static [u8] } } }",
    );
    write("build.rs", "fn main() { dbwarden_build::embed(\"migrations\"); }");
    write(
        "src/main.rs",
        "static FILES: &[dbwarden::migration::source::EmbeddedFile] = include!(concat!(env!(\"OUT_DIR\"), \"/dbwarden_embedded.rs\"));\n\
         fn main() { for file in FILES { println!(\"{} {}\", file.name, String::from_utf8_lossy(file.bytes)); } }",
    );
    write("migrations/0001_a.sql", "one");
    root
}

fn run(root: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", root.join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_file_that_is_added_changed_or_removed_is_seen_by_the_next_build() {
    let root = project();
    let settle = || std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(run(&root), "0001_a.sql one\n");
    // Cargo compares times of files, which some file systems keep in whole seconds.
    settle();
    fs::create_dir_all(root.join("migrations/more")).unwrap();
    fs::write(root.join("migrations/more/0002_b.sql"), "two").unwrap();
    assert_eq!(run(&root), "0001_a.sql one\nmore/0002_b.sql two\n");
    settle();
    fs::write(root.join("migrations/0001_a.sql"), "uno").unwrap();
    assert_eq!(run(&root), "0001_a.sql uno\nmore/0002_b.sql two\n");
    settle();
    fs::remove_file(root.join("migrations/0001_a.sql")).unwrap();
    assert_eq!(run(&root), "more/0002_b.sql two\n");
    fs::remove_dir_all(root).ok();
}
