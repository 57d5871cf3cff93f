//! Writes a new file, in the style of those that are there.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::formats::{self, FORMATS, FileName, Format};
use super::{Layout, SourceError, SourceProblem};
use crate::migration::{Kind, RevisionId};

/// What a new file is to be.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// What it does, in a few words.
    pub description: &'a str,
    /// The id; without it the next free one.
    pub id: Option<&'a str>,
    /// The kind.
    pub kind: Kind,
    /// The database it is for.
    pub database: &'a str,
    /// Other databases of the project: files with their name in front are not for this one.
    pub others: &'a BTreeSet<String>,
    /// The name of the format; without it that of the files that are there.
    pub format: Option<&'a str>,
    /// The time now, as `YYYYMMDDHHMMSS`.
    pub now: &'a str,
    /// The migrations that are there: their ids and how their files are named.
    pub family: Family<'a>,
}

/// What the migrations that are there say about the next one, where they were read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Family<'a> {
    /// The newest, where its file's name says no id: its header does.
    pub nameless: Option<&'a RevisionId>,
    /// The last in version order of those whose parent is the file before them. An id that says nothing of its order must
    /// come behind it, or it would become the parent of what it stands on.
    pub last_implicit: Option<&'a RevisionId>,
    /// All ids that are taken, whatever says them.
    pub taken: &'a [RevisionId],
}

/// Returns the format of the newest of `names`, or the plain numbers where there is none.
pub fn style<'a, S: AsRef<str> + 'a>(names: impl IntoIterator<Item = &'a S>) -> &'static Format {
    let newest = names
        .into_iter()
        .filter_map(|name| formats::recognise(name.as_ref()))
        .filter(|(file, _)| file.kind == Kind::Versioned)
        .max_by(|(a, _), (b, _)| a.id.version_cmp(&b.id));
    newest.map_or_else(|| named("number"), |(_, format)| format)
}

/// Returns how the files of the newest of `names` lie.
pub fn layout(names: &[(String, Layout)]) -> Layout {
    let newest = names
        .iter()
        .filter_map(|(name, layout)| Some((formats::recognise(name)?.0, *layout)))
        .filter(|(file, _)| file.kind == Kind::Versioned)
        .max_by(|(a, _), (b, _)| a.id.version_cmp(&b.id));
    newest.map_or(Layout::File, |(_, layout)| layout)
}

/// Writes the two files of the migration that would be called `name` if it were one, the down file first: alone, that is an error
/// that everybody sees. Returns their paths.
///
/// # Errors
/// As [`write()`].
pub fn write_both(
    directory: &Path,
    name: &str,
    layout: Layout,
    up: &str,
    down: &str,
) -> Result<(PathBuf, PathBuf), SourceError> {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let (folder, front) = match layout {
        Layout::Directory => (directory.join(stem), String::new()),
        _ => (directory.to_owned(), format!("{stem}.")),
    };
    let down = write(&folder, &format!("{front}down.sql"), down)?;
    Ok((write(&folder, &format!("{front}up.sql"), up)?, down))
}

/// The format called `name`.
fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap_or(&FORMATS[0])
}

/// The format of whose ids `id` could be.
fn of_id(id: &RevisionId) -> &'static Format {
    formats::recognise(&format!("{id}_x.sql")).map_or_else(|| named("hash"), |(_, format)| format)
}

/// Returns the name that a new file among `names` gets, and its id.
pub fn file_name(names: &[String], file: &NewFile<'_>) -> (String, RevisionId) {
    let of_other = |name: &FileName| name.database.as_ref().is_some_and(|name| file.others.contains(name));
    let recognised = |name: &&String| formats::recognise(name).map(|(name, _)| name);
    let (theirs, ours): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| recognised(name).is_some_and(|name| of_other(&name)));
    let found: Vec<_> = ours.iter().filter_map(recognised).collect();
    let format = match file.kind {
        Kind::RunsAlways => named("runs always"),
        Kind::RunsOnChange => named("runs on change"),
        Kind::Versioned => {
            // Where this database has no file yet, those of the others show how files are named here.
            let shown = if found.is_empty() { &theirs } else { &ours };
            file.format.map_or_else(|| style(shown), named)
        }
    };
    let mut ids: Vec<_> = found.iter().map(|file| &file.id).collect();
    // What is only a hash of what is there must know all that is there: two files within one second are two.
    let next = |format: &Format, ids: &[&RevisionId]| {
        let known = file.family.taken.iter().filter(|_| format.name == "hash");
        let all: Vec<_> = ids.iter().copied().chain(known).collect();
        (format.next)(&all, file.now)
    };
    let words = formats::words(file.description);
    if let Some(newest) = file.family.nameless.filter(|_| file.kind == Kind::Versioned) {
        ids.push(newest);
        let format = file.format.map_or_else(|| of_id(newest), named);
        let id = file.id.map_or_else(|| next(format, &ids), str::to_owned);
        return (format!("{words}.sql"), RevisionId::new(id));
    }
    let id = file.id.map_or_else(
        || {
            let id = next(format, &ids);
            let last = file.family.last_implicit.filter(|_| format.name == "hash");
            match last {
                Some(last) if RevisionId::from(id.as_str()).version_cmp(last).is_lt() => {
                    formats::hash_behind(last, &id)
                }
                _ => id,
            }
        },
        str::to_owned,
    );
    // A directory whose files have the database's name in front goes on with it. In one that is shared with other databases,
    // a name without it would make the migration theirs too.
    let prefixes: Vec<_> = found.iter().map(|file| file.database.as_deref()).collect();
    let prefix = match prefixes.first() {
        Some(Some(first)) if prefixes.iter().all(|prefix| *prefix == Some(*first)) => format!("{first}__"),
        _ if !theirs.is_empty() => format!("{}__", file.database),
        _ => String::new(),
    };
    let stem = (format.write)(&id, &words);
    let id = if file.kind == Kind::Versioned { id } else { stem.clone() };
    (format!("{prefix}{stem}.sql"), RevisionId::new(id))
}

