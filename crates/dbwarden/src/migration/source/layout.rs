//! Which files make one migration: a file alone; the pair `x.up.sql` and `x.down.sql`; or a directory with `up.sql`, perhaps
//! `down.sql` and perhaps `metadata.toml`, as Diesel has them.

use std::collections::BTreeMap;

use super::error::{SourceError, SourceProblem};
use super::{SourceFile, formats};

/// How the files of a migration lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// One file with both scripts.
    #[default]
    File,
    /// `x.up.sql` and `x.down.sql`.
    Pair,
    /// A directory with `up.sql` and `down.sql`.
    Directory,
}

/// The name of the file beside `up.sql` that says how it is run.
pub(super) const METADATA: &str = "metadata.toml";

/// The files of one migration.
#[derive(Debug)]
pub(super) struct Files {
    /// Its name as one file would have it: `0001_x.sql` for `0001_x.up.sql` and for `0001_x/up.sql`.
    pub(super) name: String,
    pub(super) up: SourceFile,
    pub(super) down: Option<SourceFile>,
    pub(super) metadata: Option<SourceFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Up,
    Down,
    Metadata,
}

/// What the file with the path `path` below the source's directory is a part of, and how that is called as one file; nothing for
/// a file that is a migration by itself.
fn part(path: &str) -> Option<(Layout, Part, String)> {
    let (folder, base) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = folder.rsplit('/').next().unwrap_or(folder);
    // A name in the directory itself is all that there is.
    let of_folder = || if folder.is_empty() { base.to_owned() } else { format!("{folder}.sql") };
    // Most names end at once here.
    let ends = |end: &str| {
        let at = base.len().checked_sub(end.len())?;
        let found = base.is_char_boundary(at) && base[at..].eq_ignore_ascii_case(end);
        found.then(|| &base[..at])
    };
    if base.eq_ignore_ascii_case(METADATA) {
        return Some((Layout::Directory, Part::Metadata, of_folder()));
    }
    for (end, part) in [("up.sql", Part::Up), ("down.sql", Part::Down)] {
        let Some(front) = ends(end) else { continue };
        if front.is_empty() {
            return Some((Layout::Directory, part, of_folder()));
        }
        if let Some(stem) = front.strip_suffix('.').filter(|stem| !stem.is_empty()) {
            return Some((Layout::Pair, part, format!("{stem}.sql")));
        }
    }
    None
}

/// The name that the file with the path `path` has as one file, and how it lies; nothing where another file stands for the
/// migration.
pub(super) fn named(path: &str) -> Option<(String, Layout)> {
    match part(path) {
        Some((layout, Part::Up, name)) => Some((name, layout)),
        Some(_) => None,
        None => Some((path.rsplit('/').next().unwrap_or(path).to_owned(), Layout::File)),
    }
}

/// Whether the file `path` has its name from its directory.
pub(super) fn is_of_directory(path: &str) -> bool {
    path.rsplit(['/', '\\']).next().is_some_and(|base| base.eq_ignore_ascii_case("up.sql"))
}

/// Whether a directory called `name` is a migration by its name, and not one that holds several.
pub(super) fn is_stamped(name: &str) -> bool {
    let format = formats::recognise(&format!("{name}.sql")).map(|(_, format)| format.name);
    matches!(format, Some("stamp" | "dated"))
}

#[derive(Default)]
struct Parts {
    name: String,
    /// The directory of a pair.
    folder: Option<String>,
    up: Option<SourceFile>,
    down: Option<SourceFile>,
    metadata: Option<SourceFile>,
}

