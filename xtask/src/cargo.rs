//! Cargo, called in the repository's root and with one target directory for all verbs.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use crate::failure::Failure;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    // At run time first: a target directory shared by two clones may hold the binary that the other one built.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = PathBuf::from(package);
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// `CARGO_TARGET_DIR`, else a directory outside the checkout, so that a clean checkout stays one.
pub(crate) fn target_directory() -> PathBuf {
    choose_target(env::var_os("CARGO_TARGET_DIR"), env::var_os("XDG_CACHE_HOME"), env::home_dir())
}

fn choose_target(set: Option<OsString>, cache: Option<OsString>, home: Option<PathBuf>) -> PathBuf {
    let filled = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(set) = filled(set) {
        return std::path::absolute(&set).unwrap_or(set);
    }
    filled(cache)
        .filter(|cache| cache.is_absolute())
        .or_else(|| home.map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("dbwarden")
        .join("target")
}

/// The cargo that started this program, in the root, with the target directory set.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).env("CARGO_TARGET_DIR", target_directory());
    command
}

/// Runs a step whose output the caller of the task is to see.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    eprintln!("xtask: {}", shown(command));
    command.status().map_err(|error| Failure::new(format!("cannot start {}: {error}", shown(command))))
}

/// The exit code to pass on for a program's end; one that a signal ended has none of its own.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().map_or(ExitCode::FAILURE, |code| u8::try_from(code).map_or(ExitCode::FAILURE, Into::into))
}

/// Builds the command `dbwarden` and returns its path.
pub(crate) fn build_dbwarden(profile: &str) -> Result<PathBuf, Failure> {
    let mut build = cargo(["build", "--profile", profile]);
    // The tests' own choice of features, so that what they built, or will build, is not built twice.
    build.args(match profile {
        "dev" => ["--workspace", "--all-features", "--bin", "dbwarden"].as_slice(),
        _ => &["--package", "dbwarden-cli"],
    });
    if !status(&mut build)?.success() {
        return Err(Failure::new("dbwarden does not build"));
    }
    // Cargo's name for the profile `dev` and for its directory differ.
    let directory = if profile == "dev" { "debug" } else { profile };
    let binary = target_directory().join(directory).join(format!("dbwarden{}", env::consts::EXE_SUFFIX));
    if binary.is_file() {
        Ok(binary)
    } else {
        Err(Failure::new(format!("dbwarden was built, but there is no {}", binary.display())))
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text += &argument.to_string_lossy();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(set: Option<&str>, cache: Option<&str>, home: Option<&str>) -> PathBuf {
        choose_target(set.map(Into::into), cache.map(Into::into), home.map(Into::into))
    }

    #[test]
    fn a_target_directory_that_is_set_is_taken_and_made_absolute() {
        assert_eq!(chosen(Some("/t"), Some("/c"), Some("/h")), Path::new("/t"));
        assert!(chosen(Some("t"), None, None).is_absolute());
    }

    #[test]
    fn without_one_it_stands_in_the_cache_directory() {
        assert_eq!(chosen(None, Some("/c"), Some("/h")), Path::new("/c/dbwarden/target"));
        assert_eq!(chosen(Some(""), None, Some("/h")), Path::new("/h/.cache/dbwarden/target"));
        // As the XDG text has it, a relative path there is to be ignored.
        assert_eq!(chosen(None, Some("c"), Some("/h")), Path::new("/h/.cache/dbwarden/target"));
    }

    #[test]
    fn a_command_is_shown_by_name_and_arguments() {
        let mut command = Command::new("/somewhere/cargo");
        command.args(["fmt", "--check"]);
        assert_eq!(shown(&command), "cargo fmt --check");
    }
}
