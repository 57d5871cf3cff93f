//! What to type next where a proof has no database to be made on, or leaves one.

use dbwarden::ops::scratch::ScratchError;

/// What to type next.
pub(super) fn after(error: &ScratchError) -> String {
    match error {
        ScratchError::Rights { grant: Some(grant), .. } => {
            format!("have an administrator run `{grant}`; or name an empty database with `--scratch URL`")
        }
        ScratchError::Rights { right, .. } => {
            format!(
                "have an administrator give this account {right}; or name an empty database with `--scratch URL`"
            )
        }
        ScratchError::OtherEngine { .. } | ScratchError::Itself { .. } | ScratchError::InMemory => {
            "name an empty database of the deployment's engine with `--scratch URL`, or leave it out"
                .to_owned()
        }
        ScratchError::NotEmpty { .. } => {
            "name an empty one with `--scratch URL`, or empty it: nothing in it was changed".to_owned()
        }
        ScratchError::Folder { .. } => {
            "make room there, or set TMPDIR to another folder; or name a file with `--scratch URL`".to_owned()
        }
        ScratchError::Stays { made: true, .. } => "drop it by hand: nothing else uses it".to_owned(),
        ScratchError::Stays { .. } => "empty it by hand before it is used again".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use dbwarden::database::Database;
    use dbwarden::driver::{DriverError, DriverErrorKind};

    use super::*;

    #[test]
    fn each_has_a_way_on() {
        let target = || "app@localhost:5432/shop".to_owned();
        let denied = || DriverError::new(DriverErrorKind::Rights, "permission denied to create database");
        let right = "CREATEDB";
        let grant = Some("ALTER ROLE app CREATEDB".to_owned());
        let stays =
            |made| ScratchError::Stays { target: target(), reason: "it has table orders".to_owned(), made };
        let all = [
            ScratchError::Rights { target: target(), right, grant, error: denied() },
            ScratchError::Rights { target: target(), right, grant: None, error: denied() },
            ScratchError::OtherEngine {
                target: target(),
                given: Database::Postgres,
                database: Database::Sqlite,
            },
            ScratchError::Itself { target: target() },
            ScratchError::InMemory,
            ScratchError::NotEmpty { target: target(), found: vec!["table orders".to_owned()] },
            ScratchError::Folder { folder: "/tmp".into(), error: std::io::Error::other("no room") },
            stays(true),
            stays(false),
        ];
        let said = all.iter().map(|error| format!("{}: {error}\n  next: {}", error.code(), after(error)));
        insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"));
    }
}
