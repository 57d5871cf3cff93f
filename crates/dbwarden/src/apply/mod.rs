//! A plan becomes a changed database. Whoever writes holds the lock; what is written is recorded in the same breath.

pub mod execute;
pub mod failure;
pub(crate) mod fingerprint;
pub mod history;
pub mod hooks;
pub mod inspect;
pub mod journal;
pub mod lock;
pub mod owner;
pub mod run;
pub mod watchdog;
