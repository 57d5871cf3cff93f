//! The migrations of the service: those in SQL, and one in Rust that works in batches.

use dbwarden::migration::rust::{RustMigration, Work};
use dbwarden::migration::source::EmbeddedFile;
use dbwarden::value::Value;
use dbwarden::{Builder, Migrator};

/// The files of `migrations/`, as they were when the program was built.
static FILES: &[EmbeddedFile] = dbwarden::embedded!();

/// How many rows one transaction changes.
const BATCH: usize = 2;

/// Returns the migrator of the database at `url`, before anything is opened.
pub fn migrator(url: &str) -> Builder<'static> {
    Migrator::builder(url).embedded(FILES).rust(emails())
}

/// Gives every order that has none an email address, a few at a time, so that nobody waits long for a lock. A replica that was killed
/// in the middle is followed by the next one, which does what is left.
fn emails() -> RustMigration {
    RustMigration::new("0002", "fill emails", |work| {
        while one_batch(work)? > 0 {}
        Ok(())
    })
    .without_transaction()
    .down(|work| {
        work.execute("UPDATE orders SET email = NULL", &[])?;
        Ok(())
    })
}

fn one_batch(work: &mut Work<'_>) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    work.transaction(|work| {
        let next = format!("SELECT id, customer FROM orders WHERE email IS NULL ORDER BY id LIMIT {BATCH}");
        let rows = work.query(&next, &[])?;
        for row in &rows {
            let email = Value::from(format!("{}@example.com", row.text(1)));
            work.execute("UPDATE orders SET email = ? WHERE id = ?", &[email, row.get(0).clone()])?;
        }
        Ok(rows.len())
    })
}
