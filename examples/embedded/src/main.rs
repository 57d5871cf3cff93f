//! A program that carries its migrations: one file to deploy. It works on a database in memory that it goes on using, over its
//! own connection.

use std::process::ExitCode;

use dbwarden::Migrator;
use dbwarden::migration::source::EmbeddedFile;

/// The files of `migrations/`, as they were when the program was built.
static MIGRATIONS: &[EmbeddedFile] = dbwarden::embedded!();

fn main() -> ExitCode {
    match notes() {
        Ok(count) => {
            println!(
                "{} migrations are part of this program; the database holds {count} note",
                MIGRATIONS.len()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn notes() -> Result<i64, Box<dyn std::error::Error>> {
    let mut connection = rusqlite::Connection::open_in_memory()?;
    Migrator::on(&mut connection).embedded(MIGRATIONS).build()?.migrate()?;
    connection.execute("INSERT INTO notes (text, colour) VALUES ('hello', 'blue')", [])?;
    Ok(connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?)
}
