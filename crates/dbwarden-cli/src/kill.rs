//! Crash tests: ends the process without a word at a named point of a run. Debug builds alone.

use dbwarden::apply::lock::LockOptions;
use dbwarden::apply::run::Points;

/// Returns what ends the process at the point that `DBWARDEN_TEST_KILL_AT` names (`committed`, or `committed:3` for the third
/// time it is passed), or stops it there (`pause:committed`). `DBWARDEN_TEST_POINTS_TO` names a file that gets a line for each
/// point as it is passed.
#[cfg(all(debug_assertions, unix))]
pub(crate) fn points(environment: &std::collections::BTreeMap<String, String>) -> Option<Points> {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    if let Some(file) = environment.get("DBWARDEN_TEST_POINTS_TO") {
        let file = std::fs::File::create(file).ok()?;
        return Some(Arc::new(move |point| {
            writeln!(&file, "{point}").ok();
        }));
    }
    let wanted = environment.get("DBWARDEN_TEST_KILL_AT")?;
    let (signal, wanted) = match wanted.strip_prefix("pause:") {
        Some(rest) => (Signal::STOP, rest),
        None => (Signal::KILL, wanted.as_str()),
    };
    let (name, time) = wanted.split_once(':').unwrap_or((wanted, "1"));
    let (name, time) = (name.to_owned(), time.parse::<u64>().unwrap_or(1));
    let passed = AtomicU64::new(0);
    Some(Arc::new(move |point| {
        if point == name && passed.fetch_add(1, Ordering::SeqCst) + 1 == time {
            kill_process(getpid(), signal).ok();
        }
    }))
}

#[cfg(not(all(debug_assertions, unix)))]
pub(crate) fn points(_: &std::collections::BTreeMap<String, String>) -> Option<Points> {
    None
}

/// Shortens the lease, so that a test need not wait for half a minute.
pub(crate) fn lease(environment: &std::collections::BTreeMap<String, String>, lock: &mut LockOptions) {
    if cfg!(debug_assertions)
        && let Some(millis) = environment.get("DBWARDEN_TEST_LEASE_MS").and_then(|text| text.parse().ok())
    {
        lock.lease = std::time::Duration::from_millis(millis);
        lock.beat = lock.lease / 6;
    }
}
