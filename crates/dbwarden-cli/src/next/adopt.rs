//! What to type after records that are another tool's.

use dbwarden::adopt::AdoptError;

/// The command that looks at what another tool recorded.
pub(crate) const LOOK: &str =
    "`dbwarden adopt --dry-run` shows what that tool has applied, and `dbwarden adopt` takes it over";

pub(super) fn after(error: &AdoptError) -> String {
    match error {
        AdoptError::Nothing { other: Some(_), .. } => {
            "`dbwarden stamp REV` records what that tool has applied already".to_owned()
        }
        AdoptError::Nothing { .. } => "`dbwarden status` shows what is in the database".to_owned(),
        AdoptError::UnknownTool { .. } => "`dbwarden adopt` finds the tool by its tables".to_owned(),
        AdoptError::SeveralTools { first, .. } => format!("name one: `dbwarden adopt --from {first}`"),
        AdoptError::OldLock { free, .. } => {
            format!("let that run end; where it is gone, release its lock by its own command or with `{free}`")
        }
        AdoptError::NoFile { rows } if rows.iter().any(|row| row.table.eq_ignore_ascii_case("alembic_version")) => {
            "write a file with a `-- revision: ID` header for each of these, and for what they stand on: Alembic's own scripts are not read"
                .to_owned()
        }
        AdoptError::NoFile { .. } => {
            "put these files back; or, where the rows are wrong, delete them there, and run the same command again"
                .to_owned()
        }
        AdoptError::TwoHistories { rows, .. } => format!(
            "a version from 0.8 on reads the latter alone: where it is right, drop {} and run the same command again",
            rows.first().map_or("the former", |row| row.table.as_str())
        ),
        AdoptError::Differs { files, .. } if files.iter().all(|file| file.of_nothing) => {
            "where its statements were run another way, `dbwarden adopt --no-proof` takes it over as it stands; where not, delete its row"
                .to_owned()
        }
        AdoptError::Differs { files, .. } if files.iter().all(|file| file.too_long) => {
            "where the file is what was applied, `dbwarden adopt --no-proof` takes it over as it stands".to_owned()
        }
        AdoptError::Differs { .. } => {
            "put the file back as it was applied; or, where it is, `dbwarden adopt --no-proof`: that tool's version may split files in a way that is not known here"
                .to_owned()
        }
        AdoptError::Recorded { .. } => {
            "`dbwarden status` shows what ours say; `dbwarden stamp --only REV` adds one to them that is applied, and was not undone since"
                .to_owned()
        }
        AdoptError::AsideTaken { aside, .. } => {
            format!("look what is in {aside}, and give it another name")
        }
        AdoptError::Unknown { .. } => "`dbwarden adopt` finds out, and goes on".to_owned(),
        _ => "look at both tables, then run the same command again".to_owned(),
    }
}