/// Puts together what belongs together of `files`, each with its path below the source's directory. The order is that of the
/// first file of each.
///
/// # Errors
/// A file that goes with none, and two where one may be.
pub(super) fn gather(files: Vec<(String, SourceFile)>) -> Result<Vec<Files>, SourceError> {
    let mut all = Vec::with_capacity(files.len());
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (path, file) in files {
        let Some((layout, part, name)) = part(&path) else {
            let name = match path.rfind('/') {
                Some(slash) => path[slash + 1..].to_owned(),
                None => path,
            };
            all.push(Parts { name, up: Some(file), ..Parts::default() });
            continue;
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let key = if layout == Layout::Pair { format!("{folder}/{name}") } else { folder.to_owned() };
        let at = *known.entry(key).or_insert_with(|| {
            let folder = (layout == Layout::Pair).then(|| folder.to_owned());
            all.push(Parts { name, folder, ..Parts::default() });
            all.len() - 1
        });
        let parts = &mut all[at];
        let slot = match part {
            Part::Up => &mut parts.up,
            Part::Down => &mut parts.down,
            Part::Metadata => &mut parts.metadata,
        };
        if let Some(first) = slot {
            let problem = SourceProblem::PartTwice { first: first.name.clone() };
            return Err(SourceError::new(file.name, problem));
        }
        *slot = Some(file);
    }
    by_id(&mut all);
    all.into_iter().filter_map(whole).collect()
}

/// Puts the down files whose up file has other words to that, by their id, where only one up file has it.
fn by_id(all: &mut [Parts]) {
    let lonely = |parts: &Parts| parts.up.is_none() && parts.down.is_some();
    if !all.iter().any(lonely) {
        return;
    }
    let id = |parts: &Parts| {
        let (named, _) = formats::recognise(&parts.name)?;
        Some((parts.folder.clone()?, named.database, named.id))
    };
    let mut ups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, parts) in all.iter().enumerate().filter(|(_, parts)| parts.up.is_some() && parts.down.is_none())
    {
        ups.entry(id(parts)).or_default().push(at);
    }
    for at in 0..all.len() {
        let Some(key) = all.get(at).filter(|parts| lonely(parts)).and_then(id) else { continue };
        if let Some([up]) = ups.remove(&Some(key)).as_deref() {
            all[*up].down = all[at].down.take();
        }
    }
}

/// One migration of its files; nothing where they are none's.
fn whole(parts: Parts) -> Option<Result<Files, SourceError>> {
    let Parts { name, up, down, metadata, .. } = parts;
    let Some(up) = up else {
        // Many a program has a file of that name, for something else.
        let stamped = name.strip_suffix(".sql").is_some_and(is_stamped);
        let lonely = down.or_else(|| metadata.filter(|_| stamped))?;
        let base = lonely.name.rsplit(['/', '\\']).next().unwrap_or(&lonely.name);
        let up = base.len().checked_sub("down.sql".len()).and_then(|at| base.get(..at)).unwrap_or_default();
        let alone = base.eq_ignore_ascii_case(METADATA);
        let missing = if alone { "up.sql".to_owned() } else { format!("{up}up.sql") };
        let problem = SourceProblem::NoUpFile { missing };
        return Some(Err(SourceError::new(lonely.name, problem)));
    };
    Some(Ok(Files { name, up, down, metadata }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_a_part_of() {
        let shown = |path: &str| {
            part(path).map_or_else(
                || "a migration".to_owned(),
                |(layout, part, name)| format!("{layout:?} {part:?} {name}"),
            )
        };
        for (path, expected) in [
            ("0001_x.sql", "a migration"),
            ("0001_x.up.sql", "Pair Up 0001_x.sql"),
            ("a/0001_x.DOWN.SQL", "Pair Down 0001_x.sql"),
            ("a/2018-03-31-201450_x/up.sql", "Directory Up 2018-03-31-201450_x.sql"),
            ("0001_x/down.sql", "Directory Down 0001_x.sql"),
            ("0001_x/metadata.toml", "Directory Metadata 0001_x.sql"),
            ("up.sql", "Directory Up up.sql"),
            ("0001_startup.sql", "a migration"),
            ("0001_down.sql", "a migration"),
            (".up.sql", "a migration"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
