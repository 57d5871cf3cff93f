//! One server for all the processes of a test run: whoever comes first starts it, under a lock of the operating system.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::folder::{Folder, listens};
use super::start::Started;
use super::{Brand, Server};

/// Where the processes of one user and one checkout find each other's servers.
#[derive(Debug, Clone)]
pub(super) struct Meeting(PathBuf);

impl Meeting {
    pub(super) fn here() -> Result<Self, String> {
        let mut hasher = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
        let user = rustix::process::geteuid().as_raw();
        Self::at(&std::env::temp_dir().join(format!("dbwarden-test-{user}-{:016x}", hasher.finish())))
    }

    pub(super) fn at(path: &Path) -> Result<Self, String> {
        let failed = |error| format!("cannot make {}: {error}", path.display());
        DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(failed)?;
        // In a folder that all may write to, somebody else may have made it.
        let owner = fs::symlink_metadata(path).map_err(failed)?;
        if owner.is_dir() && owner.uid() == rustix::process::geteuid().as_raw() {
            Ok(Self(path.to_owned()))
        } else {
            Err(format!("{} is another user's", path.display()))
        }
    }

    /// Returns the server of that name if it runs, else starts it. It stays while this process lives, and two minutes more.
    pub(super) fn find_or_start(
        &self,
        brand: Brand,
        name: &str,
        start: impl FnOnce() -> Result<Started, String>,
    ) -> Result<Started, String> {
        let failed = |error| format!("cannot lock {name} in {}: {error}", self.0.display());
        let lock = File::create(self.0.join(format!("{name}.lock"))).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let pointer = self.0.join(name);
        if let Ok(path) = fs::read_to_string(&pointer) {
            let folder = Folder::at(Path::new(&path));
            if let Some(server) = running(brand, &folder) {
                folder.keep_beating();
                return Ok(Started { folder, server });
            }
            if folder.path().join("ended").exists() {
                folder.stop();
            }
        }
        let started = start()?;
        started.folder.keep_beating();
        fs::write(&pointer, started.folder.path().to_string_lossy().as_bytes()).map_err(failed)?;
        Ok(started)
    }
}

fn running(brand: Brand, folder: &Folder) -> Option<Server> {
    if !folder.beat() {
        return None;
    }
    let url = fs::read_to_string(folder.path().join("url")).ok()?;
    Server::at(brand, &url).ok().filter(|server| listens(server.port()))
}
