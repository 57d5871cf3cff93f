//! `cargo xtask docs`: the page of every command, taken from the command's own help, so that the two cannot differ.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::cargo::{build_dbwarden, root};
use crate::failure::{Failure, Outcome};

const PAGE: &str = "docs/reference/cli.md";
const PROGRAM: &str = "dbwarden";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (mut check, mut binary) = (false, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--binary" => {
                let path = rest.next().ok_or_else(|| Failure::usage("--binary wants a path"))?;
                binary =
                    Some(std::path::absolute(path).map_err(Failure::at("cannot find", Path::new(path)))?);
            }
            other => {
                return Err(Failure::usage(format!("docs takes --check and --binary PATH, not `{other}`")));
            }
        }
    }
    let binary = match binary {
        Some(binary) => binary,
        None => build_dbwarden("dev")?,
    };
    let page = page(&binary)?;
    let path = root().join(PAGE);
    if !check {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(Failure::at("cannot make", directory))?;
        }
        fs::write(&path, page).map_err(Failure::at("cannot write", &path))?;
        eprintln!("xtask: wrote {PAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let stands = match fs::read_to_string(&path) {
        Ok(stands) => stands,
        Err(error) => {
            return Err(Failure::new(format!("cannot read {PAGE}: {error}; `cargo xtask docs` writes it")));
        }
    };
    match difference(&stands, &page) {
        None => Ok(ExitCode::SUCCESS),
        Some(difference) => Err(Failure::new(format!(
            "{PAGE} is not what the command's help says now: {difference}\n`cargo xtask docs` writes it anew"
        ))),
    }
}

fn page(binary: &Path) -> Result<String, Failure> {
    let mut page = String::from(
        "<!-- Written by `cargo xtask docs` from the command's own help; change the help, not this page. -->\n\n# Commands\n",
    );
    let top = help(binary, &[])?;
    if subcommands(&top).is_empty() {
        return Err(Failure::new(format!("`{PROGRAM} --help` names no commands:\n{top}")));
    }
    add(&mut page, binary, &[], &top)?;
    Ok(page)
}

/// One command's section, then those of the commands under it.
fn add(page: &mut String, binary: &Path, path: &[&str], text: &str) -> Result<(), Failure> {
    let level = "#".repeat((path.len() + 1).clamp(2, 6));
    let name = std::iter::once(PROGRAM).chain(path.iter().copied()).collect::<Vec<_>>().join(" ");
    let _ = write!(page, "\n{level} `{name}`\n\n```text\n");
    for line in text.trim_end().lines() {
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page.push_str("```\n");
    for name in subcommands(text) {
        let path: Vec<&str> = path.iter().copied().chain([name]).collect();
        add(page, binary, &path, &help(binary, &path)?)?;
    }
    Ok(())
}

/// The help of a command, the same on every machine: no environment, no terminal, one width.
fn help(binary: &Path, path: &[&str]) -> Result<String, Failure> {
    let output = Command::new(binary)
        .args(path)
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::at("cannot start", binary))?;
    let called = format!("{PROGRAM} {} --help", path.join(" "));
    if !output.status.success() {
        return Err(Failure::new(format!(
            "`{called}` ended with {}:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{called}` printed what is not UTF-8")))
}

/// The commands a help text lists: under "Commands:", or under headings of its own such as "Start:", one a line,
/// two spaces in. Options, arguments and examples are lists too, and none of those.
fn subcommands(help: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut lists_commands = false;
    for line in help.lines() {
        if !line.is_empty() && !line.starts_with(char::is_whitespace) {
            lists_commands = line.trim_end().strip_suffix(':').is_some_and(|heading| {
                let heading = heading.to_ascii_lowercase();
                !["usage", "argument", "example"].iter().any(|other| heading.starts_with(other))
                    && !heading.ends_with("options")
            });
            continue;
        }
        let Some(entry) = line.strip_prefix("  ").filter(|entry| lists_commands && !entry.starts_with(' '))
        else {
            continue;
        };
        let name = entry.split([' ', ',']).next().unwrap_or_default();
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_name && name != "help" && name != PROGRAM && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The first place where two texts part.
fn difference(stands: &str, wanted: &str) -> Option<String> {
    if stands == wanted {
        return None;
    }
    let (mut old, mut new) = (stands.lines(), wanted.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some("the ends of its lines differ".into()),
            (old, new) if old == new => {}
            (old, new) => {
                let shown = |line: Option<&str>| line.map_or("the end".into(), |line| format!("{line:?}"));
                return Some(format!("line {number} is {}, the help has {}", shown(old), shown(new)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "\
Database migrations

Usage: dbwarden [OPTIONS] <COMMAND>

Commands:
  init             Writes the settings
  make-migrations  Writes what the models changed,
                   both ways [aliases: revision]
  help             Print this message

Options:
  -q, --quiet  Less
  -h, --help   Print help
";

    const GROUPED: &str = "\
Database migrations

Usage: dbwarden [OPTIONS] <COMMAND>

Start:
  init    Writes the settings
  doctor  Looks at the connection

Apply:
  migrate
          Applies what is pending

  rollback
          Takes one back

Global options:
      --json  One document

Examples:
  dbwarden migrate
  sh -c 'dbwarden migrate'
";

    #[test]
    fn commands_are_read_from_the_list_of_commands() {
        assert_eq!(subcommands(PLAIN), ["init", "make-migrations"]);
    }

    #[test]
    fn commands_are_read_from_groups() {
        assert_eq!(subcommands(GROUPED), ["init", "doctor", "migrate", "rollback"]);
    }

    #[test]
    fn a_command_without_commands_has_none() {
        let help = "Shows a revision\n\nUsage: dbwarden show <REV>\n\nArguments:\n  <REV>  a revision\n  rev\n\nOptions:\n  -h\n";
        assert!(subcommands(help).is_empty());
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").as_deref(), Some("line 2 is \"b\", the help has \"c\""));
        assert_eq!(difference("a\n", "a\nc\n").as_deref(), Some("line 2 is the end, the help has \"c\""));
        assert_eq!(difference("a", "a\n").as_deref(), Some("the ends of its lines differ"));
    }
}
