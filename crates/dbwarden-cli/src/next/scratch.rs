//! What to type next where a proof has no database to be made on, or leaves one.

use dbwarden::ops::scratch::ScratchError;

/// What to type next.
pub(super) fn after(error: &ScratchError) -> String {
    match error {
        ScratchError::Rights { grant: Some(grant), .. } => {
            format!(
                "have an administrator run `{grant}`; or name another server with `--scratch URL`, where one may be made"
            )
        }
        ScratchError::Rights { right, .. } => {
            format!(
                "have an administrator give this account {right}; or name another server with `--scratch URL`, where one may be made"
            )
        }
        ScratchError::OtherEngine { .. } => {
            "name a server of the deployment's engine with `--scratch URL`, or leave it out".to_owned()
        }
        ScratchError::NoServer { .. } => "leave --scratch out; TMPDIR names another folder".to_owned(),
        ScratchError::Folder { .. } => "make room there, or set TMPDIR to another folder".to_owned(),
        ScratchError::Stays { .. } => "drop it by hand: nothing else uses it".to_owned(),
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
        let all = [
            ScratchError::Rights { target: target(), right, grant, error: denied() },
            ScratchError::Rights { target: target(), right, grant: None, error: denied() },
            ScratchError::OtherEngine {
                target: target(),
                given: Database::Postgres,
                database: Database::Sqlite,
            },
            ScratchError::NoServer { database: Database::Sqlite },
            ScratchError::Folder { folder: "/tmp".into(), error: std::io::Error::other("no room") },
            ScratchError::Stays { target: target(), reason: "somebody is connected".to_owned() },
        ];
        let said = all.iter().map(|error| format!("{}: {error}\n  next: {}", error.code(), after(error)));
        insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"));
    }
}
