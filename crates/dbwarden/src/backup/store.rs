//! Backups as files: how they are named, recorded, found and checked.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Copier, Place};
use crate::apply::run::recorded_time;

/// What a record is called: the file's name with this behind it.
const RECORD: &str = ".json";

/// What is not finished is called so.
const PARTIAL: &str = ".partial";

/// Why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was asked for.
    Asked,
    /// Before migrations were applied.
    Migrate,
    /// Before migrations were undone.
    Rollback,
    /// Before another backup was brought back.
    Restore,
}

/// The record of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The file, beside the record.
    pub file: String,
    /// The database's name in the settings.
    pub database: String,
    /// The engine.
    pub engine: String,
    /// The database, as it is shown: never with a password.
    pub target: String,
    /// When it was made: UTC, `2026-11-20 14:02:11.482`.
    pub taken_at: String,
    /// How long that took, in milliseconds.
    pub duration_ms: u64,
    /// By whom, as user@host.
    pub who: String,
    /// Why.
    pub reason: Reason,
    /// What made it: `pg_dump (PostgreSQL) 15.18`.
    pub tool: String,
    /// The version of dbwarden.
    pub tool_version: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes: `sha256:…`.
    pub checksum: String,
    /// How many migrations were applied.
    pub applied: u64,
    /// The one that was applied last.
    pub last: Option<String>,
    /// Where it is; not part of the record.
    #[serde(skip_deserializing, default)]
    pub path: PathBuf,
}

/// One record of a directory.
#[derive(Debug)]
pub struct Listed {
    /// What it says, or why it says nothing.
    pub backup: Result<Backup, BackupError>,
    /// Whether its file is there.
    pub is_there: bool,
}

/// What a backup is made of.
#[derive(Debug)]
pub struct Subject {
    /// Why it is made.
    pub reason: Reason,
    /// When.
    pub now: Timestamp,
    /// By whom.
    pub who: String,
    /// How many migrations are applied.
    pub applied: u64,
    /// The one that was applied last.
    pub last: Option<String>,
}

/// Makes a backup in `directory`, which is made where it is not there.
///
/// # Errors
/// The engine's, the tool's or the directory's. Then no backup is left.
pub fn take(
    copier: &dyn Copier,
    place: &Place<'_>,
    directory: &Path,
    subject: Subject,
) -> Result<Backup, BackupError> {
    let started = Instant::now();
    make_directory(directory)?;
    let Claim { name, file: partial, record } =
        claim(directory, &place.settings.name, subject.now, copier.suffix())?;
    let tool = copier.take(place, &partial.path)?;
    let (checksum, bytes) = sum(&partial.path)?;
    let path = directory.join(&name);
    let backup = Backup {
        file: name.clone(),
        database: place.settings.name.clone(),
        engine: place.settings.url.database().name().to_owned(),
        target: place.settings.url.target(),
        taken_at: recorded_time(subject.now),
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        who: subject.who,
        reason: subject.reason,
        tool,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        bytes,
        checksum,
        applied: subject.applied,
        last: subject.last,
        path: path.clone(),
    };
    let mut text = serde_json::to_value(&backup).unwrap_or_default();
    if let Some(fields) = text.as_object_mut() {
        fields.remove("path");
    }
    let text = format!("{text:#}\n");
    fs::write(&record.path, text)
        .map_err(BackupError::file("the record cannot be written:", &record.path))?;
    // The record last: what has none is no backup yet.
    partial.finish(&path)?;
    record.finish(&directory.join(format!("{name}{RECORD}")))?;
    if let Ok(directory) = File::open(directory) {
        // What a power cut takes is named by nobody.
        directory.sync_all().ok();
    }
    Ok(backup)
}

