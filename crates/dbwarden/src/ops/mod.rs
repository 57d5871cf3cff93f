//! The verbs, one file each: options in, report out. What the command line and the library's face both call.

pub mod adopt;
pub mod against;
pub mod backup;
mod deployment;
pub mod doctor;
pub mod fingerprint;
pub mod health;
pub mod init;
pub mod load;
pub mod lock;
pub mod merge;
pub mod migrate;
pub mod new;
pub mod ready;
pub mod renumber;
mod report;
pub mod restore;
pub mod rollback;
mod run;
pub mod scratch;
pub mod script;
pub mod seed;
pub mod squash;
pub mod stamp;
pub mod status;
mod survey;
pub mod template;
pub mod verify;

pub use deployment::{Connection, Deployment};
pub use report::Report;
pub use survey::{Survey, files, survey};
