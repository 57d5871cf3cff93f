//! The comments that open a section, and those that nearly do.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Up,
    Down,
}

impl Section {
    pub(super) fn name(self) -> &'static str {
        match self {
            Section::Up => "upgrade",
            Section::Down => "rollback",
        }
    }
}

/// The section that a comment opens, where it is a marker.
pub(super) fn marker(comment: &str) -> Option<Section> {
    const MARKERS: &[(&str, Section)] = &[
        ("upgrade", Section::Up),
        ("forward migration", Section::Up),
        ("rollback", Section::Down),
        ("@undo", Section::Down),
        ("undo migration", Section::Down),
        ("down", Section::Down),
    ];
    let text = comment.strip_prefix("--")?.trim();
    // Nearly every comment is longer than any marker.
    if text.len() > 40 {
        return None;
    }
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    MARKERS.iter().find(|(name, _)| *name == plain).map(|(_, section)| *section)
}

/// The marker that a comment is meant to be, where it nearly is one: what stands behind a marker that is not seen would be run
/// as a part of the other section.
pub(super) fn nearly_marker(comment: &str) -> Option<&'static str> {
    const MEANT: &[(&str, &str)] = &[
        ("upgrade", "-- upgrade"),
        ("forwardmigration", "-- Forward migration"),
        ("rollback", "-- rollback"),
        ("undo", "-- @UNDO"),
        ("undomigration", "-- Undo migration"),
        ("down", "-- DOWN"),
        ("downgrade", "-- rollback"),
    ];
    let text = comment.strip_prefix("--")?.trim();
    if text.len() > 40 {
        return None;
    }
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let words = text.split_whitespace().filter(|word| word.contains(|c: char| c.is_ascii_alphanumeric()));
    let allowed = |name: &str| match name.len() {
        // A word such as "done" or "under" is no slip of the pen.
        0..=6 => 0,
        7 => 1,
        _ => 2,
    };
    let words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    // `-- Down Migration`, `-- rollback script`.
    if let [one, other] = &words[..]
        && [(one, other), (other, one)].iter().any(|(way, noun)| {
            ["down", "undo", "rollback", "downgrade", "revert"].contains(&way.as_str())
                && ["migration", "migrations", "script", "sql", "section", "part", "steps"]
                    .contains(&noun.as_str())
        })
    {
        return Some("-- rollback");
    }
    (words.len() <= 2).then_some(())?;
    MEANT
        .iter()
        // Most comments are of another length, which is cheaper to see than a distance.
        .filter(|(name, _)| name.len().abs_diff(plain.len()) <= allowed(name))
        .map(|(name, marker)| (strsim::osa_distance(name, &plain), name, marker))
        .filter(|(distance, name, _)| *distance <= allowed(name))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., marker)| *marker)
}

/// The tool that takes a comment for the start of a script or for a word on how to run it. To run such a file as it stands would run
/// its down script too.
pub(super) fn other_tool(comment: &str) -> Option<&'static str> {
    const BEGINNINGS: &[(&str, &str)] = &[
        ("+goose ", "goose"),
        ("+migrate ", "sql-migrate"),
        ("+micrate ", "micrate"),
        ("migrate:up", "dbmate"),
        ("migrate:down", "dbmate"),
        ("rambler up", "rambler"),
        ("rambler down", "rambler"),
        ("create above / drop below", "tern"),
        ("!ups", "Play"),
        ("!downs", "Play"),
    ];
    let text = comment.trim_start_matches(['-', '#', ' ', '\t']);
    let found = BEGINNINGS.iter().find(|(beginning, _)| {
        text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning))
    })?;
    Some(found.1)
}

/// Whether a comment begins as a rollback's marker does, with more words behind.
pub(super) fn begins_as_rollback(comment: &str) -> bool {
    let Some(text) = comment.strip_prefix("--") else { return false };
    let text = text.trim().to_ascii_lowercase();
    let names = ["rollback", "@undo", "undo migration"];
    names
        .iter()
        .any(|name| text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)))
}

pub(crate) fn is_marker(comment: &str) -> bool {
    marker(comment).is_some() || other_tool(comment).is_some() || nearly_marker(comment).is_some()
}