/// Returns the records of `directory`, oldest first. A directory that is not there has none.
///
/// # Errors
/// The directory cannot be read.
pub fn list(directory: &Path) -> Result<Vec<Listed>, BackupError> {
    let unreadable = || BackupError::file("the directory cannot be read:", directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable()(error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable()(error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(RECORD) && !name.starts_with('.') {
            records.push(path);
        }
    }
    let mut all: Vec<Listed> = records
        .iter()
        .map(|path| {
            let backup = read(path);
            let is_there = backup.as_ref().is_ok_and(|backup| backup.path.is_file());
            Listed { backup, is_there }
        })
        .collect();
    let key = |listed: &Listed| listed.backup.as_ref().map(|it| (it.taken_at.clone(), it.file.clone())).ok();
    all.sort_by_key(key);
    Ok(all)
}

/// Finds the backup that a person names: a path, or a name in `directory`. With `unrecorded`, a file without a record will do.
///
/// # Errors
/// That there is none, or that it has no record that makes sense.
pub fn find(
    name: &Path,
    directory: &Path,
    unrecorded: bool,
) -> Result<(PathBuf, Option<Backup>), BackupError> {
    let path = [name.to_owned(), directory.join(name)].into_iter().find(|path| path.is_file());
    let path = path.ok_or_else(|| BackupError::Missing { path: name.to_owned() })?;
    let record = PathBuf::from(format!("{}{RECORD}", path.display()));
    match (record.is_file(), unrecorded) {
        (true, _) => Ok((path, Some(read(&record)?))),
        (false, true) => Ok((path, None)),
        (false, false) => Err(BackupError::NoRecord { path }),
    }
}

/// Compares a backup with its record.
///
/// # Errors
/// That it is another file than was written.
pub fn verify(path: &Path, backup: &Backup) -> Result<(), BackupError> {
    if sum(path)?.0 == backup.checksum { Ok(()) } else { Err(BackupError::Changed { path: path.to_owned() }) }
}

fn read(record: &Path) -> Result<Backup, BackupError> {
    let wrong = |reason: String| BackupError::Record { path: record.to_owned(), reason };
    let text = fs::read_to_string(record).map_err(|error| wrong(error.to_string()))?;
    let mut backup: Backup = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    // It may have been moved with its file, and must not lead anywhere else.
    if Path::new(&backup.file).components().count() != 1 || backup.file.starts_with('.') {
        return Err(wrong("its file is no name".to_owned()));
    }
    backup.path = record.with_file_name(&backup.file);
    Ok(backup)
}

/// Returns the SHA-256 of a file and its length.
fn sum(path: &Path) -> Result<(String, u64), BackupError> {
    let unreadable = || BackupError::file("it cannot be read:", path);
    let mut file = File::open(path).map_err(|error| unreadable()(error))?;
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 << 10]);
    loop {
        let length = file.read(&mut buffer).map_err(|error| unreadable()(error))?;
        if length == 0 {
            break;
        }
        bytes += length as u64;
        digest.update(&buffer[..length]);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((format!("sha256:{hex}"), bytes))
}

/// A file that is not finished, and is removed unless it is.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Makes an empty file that its owner alone may read; nothing where there is one, which is another run's, or was left by one that
    /// was killed.
    fn new(path: PathBuf) -> Result<Option<Self>, BackupError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(_) => Ok(Some(Self { path })),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(BackupError::file("the backup cannot be written:", &path)(error)),
        }
    }

    /// Gives it its name, which nothing else has.
    fn finish(self, to: &Path) -> Result<(), BackupError> {
        let failed = || BackupError::file("the backup cannot be written:", to);
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(|error| failed()(error))?;
        // A second name, and then not the first: a rename would take the place of what is there.
        match fs::hard_link(&self.path, to) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(failed()(error)),
            // Where a file cannot have two names; no other run takes one while this one's partial file is there.
            Err(_) if !is_taken(to) => fs::rename(&self.path, to).map_err(|error| failed()(error)),
            Err(error) => Err(failed()(error)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
        // What SQLite may have put beside it.
        fs::remove_file(format!("{}-journal", self.path.display())).ok();
    }
}

fn make_directory(directory: &Path) -> Result<(), BackupError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(BackupError::file("the directory cannot be made:", directory))
}

/// Whether something of this name is there, also a link that leads nowhere.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// A name, and the two files that keep it from others until it has them itself.
#[derive(Debug)]
struct Claim {
    name: String,
    file: Partial,
    record: Partial,
}

/// Takes a name that no backup of `directory` has, and none that is being made: `primary_20261120_140211.db`.
fn claim(directory: &Path, database: &str, now: Timestamp, suffix: &str) -> Result<Claim, BackupError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
    let database: String = database.trim_start_matches('.').chars().map(plain).collect();
    let time = now.strftime("%Y%m%d_%H%M%S");
    let mut number = 1_u32;
    loop {
        let name = match number {
            1 => format!("{database}_{time}.{suffix}"),
            number => format!("{database}_{time}_{number}.{suffix}"),
        };
        number += 1;
        let Some(file) = Partial::new(directory.join(format!(".{name}{PARTIAL}")))? else { continue };
        let record = Partial::new(directory.join(format!(".{name}{RECORD}{PARTIAL}")))?;
        // Looked at only now: whoever was quicker has finished, or is seen by the file before.
        let taken = is_taken(&directory.join(&name)) || is_taken(&directory.join(format!("{name}{RECORD}")));
        if let (Some(record), false) = (record, taken) {
            return Ok(Claim { name, file, record });
        }
    }
}
