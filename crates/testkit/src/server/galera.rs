//! A Galera cluster of two MariaDB nodes, of the longer lane.

use std::path::Path;
use std::sync::OnceLock;

use super::folder::{Folder, Plan, free_port};
use super::start::{Started, in_folder, mariadb_arguments, mariadb_data};
use super::{Brand, Server, find, further};

pub(super) const VARIABLES: [&str; 2] = ["DBWARDEN_TEST_GALERA_URL", "DBWARDEN_TEST_GALERA_2_URL"];
const PROVIDERS: [&str; 3] = [
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
];

/// Returns the two nodes of a cluster. Tests that ask for it belong to the longer lane: they are ignored unless they are asked for, and
/// `longer_lane` is part of their names.
///
/// # Panics
/// Where there is none: the message says what to install or to set.
#[track_caller]
pub fn galera() -> &'static [Server; 2] {
    static NODES: OnceLock<Result<[Server; 2], String>> = OnceLock::new();
    super::shown(NODES.get_or_init(|| {
        let (first, folder) = further(Brand::Mariadb, VARIABLES[0], "galera", start_first)?;
        // The name of the first one in it: a second node of a cluster that is gone is of no use.
        let name = folder.as_ref().and_then(|folder| folder.path().file_name());
        let name = format!("galera-2-{}", name.unwrap_or_default().display());
        let missing = || format!("{} is set and {} is not", VARIABLES[0], VARIABLES[1]);
        let start = || start_second(folder.as_ref().ok_or_else(missing)?, &first);
        let (second, _) = further(Brand::Mariadb, VARIABLES[1], &name, start)?;
        Ok([first, second])
    }))
}

pub(super) fn installed() -> bool {
    provider().is_some() && find::program(&["rsync"]).is_some()
}

fn provider() -> Option<&'static str> {
    PROVIDERS.into_iter().find(|path| Path::new(path).is_file())
}

/// Starts the node that founds the cluster.
pub(super) fn start_first() -> Result<Started, String> {
    in_folder(Brand::Mariadb, "mysql", |folder, address| {
        mariadb_data(folder, address)?;
        plan(folder, mariadb_arguments(folder, address), address.port, "")
    })
}

/// Starts the node that joins it, and gets everything from it, accounts too.
pub(super) fn start_second(first: &Folder, server: &Server) -> Result<Started, String> {
    let group = std::fs::read_to_string(first.file("group"))
        .map_err(|error| format!("no cluster to join: {error}"))?;
    in_folder(Brand::Mariadb, "mysql", |folder, address| {
        mariadb_data(folder, address)?;
        server.password().clone_into(&mut address.password);
        let mut arguments = mariadb_arguments(folder, address);
        arguments.retain(|argument| !argument.starts_with("--init-file="));
        plan(folder, arguments, address.port, &group)
    })
}

fn plan(folder: &Folder, mut arguments: Vec<String>, port: u16, join: &str) -> Result<Plan, String> {
    let missing = "Galera is not installed: `cargo xtask test --all-servers` as root installs it on Debian \
                   (packages galera-4, rsync)";
    let provider = provider().filter(|_| installed()).ok_or(missing)?;
    let program = find::program(&["mariadbd"]).ok_or_else(|| Brand::Mariadb.missing())?;
    let (group, increments, state) = (free_port()?, free_port()?, free_port()?);
    folder.write("group", &format!("127.0.0.1:{group}"), 0o644)?;
    arguments.extend([
        "--binlog-format=ROW".to_owned(),
        "--innodb-autoinc-lock-mode=2".to_owned(),
        "--wsrep-on=ON".to_owned(),
        format!("--wsrep-provider={provider}"),
        "--wsrep-sst-method=rsync".to_owned(),
        "--wsrep-node-address=127.0.0.1".to_owned(),
        // As it does by itself where it listens on more than the loopback.
        format!("--wsrep-node-incoming-address=127.0.0.1:{port}"),
        "--wsrep-cluster-name=dbwarden".to_owned(),
        format!("--wsrep-cluster-address=gcomm://{join}"),
        format!(
            "--wsrep-provider-options=base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};\
             ist.recv_addr=127.0.0.1:{increments}"
        ),
        format!("--wsrep-sst-receive-address=127.0.0.1:{state}"),
    ]);
    Ok(Plan { program, arguments, signal: "KILL" })
}
