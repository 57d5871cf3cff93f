//! What was typed of `migrate`, `rollback` and their likes for seeds, for the same command in a next step. What a person agreed to (`--yes`,
//! `--no-safety-check`) or decided of one statement (`--resume`) is not repeated for them.

use dbwarden::migration::graph::Target;

use crate::args::{Command, Global, Seed};
use crate::next::quoted;

/// The options of the command that was typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repeated {
    verb: &'static str,
    target: Option<Target>,
    count: Option<u64>,
    rest: String,
    /// So many migrations of what was asked for are done.
    pub(crate) done: u64,
}

impl Repeated {
    /// Returns what of `command` may be repeated.
    pub(crate) fn of(command: &Command, global: &Global) -> Self {
        let mut rest = String::new();
        let mut flags = |given: &[(bool, &str)]| {
            for (_, name) in given.iter().filter(|(given, _)| *given) {
                rest.push(' ');
                rest.push_str(name);
            }
        };
        let (verb, target, count, (with_backup, backup_dir)) = match command {
            Command::Migrate(args) => {
                flags(&[
                    (args.baseline, "--baseline"),
                    (args.strict, "--strict"),
                    (args.single_transaction, "--single-transaction"),
                    (args.no_seeds, "--no-seeds"),
                ]);
                for tag in &args.tag {
                    rest.push_str(&format!(" --tag {}", quoted(tag)));
                }
                (
                    "migrate",
                    args.revision.as_ref().or(args.to_version.as_ref()),
                    args.count,
                    (args.before.with_backup, &args.before.backup_dir),
                )
            }
            Command::Rollback(args) => (
                "rollback",
                args.revision.as_ref().or(args.to_version.as_ref()),
                args.count,
                (args.before.with_backup, &args.before.backup_dir),
            ),
            Command::Seed { command: Seed::Apply(args) } => {
                for tag in &args.tag {
                    rest.push_str(&format!(" --tag {}", quoted(tag)));
                }
                let before = (args.before.with_backup, &args.before.backup_dir);
                ("seed apply", args.to_version.as_ref(), args.count, before)
            }
            Command::Seed { command: Seed::Rollback(args) } => {
                let before = (args.before.with_backup, &args.before.backup_dir);
                ("seed rollback", args.to_version.as_ref(), args.count, before)
            }
            _ => return Self::default(),
        };
        if with_backup {
            rest.push_str(" --with-backup");
        }
        if let Some(directory) = backup_dir {
            rest.push_str(&format!(" --backup-dir {}", quoted(&directory.display().to_string())));
        }
        if let Some(wait) = global.lock_wait {
            rest.push_str(&format!(" --lock-wait {}ms", wait.as_millis()).replace("000ms", "s"));
        }
        Self { verb, target: target.cloned(), count, rest, done: 0 }
    }

    /// Puts the verb that was typed into `next`, which goes on with a migration that stopped: seeds alone are gone on with alone.
    pub(crate) fn goes_on(&self, next: &str) -> String {
        match self.verb {
            "seed apply" => next.replace("`dbwarden migrate", "`dbwarden seed apply"),
            "seed rollback" => next.replace("`dbwarden rollback", "`dbwarden seed rollback"),
            _ => next.to_owned(),
        }
    }

    /// Returns the options for `words`, a command without its program, with a space before each.
    pub(crate) fn options(&self, words: &str) -> String {
        let given = words.strip_prefix(self.verb).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        let Some(given) = given.filter(|_| !self.verb.is_empty()) else { return String::new() };
        let own = given.split(' ').any(|word| word == "-t" || word == "-c");
        let target = match (&self.target, self.count) {
            _ if own => String::new(),
            (Some(Target::Relative(steps)), _) => {
                let left = steps.unsigned_abs().saturating_sub(self.done).max(1);
                let sign = if *steps < 0 { '-' } else { '+' };
                format!(" -t {sign}{left}")
            }
            (Some(target), _) => format!(" -t {}", quoted(&target.to_string())),
            (None, Some(count)) => format!(" -c {}", count.saturating_sub(self.done).max(1)),
            (None, None) => String::new(),
        };
        target + &self.rest
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn typed(words: &str, done: u64, next: &str) -> String {
        let cli = Cli::parse_from(words.split(' '));
        Repeated { done, ..Repeated::of(&cli.command, &cli.global) }.options(next)
    }

    #[test]
    fn what_was_typed_is_repeated_for_the_same_command() {
        for (words, done, next, said) in [
            ("dbwarden migrate -t 0003 --tag demo,old", 1, "migrate", " -t 0003 --tag demo --tag old"),
            ("dbwarden upgrade head --no-seeds --strict", 0, "migrate", " -t head --strict --no-seeds"),
            ("dbwarden migrate -c 3 --with-backup", 1, "migrate", " -c 2 --with-backup"),
            ("dbwarden migrate -t +3 --baseline", 2, "migrate", " -t +1 --baseline"),
            (
                "dbwarden rollback -t -3 --with-backup --backup-dir /b",
                1,
                "rollback",
                " -t -2 --with-backup --backup-dir /b",
            ),
            (
                "dbwarden rollback -c 2 --lock-wait 10m --yes --resume=skip",
                0,
                "rollback --resume=retry",
                " -c 2 --lock-wait 600s",
            ),
            ("dbwarden migrate -t 0003 --lock-wait 1500ms", 0, "migrate", " -t 0003 --lock-wait 1500ms"),
            ("dbwarden migrate -t 0003", 0, "rollback -t 0003", ""),
            ("dbwarden migrate -t 0003 --tag demo", 0, "migrate -t 0002", " --tag demo"),
            ("dbwarden migrate --dry-run", 0, "migrate", ""),
            ("dbwarden seed apply --tag demo -c 3", 1, "seed apply", " -c 2 --tag demo"),
            ("dbwarden seed rollback -t 0002", 0, "seed rollback --resume=skip", " -t 0002"),
            ("dbwarden seed rollback -c 2", 0, "rollback", ""),
            ("dbwarden rollback -t 0002", 0, "rollback -c 1", ""),
            ("dbwarden status --tag demo", 0, "migrate", ""),
        ] {
            assert_eq!(typed(words, done, next), said, "{words}, then {next}");
        }
    }
}
