//! An axum service that migrates when it starts, and says so: `/readyz` for whoever sends it work, `/livez` for whoever would end it.
//! Start as many replicas as you like: one migrates, the others wait for it.
//!
//! `DATABASE_URL=sqlite:///service.db cargo run -p service-example`
#![expect(clippy::disallowed_methods, reason = "a program reads its own environment; the library does not")]

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use dbwarden::asynchronous::Migrator;
use dbwarden::startup::{Probe, Startup};

/// How long nothing may be heard of a start before the replica is better ended.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:///service.db".to_owned());
    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let probe = Probe::new();
    let migrator = service_example::migrator(&url).lock_wait(PATIENCE).build()?;

    // The probes answer while the migrations run.
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let app =
        Router::new().route("/readyz", get(ready)).route("/livez", get(alive)).with_state(probe.clone());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let report = Migrator::from(migrator).start(&probe).await?;
    println!("applied {} migrations, ready", report.count());
    server.await??;
    Ok(())
}

async fn ready(State(probe): State<Probe>) -> (StatusCode, Json<Startup>) {
    let status = if probe.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(probe.state()))
}

async fn alive(State(probe): State<Probe>) -> StatusCode {
    if probe.is_alive(PATIENCE) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
