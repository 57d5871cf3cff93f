//! What keeps a backup from being made or brought back.

use insta::assert_snapshot;

use crate::sandbox::{CUSTOMERS, Sandbox};

/// One migration applied, and one backup; its name.
fn backed_up() -> (Sandbox, String) {
    let sandbox = Sandbox::holding(&[("0001_create_customers.sql", CUSTOMERS)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["backup"]).exits(0);
    let mut names: Vec<String> = std::fs::read_dir(sandbox.path("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".db"))
        .collect();
    assert_eq!(names.len(), 1);
    (sandbox, names.remove(0))
}

/// What `restore` says of `name`, which is then called `[backup]`.
fn said(sandbox: &Sandbox, exit: i32, name: &str, options: &[&str]) -> String {
    let mut arguments = vec!["restore", name];
    arguments.extend(options);
    sandbox.refuses(exit, &arguments).transcript.replace(name, "[backup]")
}

#[test]
fn one_that_is_not_what_was_written() {
    let (sandbox, name) = backed_up();
    let path = format!("backups/{name}");
    let mut bytes = std::fs::read(sandbox.path(&path)).unwrap();
    bytes[5000] ^= 1;
    sandbox.write(&path, bytes);
    let mut all = vec![said(&sandbox, 5, &name, &[])];
    sandbox.write(&format!("{path}.json"), "{}");
    all.push(said(&sandbox, 5, &name, &[]));
    all.push(sandbox.run(&["backups"]).exits(0).transcript.replace(&name, "[backup]"));
    std::fs::remove_file(sandbox.path(&format!("{path}.json"))).unwrap();
    all.push(said(&sandbox, 6, &name, &[]));
    sandbox.write(&path, "no database");
    all.push(said(&sandbox, 5, &name, &["--unrecorded"]));
    all.push(said(&sandbox, 2, "other.db", &[]));
    assert_snapshot!(all.join("\n"));
}

#[test]
fn one_of_another_database() {
    let (sandbox, name) = backed_up();
    let mut all = vec![said(&sandbox, 6, &name, &["--url", "sqlite:///other.db"])];
    all.push(said(&sandbox, 2, &name, &["--url", "postgresql://app@localhost/shop"]));
    assert_snapshot!(all.join("\n"));
    let restored = sandbox.run(&["restore", &name, "--url", "sqlite:///other.db", "--yes"]).exits(0);
    assert!(restored.out.contains("now at 0001"), "{}", restored.out);
}

#[test]
fn a_protected_database() {
    let (sandbox, name) = backed_up();
    let lines =
        "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\nprotected = true\n";
    sandbox.write("warden.toml", lines);
    assert_snapshot!(said(&sandbox, 6, &name, &[]));
    sandbox.run(&["restore", &name, "--yes"]).exits(0);
}

#[test]
fn a_rollback_that_wants_a_backup() {
    let sandbox = Sandbox::holding(&[("0001_create_customers.sql", CUSTOMERS)]);
    let lines = "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\n\
                 [databases.primary.safety]\nrequire_backup_within = \"24h\"\n";
    sandbox.write("warden.toml", lines);
    sandbox.run(&["migrate"]).exits(0);
    assert_snapshot!(sandbox.refuses(6, &["rollback"]).transcript);
    sandbox.run(&["backup"]).exits(0);
    sandbox.run(&["rollback"]).exits(0);
    sandbox.run(&["migrate"]).exits(0);
    std::fs::remove_dir_all(sandbox.path("backups")).unwrap();
    sandbox.refuses(6, &["rollback"]);
    sandbox.run(&["rollback", "--with-backup"]).exits(0);
}

#[test]
fn a_rollback_that_wants_a_backup_in_another_directory() {
    let sandbox = Sandbox::holding(&[("0001_create_customers.sql", CUSTOMERS)]);
    let lines = "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\n\
                 [databases.primary.safety]\nrequire_backup_within = \"24h\"\n";
    sandbox.write("warden.toml", lines);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["backup", "--backup-dir", "elsewhere"]).exits(0);
    let mut said = vec![sandbox.refuses(6, &["rollback"]).transcript];
    said.push(sandbox.refuses(6, &["rollback", "--backup-dir", "nowhere"]).transcript);
    // One that was cut short is no backup.
    let file = std::fs::read_dir(sandbox.path("elsewhere")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..4096]).unwrap();
    said.push(sandbox.refuses(6, &["rollback", "--backup-dir", "elsewhere"]).transcript);
    std::fs::write(&file, whole).unwrap();
    sandbox.run(&["rollback", "--backup-dir", "elsewhere"]).exits(0);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn nothing_to_back_up() {
    let sandbox = Sandbox::new();
    let all = [
        sandbox.refuses(1, &["backup"]).transcript,
        sandbox.refuses(1, &["backup", "--url", "sqlite::memory:"]).transcript,
        sandbox.run(&["backups"]).exits(0).transcript,
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
#[cfg(unix)]
fn a_migration_that_fails_behind_a_backup() {
    let sandbox = Sandbox::holding(&[
        ("0001_create_customers.sql", CUSTOMERS),
        ("0002_wrong.sql", "SELECT nothing;\n"),
    ]);
    let ran = sandbox.run(&["migrate", "--with-backup"]).exits(1);
    let name = std::fs::read_dir(sandbox.path("backups")).unwrap().map(|entry| entry.unwrap().file_name());
    let name =
        name.map(|name| name.to_string_lossy().into_owned()).find(|name| name.ends_with(".db")).unwrap();
    assert_snapshot!(ran.transcript.replace(&name, "[backup]"));
}
