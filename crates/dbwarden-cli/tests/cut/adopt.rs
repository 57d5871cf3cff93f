//! `adopt` is cut: what it says is true, and the next one comes to the end.

use testkit::{Database, Engine, Loss, Program, Proxy};

use crate::scenarios::{applied_by, python, strata};
use crate::{BINARY, terminate};

fn ended_at_every_point(engine: Engine, tables: fn(&Database)) {
    let template = Database::new(engine);
    applied_by(&template, tables);
    let undisturbed = template.copy();
    let file = undisturbed.folder().join("points");
    Program::new(BINARY, &undisturbed).telling_points(&file).run(&["adopt"]).expect(0);
    let points = std::fs::read_to_string(file).unwrap();
    let points: Vec<_> = points.lines().collect();
    for (index, point) in points.iter().enumerate() {
        let time = points[..=index].iter().filter(|other| *other == point).count();
        let place = format!("{point}:{time}");
        let database = template.copy();
        let program = Program::new(BINARY, &database);
        let paused = program.ending_at(format!("pause:{place}")).start(&["adopt"]);
        paused.wait_until_stopped();
        terminate(&database);
        paused.go_on();
        let ran = paused.finish();
        let known =
            matches!(ran.code, Some(0)) || ran.code == Some(1) && ran.stderr.contains("error[connection]");
        assert!(known, "ended at {place}: {:?} {}", ran.code, ran.stderr);
        // Until it is set aside, the table of that name may be the old program's.
        let is_ours = format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema IN ('public', '{}') \
             AND table_name = 'dbwarden_migrations' AND column_name = 'run_id'",
            database.owned().name()
        );
        let recorded = !database.rows(&is_ours).is_empty()
            && !database.rows("SELECT run_id FROM dbwarden_migrations LIMIT 1").is_empty();
        assert_eq!(ran.succeeded(), recorded, "ended at {place}: {}", ran.stderr);
        program.run(&["adopt"]).expect(0);
        program.run(&["migrate"]).expect(0);
        assert_eq!(database.versions(), ["0001", "0002", "0003"], "ended at {place}");
        assert_eq!(database.rows("SELECT what FROM log"), ["orders"], "ended at {place}");
    }
    println!("{engine:?}: ended at {} points", points.len());
}

#[test]
fn adopt_is_ended_at_every_point_on_postgres() {
    ended_at_every_point(Engine::Postgres, strata);
    ended_at_every_point(Engine::Postgres, python);
}

#[test]
fn adopt_is_ended_at_every_point_on_mariadb() {
    ended_at_every_point(Engine::Mariadb, strata);
    ended_at_every_point(Engine::Mariadb, python);
}

/// `adopt` on PostgreSQL, whose answer to the COMMIT behind its rows is lost.
fn answer_lost(blind: bool) {
    let database = Database::new(Engine::Postgres);
    applied_by(&database, strata);
    let server = database.owned().server();
    let proxy = Proxy::before(([127, 0, 0, 1], server.port()).into());
    let url = server.through("127.0.0.1", proxy.port()).url(database.owned().name());
    let program = Program::new(BINARY, &database).on(url);
    let paused = program.ending_at("pause:renewed:1").start(&["adopt"]);
    paused.wait_until_stopped();
    proxy.lose_answer_to("COMMIT", Loss::Cut);
    let allow = |whether| {
        server.shell("", &format!("ALTER DATABASE {} ALLOW_CONNECTIONS {whether};", database.owned().name()));
    };
    if blind {
        allow(false);
    }
    paused.go_on();
    let ran = paused.finish();
    if blind {
        allow(true);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("error[connection]: whether that was committed is not known"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    } else {
        assert!(ran.succeeded(), "what is committed is recorded: {}", ran.stderr);
    }
    assert_eq!(database.versions(), ["0001", "0002"]);
    let again = program.run(&["adopt"]).expect(0);
    assert!(again.stdout.contains("all of it is recorded"), "{}", again.stdout);
}

#[test]
fn the_answer_to_the_commit_of_adopt_is_lost() {
    answer_lost(false);
    answer_lost(true);
}
