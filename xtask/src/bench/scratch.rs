//! Directories for the bench's files: in memory for what is timed, so that the disk is not what is measured, and on a disk
//! for what is large. They go when the bench ends, and a killed bench's go with the next one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Duration;

use crate::cargo::target_directory;
use crate::failure::Failure;

const PREFIX: &str = "dbwarden-bench-";
/// A directory left behind is taken away only when it is older than this: a process that another container started is
/// not to be seen from here.
const STALE: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Memory,
    Disk,
    Unknown,
}

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    storage: Storage,
}

impl Scratch {
    fn make(parent: &Path, storage: Storage) -> Result<Self, Failure> {
        sweep(parent);
        let path = parent.join(format!("{PREFIX}{}", process::id()));
        fs::create_dir(&path).map_err(Failure::at("cannot make", &path))?;
        let scratch = Self { path, storage };
        let empty = scratch.empty();
        fs::create_dir(&empty).map_err(Failure::at("cannot make", &empty))?;
        scratch.write("empty.txt", "")?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty directory to run in.
    pub(super) fn empty(&self) -> PathBuf {
        self.path.join("empty")
    }

    pub(super) fn empty_file(&self) -> PathBuf {
        self.path.join("empty.txt")
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(Failure::at("cannot write", &path))?;
        Ok(path)
    }

    /// Where it stands, and on what.
    pub(super) fn location(&self) -> String {
        let parent = self.path.parent().unwrap_or(&self.path).display();
        match self.storage {
            Storage::Memory => format!("{parent}, in memory"),
            Storage::Disk => format!("{parent}, on a disk"),
            Storage::Unknown => format!("{parent}, in memory or on a disk, which is not known here"),
        }
    }

    /// What is to be said where memory was wanted and not had.
    pub(super) fn caution(&self) -> &'static str {
        if self.storage == Storage::Memory { "" } else { "; WHAT THE DISK TAKES IS IN THESE FIGURES" }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("xtask: cannot remove {}: {error}", self.path.display());
        }
    }
}

/// In memory where that can be had.
pub(super) fn fast(count: usize) -> Result<Scratch, Failure> {
    // The files, two databases at a time, and their journals; a container's memory file system may be as small as 64 MiB.
    let wanted = (16 << 10) + 24 * u64::try_from(count).unwrap_or(u64::MAX >> 8);
    let memory = Path::new("/dev/shm");
    if memory.is_dir() && room(memory).is_none_or(|room| room >= wanted) {
        match Scratch::make(memory, storage(memory)) {
            Ok(scratch) => return Ok(scratch),
            Err(failure) => eprintln!("xtask: {failure}"),
        }
    }
    let temporary = env::temp_dir();
    Scratch::make(&temporary, storage(&temporary))
}

/// On a disk with room for so many MiB: the directory asked for, else the first that will do.
pub(super) fn large(mebibytes: u64, asked: Option<&Path>) -> Result<Scratch, Failure> {
    if let Some(asked) = asked {
        return Scratch::make(asked, storage(asked));
    }
    let target = target_directory();
    fs::create_dir_all(&target).map_err(Failure::at("cannot make", &target))?;
    let mut why = Vec::new();
    for directory in [env::temp_dir(), target] {
        let free = room(&directory).map(|kibibytes| kibibytes >> 10);
        if storage(&directory) == Storage::Memory {
            why.push(format!("{} is in memory", directory.display()));
        } else if let Some(free) = free.filter(|free| *free < mebibytes) {
            why.push(format!("{} has {free} MiB", directory.display()));
        } else {
            return Scratch::make(&directory, storage(&directory));
        }
    }
    Err(Failure::new(format!(
        "no disk here has {mebibytes} MiB of room ({}): name a directory with --dir, or make the file smaller with --mib",
        why.join(", ")
    )))
}

/// The machine's load, where it is to be read.
pub(super) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().next()?.to_owned())
}

/// Takes away what killed benches left.
fn sweep(parent: &Path) {
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok())
        else {
            continue;
        };
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        if age.is_none_or(|age| age <= STALE) || Path::new(&format!("/proc/{process}")).exists() {
            continue;
        }
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            eprintln!("xtask: a killed bench left {}: {error}", entry.path().display());
        }
    }
}

/// KiB free to us where a directory stands, as `df` has it.
fn room(directory: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(directory).output().ok()?;
    free(&String::from_utf8_lossy(&output.stdout))
}

fn free(df: &str) -> Option<u64> {
    // A device's name may hold spaces; the numbers are counted from the percentage.
    let cells: Vec<&str> = df.lines().nth(1)?.split_whitespace().collect();
    let percentage = cells.iter().position(|cell| cell.ends_with('%'))?;
    cells.get(percentage.checked_sub(1)?)?.parse().ok()
}

fn storage(directory: &Path) -> Storage {
    let Ok(mounts) = fs::read_to_string("/proc/mounts") else {
        return Storage::Unknown;
    };
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    storage_in(&mounts, &directory)
}

fn storage_in(mounts: &str, directory: &Path) -> Storage {
    let mut found: Option<(usize, Storage)> = None;
    for line in mounts.lines() {
        let mut cells = line.split(' ').skip(1);
        let (Some(point), Some(kind)) = (cells.next(), cells.next()) else {
            continue;
        };
        let point = Path::new(point);
        let depth = point.components().count();
        // Of two mounts on one place the later one is seen.
        if directory.starts_with(point) && found.is_none_or(|(deepest, _)| depth >= deepest) {
            let storage = if matches!(kind, "tmpfs" | "ramfs") { Storage::Memory } else { Storage::Disk };
            found = Some((depth, storage));
        }
    }
    found.map_or(Storage::Unknown, |(_, storage)| storage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_says_what_a_directory_stands_on() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp ext4 rw 0 0\n";
        assert_eq!(storage_in(mounts, Path::new("/dev/shm")), Storage::Memory);
        assert_eq!(storage_in(mounts, Path::new("/dev/shm/a")), Storage::Memory);
        assert_eq!(storage_in(mounts, Path::new("/dev/shmem")), Storage::Disk);
        assert_eq!(storage_in(mounts, Path::new("/tmp/a")), Storage::Disk);
        assert_eq!(storage_in("", Path::new("/tmp")), Storage::Unknown);
    }

    #[test]
    fn room_is_read_from_df() {
        let df =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\nmap auto_home 100 40 60 40% /home\n";
        assert_eq!(free(df), Some(60));
        assert_eq!(free(""), None);
    }
}
