//! Galera: a node among several, each of which takes writes. What a transaction wrote is compared with what the others wrote when it
//! commits, what it has read is not; definitions take their turn among all nodes, and wait for nobody's transaction
//! (<https://mariadb.com/kb/en/mariadb-galera-cluster-known-limitations/>).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{MysqlSession, lock};
use crate::driver::{DriverError, DriverErrorKind, Presence, ServerSession};

/// What is said of the cluster in the list of states
/// (<https://mariadb.com/kb/en/galera-cluster-status-variables/>).
const MEMBERS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN \
     ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_incoming_addresses')";

/// The port where a node's address names none.
const PORT: u16 = 3306;

/// How often a statement is sent again that was thrown out, and how much longer each time.
pub(super) const AGAIN: u32 = 8;
pub(super) const REST: Duration = Duration::from_millis(10);

/// `ER_LOCK_DEADLOCK`, as which a node says that another one's came first.
pub(super) fn is_thrown_out(error: &DriverError) -> bool {
    error.code.as_deref() == Some("1213")
}

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    name: String,
    /// No other node has it, nor this one when it was started again; several may have the same name.
    id: String,
}

impl Node {
    /// Returns what tells it from all others.
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.name, self.id)
    }
}

/// Asks a server of MySQL's line whether it is one of a cluster.
pub(super) fn is_on(session: &MysqlSession) -> Result<bool, DriverError> {
    let rows = session.send("SHOW VARIABLES LIKE 'wsrep_on'")?.rows;
    Ok(rows.first().is_some_and(|row| row.text(1).eq_ignore_ascii_case("on")))
}

/// Sets what a session on a cluster needs, and asks which node it is on.
pub(super) fn join(session: &MysqlSession) -> Result<Node, DriverError> {
    let asked = "SHOW GLOBAL STATUS LIKE 'wsrep_gcomm_uuid'; SELECT 'name', @@wsrep_node_name";
    let rows = session.send(asked)?.rows;
    // Only now: a definition that all nodes are at keeps what waits for it longer than the server lets it, half a minute.
    set(session)?;
    let said = |at: usize| rows.get(at).map(|row| row.text(1).to_owned()).unwrap_or_default();
    Ok(Node {
        name: said(rows.len().saturating_sub(1)),
        id: if rows.len() > 1 { said(0) } else { String::new() },
    })
}

/// What another node has committed may not have arrived here yet: each statement waits for it
/// (<https://mariadb.com/kb/en/galera-cluster-system-variables/#wsrep_sync_wait>). And what is defined is defined on all nodes,
/// also where the server is set to do it on one after the other by hand
/// (<https://mariadb.com/kb/en/galera-cluster-system-variables/#wsrep_osu_method>).
pub(super) fn set(session: &MysqlSession) -> Result<(), DriverError> {
    session.send("SET SESSION wsrep_sync_wait = 15, wsrep_OSU_method = 'TOI'").map(drop)
}

/// Ends the session `other`, which is on another node, over a connection to that one: each node lists and ends its own alone. Where that
/// node is no member of the cluster any more its session has no say here: what it would commit is refused there.
pub(super) fn evict(session: &MysqlSession, other: &ServerSession) -> Result<Presence, DriverError> {
    let Some(here) = &session.node else { return Ok(Presence::Unseen) };
    let rows = session.send(MEMBERS)?.rows;
    let said = |name: &str| rows.iter().find(|row| row.text(0) == name).map(|row| row.text(1));
    if said("wsrep_cluster_status") != Some("Primary") {
        return Err(unreached(other, "this node is cut off from the cluster itself"));
    }
    let size = said("wsrep_cluster_size").and_then(|size| size.parse::<usize>().ok());
    let mut seen = BTreeSet::from([here.identity()]);
    let mut last = "no node tells its address (wsrep_node_incoming_address)".to_owned();
    let told = said("wsrep_incoming_addresses").unwrap_or_default().split(',').filter_map(place);
    for (host, port) in told.chain(session.address.hosts()).collect::<BTreeSet<_>>() {
        if size == Some(seen.len()) {
            break;
        }
        match session.beside(session.address.at_place(&host, port)) {
            Err(error) => last = format!("{host}:{port}: {error}"),
            Ok(mut there) => {
                let Some(node) = there.node.as_ref().map(Node::identity) else { continue };
                if node == other.node {
                    // The list of sessions needs no waiting, least of all for what that session runs.
                    there.send("SET SESSION wsrep_sync_wait = 0")?;
                    return lock::evict(&mut there, other);
                }
                seen.insert(node);
            }
        }
    }
    if size == Some(seen.len()) { Ok(Presence::Gone) } else { Err(unreached(other, &last)) }
}

fn unreached(other: &ServerSession, reason: &str) -> DriverError {
    let name = other.node.rsplit_once(' ').map_or(other.node.as_str(), |(name, _)| name);
    let message =
        format!("session {} is on node {name}, which cannot be reached from here: {reason}", other.id);
    DriverError::new(DriverErrorKind::Open, message)
}

/// Reads an address as a node tells it: `10.0.0.2:3306`, `[::1]:3306`, a name; `AUTO` and nothing are none.
fn place(told: &str) -> Option<(String, u16)> {
    let told = told.trim();
    if told.is_empty() || told.eq_ignore_ascii_case("auto") {
        return None;
    }
    let (host, port) = match told.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, port.parse().ok()?),
        _ => (told, PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (port != 0).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_a_node_tells_it() {
        let table = [
            ("10.0.0.2:3307", Some(("10.0.0.2", 3307))),
            ("db-2", Some(("db-2", 3306))),
            ("[fd00::2]:3307", Some(("fd00::2", 3307))),
            ("fd00::2", Some(("fd00::2", 3306))),
            ("AUTO", None),
            ("", None),
            ("10.0.0.2:0", None),
            ("10.0.0.2:many", None),
        ];
        for (told, read) in table {
            assert_eq!(place(told), read.map(|(host, port)| (host.to_owned(), port)), "{told}");
        }
    }
}
