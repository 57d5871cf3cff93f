//! Database migrations that are proved by killing them.
//!
//! ```no_run
//! # fn main() -> Result<(), dbwarden::Error> {
//! let report = dbwarden::Migrator::builder("sqlite:///app.db").directory("migrations").build()?.migrate()?;
//! println!("applied {}", report.count());
//! # Ok(())
//! # }
//! ```
//!
//! The library: no terminal, no environment variables, no process exit. See ARCHITECTURE.md for its rooms.

pub mod adopt;
pub mod apply;
#[cfg(feature = "tokio")]
pub mod asynchronous;
pub mod backup;
pub mod database;
pub mod dialect;
pub mod driver;
pub mod error;
pub mod fingerprint;
pub mod migration;
mod migrator;
mod nearest;
pub mod operation;
pub mod ops;
pub mod project;
pub mod sql;
pub mod startup;
pub mod url;
pub mod value;

pub use error::{Error, ErrorKind};
pub use fingerprint::{Difference, Fingerprint};
pub use migrator::{Builder, Migrator};

/// Returns the files that `dbwarden_build::embed` compiled in: one line in `build.rs`, `dbwarden_build::embed("migrations")`, and
/// this in the program. Cargo builds again when a file of the directory is added, changed or removed.
///
/// ```ignore
/// static MIGRATIONS: &[dbwarden::migration::source::EmbeddedFile] = dbwarden::embedded!();
/// ```
#[macro_export]
macro_rules! embedded {
    () => {
        include!(concat!(env!("OUT_DIR"), "/dbwarden_embedded.rs"))
    };
}
