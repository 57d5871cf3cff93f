//! Hooks around each migration, in Rust and as commands of the settings.

use std::sync::{Arc, Mutex};

use dbwarden::apply::failure::StepError;
use dbwarden::apply::hooks::{Hook, HookOutcome, Moment};
use dbwarden::apply::run::{Event, Silent, StepReport};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp};
use dbwarden::project::Hooks;
use testkit::on_every_database;

use crate::{LOG, code, deployment, log};

/// Writes down how it is called; fails before the migration that it dislikes.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>, &'static str);

impl Diary {
    fn note(&self, moment: &Moment<'_>, what: &str) {
        self.0.lock().unwrap().push(format!("{what} {} {:?}", moment.step.id, moment.step.action));
    }

    fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Hook for Diary {
    fn before(&self, moment: &mut Moment<'_>) -> HookOutcome {
        self.note(moment, "before");
        if moment.step.id.as_str() == self.1 { Err("not today".into()) } else { Ok(()) }
    }

    fn after(&self, moment: &mut Moment<'_>, report: &StepReport) -> HookOutcome {
        assert_eq!(report.version, moment.step.id);
        moment.says(format!("after {}", report.version));
        self.note(moment, "after");
        if self.1 == "after" { Err("nobody there".into()) } else { Ok(()) }
    }

    fn failed(&self, moment: &mut Moment<'_>, error: &StepError) -> HookOutcome {
        self.note(moment, &format!("failed ({})", error.statement));
        Ok(())
    }
}

const SECOND: (&str, &str) = (
    "0002_two.sql",
    "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log WHERE what = '2';\n",
);

on_every_database! {
    fn each_migration_that_runs_calls_them(database) {
        database.write(&[LOG, SECOND]);
        let diary = Diary::default();
        let hooked = || {
            let mut deployment = deployment(&database);
            deployment.hooks.push(Arc::new(diary.clone()));
            deployment
        };
        let mut said = Vec::new();
        run(&mut hooked(), &MigrateOptions::default(), &mut |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                said.push(format!("{} {}", notice.level, notice.text));
            }
        }).unwrap();
        assert_eq!(diary.read(), ["before 0001 Apply", "after 0001 Apply", "before 0002 Apply", "after 0002 Apply"]);
        assert!(said.contains(&"HOOK after 0002".to_owned()), "{said:?}");
        back(&mut hooked(), &RollbackOptions::default(), &mut Silent).unwrap();
        assert_eq!(diary.read(), ["before 0002 Undo", "after 0002 Undo"]);
        let options = StampOptions { stamp: Stamp::Exactly("head".parse().unwrap()), dry_run: false, agreed: true };
        stamp(&mut hooked(), &options, &mut Silent).unwrap();
        assert!(diary.read().is_empty());
        database.write(&[("0003_wrong.sql", "INSERT INTO log (what) VALUES ('3');\nINSERT INTO nowhere VALUES (1);\n")]);
        assert_eq!(code(run(&mut hooked(), &MigrateOptions::default(), &mut Silent)), "sql");
        let notes = diary.read();
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[1].starts_with("failed ("), "{notes:?}");
    }

    fn one_that_refuses_keeps_the_migration_from_being_run(database) {
        database.write(&[LOG, SECOND, ("0003_three.sql", "INSERT INTO log (what) VALUES ('3');\n")]);
        for single_transaction in [true, false] {
            let diary = Diary(Arc::default(), "0002");
            let mut deployment = deployment(&database);
            deployment.hooks.push(Arc::new(diary.clone()));
            // All in one: what went before is undone with it.
            let together = single_transaction && !database.commits_definitions();
            let options = MigrateOptions { single_transaction: together, ..MigrateOptions::default() };
            let error = run(&mut deployment, &options, &mut Silent).unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), ("hook", "the hook before it failed: not today"));
            if together {
                assert_eq!(diary.read(), ["before 0001 Apply", "before 0002 Apply", "failed (0) 0002 Apply"]);
            }
            let there = usize::from(!together || database.versions() == ["0001"]);
            assert_eq!((database.versions().len(), database.lock_owner()), (there, String::new()));
        }
        assert!(log(&database).is_empty());
    }

    fn one_that_fails_behind_the_commit_is_noted(database) {
        database.write(&[LOG]);
        let mut deployment = deployment(&database);
        deployment.hooks.push(Arc::new(Diary(Arc::default(), "after")));
        let report = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert!(report.notes.contains(&"the hook after 0001 failed: nobody there".to_owned()), "{:?}", report.notes);
        assert_eq!(database.versions(), ["0001"]);
    }

    fn one_that_fails_does_not_silence_those_behind_it(database) {
        database.write(&[LOG, ("0002_wrong.sql", "INSERT INTO nowhere VALUES (1);\n")]);
        let (first, second) = (Diary(Arc::default(), "after"), Diary(Arc::default(), "after"));
        let file = database.folder().join("heard");
        let mut deployment = deployment(&database);
        let commands = vec!["exit 3".to_owned(), format!("echo x >> '{}'; exit 4", file.display())];
        deployment.settings.hooks = Hooks { after: commands.clone(), failure: commands, ..Hooks::default() };
        deployment.hooks.push(Arc::new(first.clone()));
        deployment.hooks.push(Arc::new(second.clone()));
        let error = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        let notes = error.report().unwrap().notes.join("\n");
        let both = format!("`exit 3`: exit status: 3; `echo x >> '{}'; exit 4`: exit status: 4", file.display());
        assert!(notes.contains(&format!("the hook after 0001 failed: nobody there; nobody there; {both}")), "{notes}");
        assert!(notes.contains(&format!("the hook for the failure of 0002 failed: {both}")), "{notes}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\nx\n");
        assert_eq!(first.read(), second.read());
    }

    fn commands_get_a_document(database) {
        database.write(&[LOG, ("0002_wrong.sql", "INSERT INTO nowhere VALUES (1);\n")]);
        let diary = database.folder().join("diary").display().to_string();
        let mut deployment = deployment(&database);
        deployment.settings.hooks = Hooks {
            before: vec![format!("cat >> '{diary}'; echo >> '{diary}'; echo \"for $DBWARDEN_VERSION\"")],
            after: vec!["exit 3".to_owned()],
            failure: vec![format!("cat >> '{diary}'; echo >> '{diary}'")],
        };
        let mut said = Vec::new();
        let error = run(&mut deployment, &MigrateOptions::default(), &mut |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                said.push(notice.text.clone());
            }
        }).unwrap_err();
        assert_eq!(error.code(), "sql");
        assert!(said.contains(&"for 0002".to_owned()), "{said:?}");
        let notes = &error.report().unwrap().notes;
        assert!(notes.iter().any(|note| note.starts_with("the hook after 0001 failed: `exit 3`: exit status: 3")), "{notes:?}");
        let lines = std::fs::read_to_string(&diary).unwrap();
        let documents: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let short = |document: &serde_json::Value| {
            ["hook", "version", "direction", "kind"].map(|key| document[key].as_str().unwrap().to_owned()).join(" ")
        };
        assert_eq!(documents.iter().map(short).collect::<Vec<_>>(), ["before 0001 up versioned", "before 0002 up versioned", "failure 0002 up versioned"]);
        assert!(documents[2]["error"].as_str().unwrap().contains("nowhere"), "{lines}");
    }

    fn a_command_that_does_not_end_ends_with_the_run(database) {
        database.write(&[LOG]);
        let mut deployment = deployment(&database);
        // The shell waits for a child of its own.
        let pid = database.folder().join("pid");
        deployment.settings.hooks.before = vec![format!("sleep 600 & echo $! > '{}'; wait; true", pid.display())];
        let (cancel, path) = (deployment.cancel.clone(), pid.clone());
        let ran = std::thread::scope(|scope| {
            scope.spawn(move || {
                while !std::fs::read_to_string(&path).is_ok_and(|pid| pid.ends_with('\n')) {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                cancel.cancel();
            });
            run(&mut deployment, &MigrateOptions::default(), &mut Silent)
        });
        assert_eq!(code(ran), "interrupted");
        assert_eq!((database.versions().len(), database.lock_owner()), (0, String::new()));
        let pid = std::fs::read_to_string(pid).unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while lives(pid.trim()) {
            assert!(std::time::Instant::now() < until, "{pid} lives on");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Whether a process is there and has not ended: nobody may have asked yet how it ended.
fn lives(pid: &str) -> bool {
    let said = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(said.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}
