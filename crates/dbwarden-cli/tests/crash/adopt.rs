//! `adopt` is killed at each point, and then `migrate` is run, as a deployment would: it may go on behind what was taken over, or
//! refuse, and never begin anew.

use testkit::{Database, Engine, Program};

use crate::BINARY;
use crate::scenarios::{applied_by, python, strata};

fn then_migrate(engine: Engine, tables: fn(&Database), rows: &str) {
    let template = Database::new(engine);
    applied_by(&template, tables);
    let undisturbed = template.copy();
    let file = undisturbed.folder().join("points");
    Program::new(BINARY, &undisturbed).telling_points(&file).run(&["adopt"]).expect(0);
    let points: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    let (mut refused, mut went_on) = (0, 0);
    for (index, point) in points.iter().enumerate() {
        let time = points[..=index].iter().filter(|other| *other == point).count();
        let place = format!("{point}:{time}");
        let database = template.copy();
        let program = Program::new(BINARY, &database);
        let killed = program.ending_at(&place).run(&["adopt"]);
        assert!(killed.was_killed(), "not killed at {place}: {}", killed.stderr);
        let first = program.run(&["migrate"]);
        match first.code {
            Some(0) => went_on += 1,
            Some(6) => {
                refused += 1;
                assert!(first.stderr.contains("dbwarden adopt"), "killed at {place}: {}", first.stderr);
                program.run(&["adopt"]).expect(0);
                program.run(&["migrate"]).expect(0);
            }
            _ => panic!("killed at {place}, migrate ended with {:?}: {}", first.code, first.stderr),
        }
        assert_eq!(database.versions(), ["0001", "0002", "0003"], "killed at {place}");
        assert_eq!(database.rows("SELECT what FROM log"), ["orders"], "killed at {place}");
        assert_eq!(database.rows(rows).len(), 2, "killed at {place}");
    }
    println!("{} kills: migrate refused {refused} times and went on {went_on} times", points.len());
    // Behind the commit, and before it.
    assert!(went_on >= 2 && refused >= 5, "{refused} refused, {went_on} went on");
}

fn both(engine: Engine) {
    then_migrate(engine, strata, "SELECT version FROM strata_migrations");
    then_migrate(engine, python, "SELECT filename FROM dbwarden_migrations_python");
}

#[test]
fn migrate_after_a_killed_adopt_on_sqlite() {
    both(Engine::Sqlite);
}

#[test]
fn migrate_after_a_killed_adopt_on_postgres() {
    both(Engine::Postgres);
}

#[test]
fn migrate_after_a_killed_adopt_on_scripted_cockroach() {
    both(Engine::Scripted);
}

#[test]
fn migrate_after_a_killed_adopt_on_mariadb() {
    both(Engine::Mariadb);
}

#[test]
#[cfg(feature = "duckdb")]
fn migrate_after_a_killed_adopt_on_duckdb() {
    both(Engine::Duckdb);
}
