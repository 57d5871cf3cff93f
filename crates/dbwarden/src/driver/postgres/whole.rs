//! A whole migration in one packet: one message of the simple protocol, which the server runs to its end or to the first failure.

use futures_util::StreamExt;
use pollster::block_on;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::PostgresSession;
use super::failure::answer;
use super::literal::filled;
use crate::driver::{DriverErrorKind, Session, WholeError};
use crate::value::Value;

/// The statements that open the transaction.
const BEFORE: u64 = 2;

/// Runs `body` and `records` between BEGIN and COMMIT. A message is parsed as one
/// (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT>): what does not end in it as we
/// think it does is an error of syntax before anything is run.
pub(super) fn run(
    session: &mut PostgresSession,
    body: &str,
    records: &[(String, Vec<Value>)],
) -> Result<(), WholeError> {
    let unsent = |error| WholeError { error, finished: None };
    let mut text = session.beginning();
    text.push_str(";\n");
    let start = text.len();
    text.push_str(body);
    // A comment may stand at the body's end, and its last statement may lack its `;`.
    text.push_str("\n;\n");
    for (sql, parameters) in records {
        text.push_str(&filled(sql, parameters).map_err(unsent)?);
        text.push_str(";\n");
    }
    text.push_str("COMMIT");
    let client = std::sync::Arc::clone(session.client().map_err(unsent)?);
    let (finished, outcome) = block_on(send(&client, &text));
    let Err(error) = outcome else { return Ok(()) };
    let mut error = answer(&error, &text);
    // The `;` that ends the body is ours: what it cuts short ends where the body does.
    error.offset = error
        .offset
        .and_then(|offset| offset.checked_sub(start))
        .filter(|offset| *offset < body.len() + "\n;\n".len())
        .map(|offset| offset.min(body.len()));
    // What is no SQL is found before the first statement: nothing was begun.
    let unread = finished == 0 && error.offset.is_some();
    // Else the failed transaction is still open there.
    if error.kind != DriverErrorKind::Cut && finished > 0 {
        session.open = true;
        if let Err(ended) = session.rollback() {
            error.notes.push(format!("rolling back: {ended}"));
        }
    }
    Err(WholeError { error, finished: if unread { Some(0) } else { finished.checked_sub(BEFORE) } })
}

async fn send(client: &Client, text: &str) -> (u64, Result<(), Error>) {
    let mut finished = 0;
    let stream = match client.simple_query_raw(text).await {
        Ok(stream) => stream,
        Err(error) => return (0, Err(error)),
    };
    let mut stream = std::pin::pin!(stream);
    while let Some(message) = stream.next().await {
        match message {
            Ok(SimpleQueryMessage::CommandComplete(_)) => finished += 1,
            Ok(_) => {}
            Err(error) => return (finished, Err(error)),
        }
    }
    (finished, Ok(()))
}