/// Which references of a file's headers are changed, and to what.
pub(crate) struct Reference<'a> {
    /// Whether a reference is one of them.
    pub(crate) from: &'a dyn Fn(&str) -> bool,
    /// What they become.
    pub(crate) to: &'a RevisionId,
    /// The headers that are looked at.
    pub(crate) headers: &'a [&'a str],
}

/// Returns the name of a file or directory under another id.
pub(crate) fn renamed(name: &str, from: &RevisionId, to: &RevisionId) -> String {
    let ends = [".up.sql", ".down.sql", ".sql"];
    let stem = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let whole = format!("{stem}.sql");
    let Some((file, format)) = formats::recognise(&whole) else { return name.to_owned() };
    let front = file.database.as_ref().map_or(0, |database| database.len() + 2);
    match name[front..].find(from.as_str()) {
        Some(at) => {
            let (before, behind) = (&name[..front + at], &name[front + at + from.as_str().len()..]);
            format!("{before}{to}{behind}")
        }
        // A date with dashes in it.
        None => {
            let words = file.description.replace(' ', "_");
            let end = &name[stem.len()..];
            format!("{}{}{end}", &name[..front], (format.write)(to.as_str(), &words))
        }
    }
}

/// Returns the text of a file with other references in the headers at its start.
pub(crate) fn with_references(text: &str, reference: &Reference<'_>) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut in_headers = true;
    for line in text.split_inclusive('\n') {
        let plain = line.trim_start_matches('\u{feff}').trim();
        let comment = plain.strip_prefix("--");
        in_headers &= plain.is_empty() || comment.is_some() || plain.starts_with("/*") || plain == ";";
        match comment.and_then(|comment| comment.split_once(':')).filter(|_| in_headers) {
            Some((name, _)) if is_one_of(name, reference.headers) => {
                let at = line.len() - line.trim_start_matches('\u{feff}').trim_start().len();
                let value_at = at + line[at..].find(':').unwrap_or(0) + 1;
                let rest = &line[value_at..];
                mended.push_str(&line[..value_at]);
                mended.push_str(&with_items(rest, reference));
            }
            _ => mended.push_str(line),
        }
    }
    mended
}

fn is_one_of(name: &str, headers: &[&str]) -> bool {
    let name = name.trim_start_matches('-').trim().to_ascii_lowercase().replace('-', "_");
    headers.contains(&name.as_str())
}

/// The items of a header's value, each replaced where it is to be.
fn with_items(value: &str, reference: &Reference<'_>) -> String {
    let mut mended = String::new();
    let mut rest = value;
    while !rest.is_empty() {
        let is_part = |c: char| !(c.is_whitespace() || matches!(c, '[' | ']' | ',' | '"' | '\''));
        let start = rest.find(is_part).unwrap_or(rest.len());
        mended.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let item = &rest[..end];
        mended.push_str(if !item.is_empty() && (reference.from)(item) {
            reference.to.as_str()
        } else {
            item
        });
        rest = &rest[end..];
    }
    mended
}

/// Writes the file into `directory`, which is made where it is not there; never overwrites one. Returns its path.
///
/// # Errors
/// The directory or the file cannot be written, or the file is there already.
pub fn write(directory: &Path, name: &str, text: &str) -> Result<PathBuf, SourceError> {
    let path = directory.join(name);
    let unwritable =
        |error| SourceError::new(path.display().to_string(), SourceProblem::Unwritable { error });
    std::fs::create_dir_all(directory).map_err(unwritable)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_under_another_id() {
        let renamed = |name: &str, from: &str, to: &str| super::renamed(name, &from.into(), &to.into());
        for (name, from, to, expected) in [
            ("0007_add_0007.sql", "0007", "0008", "0008_add_0007.sql"),
            ("db0007__0007_x.sql", "0007", "0008", "db0007__0008_x.sql"),
            ("0007_x.up.sql", "0007", "0012", "0012_x.up.sql"),
            ("0007_x.down.sql", "0007", "0012", "0012_x.down.sql"),
            ("0007_x", "0007", "0008", "0008_x"),
            ("V1.2__x.sql", "1.2", "1.3", "V1.3__x.sql"),
            ("V20240215_143000__x.sql", "20240215_143000", "20260101_000000", "V20260101_000000__x.sql"),
            ("2018-03-31-201450_a_b", "20180331201450", "20260101000000", "2026-01-01-000000_a_b"),
            ("2018-03-31-201450_a.up.sql", "20180331201450", "20260101000000", "2026-01-01-000000_a.up.sql"),
        ] {
            assert_eq!(renamed(name, from, to), expected);
        }
    }

    #[test]
    fn references_of_headers() {
        let to = RevisionId::from("0009");
        let from = |text: &str| text == "0007" || text == "7";
        let reference =
            Reference { from: &from, to: &to, headers: &["revision", "down_revision", "depends_on"] };
        let text = "\u{feff}-- revision: 0007\r\n-- depends_on: [\"0007\", '0006', 7]\n--down_revision:0007\n\
                    -- created: 0007\nSELECT 1; -- depends_on: 0007\n-- depends_on: 0007\n";
        let expected = "\u{feff}-- revision: 0009\r\n-- depends_on: [\"0009\", '0006', 0009]\n--down_revision:0009\n\
                        -- created: 0007\nSELECT 1; -- depends_on: 0007\n-- depends_on: 0007\n";
        assert_eq!(with_references(text, &reference), expected);
    }
}
