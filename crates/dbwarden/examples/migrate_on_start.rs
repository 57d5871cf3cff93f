//! A program that migrates its database when it starts: quick when nothing is pending, safe when many start at once.
//!
//! `cargo run -p dbwarden --example migrate_on_start -- sqlite:///app.db examples/styles/numbered`

use std::time::Duration;

use dbwarden::Migrator;
use dbwarden::apply::run::Event;

fn main() -> Result<(), dbwarden::Error> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "sqlite:///app.db".to_owned());
    let directory = arguments.next().unwrap_or_else(|| "migrations".to_owned());

    let mut migrator = Migrator::builder(&url)
        .directory(directory)
        .lock_wait(Duration::from_secs(30))
        .on_event(|event| {
            if let Event::StepFinished { report } = event {
                println!("applied {} {} in {} ms", report.version, report.description, report.duration_ms);
            }
        })
        .build()?;

    // A program without the right to change the schema asks first, and waits or ends; this one applies what is missing.
    println!("before: {:?}", migrator.ready()?);
    let report = migrator.migrate()?;
    println!("after:  {:?}", migrator.ready()?);

    let current: Vec<_> = report.current.iter().map(|id| id.as_str()).collect();
    println!("the database is at {}; the program starts here", current.join(", "));
    Ok(())
}
