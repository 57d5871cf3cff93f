//! The tests. Their names contain the name of this module, by which `cargo xtask test --all-servers` finds them.

use std::fs::File;
use std::time::Duration;

use testkit::server::{Role, Server, galera};
use testkit::{Database, Engine, Finished, Program, Running};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// Milliseconds; long enough that a busy machine does not make a live holder look dead between two beats.
const LEASE: u64 = 1500;

/// A database of the cluster, and the program on each of its nodes.
struct Cluster {
    /// One test at a time: what one has both nodes do keeps every other commit waiting, and heartbeats with them.
    _alone: File,
    database: Database,
    nodes: [&'static Server; 2],
    programs: [Program; 2],
}

/// Definitions, rows between them, and rows alone.
const FILES: [(&str, &str); 4] = [
    (
        "0001_log.sql",
        "CREATE TABLE log (what VARCHAR(40), id {key});\nINSERT INTO log (what) VALUES ('1');\n",
    ),
    (
        "0002_each.sql",
        "-- no-transaction\nINSERT INTO log (what) VALUES ('2a');\n-- unless: table nowhere\nCREATE TABLE a (x INTEGER);\n\
         INSERT INTO log (what) VALUES ('2b');\n",
    ),
    ("0003_rows.sql", "INSERT INTO log (what) VALUES ('3');\n"),
    (
        "0004_table.sql",
        "CREATE TABLE b (x INTEGER);\nINSERT INTO log (what) VALUES ('4a');\nALTER TABLE b ADD COLUMN y INTEGER;\n\
         INSERT INTO log (what) VALUES ('4b');\n",
    ),
];

impl Cluster {
    fn new(files: &[(&str, &str)]) -> Self {
        let nodes = galera();
        let alone = File::create(std::env::temp_dir().join("dbwarden-test-galera.lock")).unwrap();
        alone.lock().unwrap();
        let database = Database::on(Engine::Mariadb, &nodes[0]);
        database.write(files);
        // The database has not yet come to the other node, maybe.
        nodes[1].shell("", "SET SESSION wsrep_sync_wait = 15; SELECT 1");
        let programs = [&nodes[0], &nodes[1]]
            .map(|node| Program::new(BINARY, &database).on(node.url(database.owned().name())));
        Self { _alone: alone, database, nodes: [&nodes[0], &nodes[1]], programs }
    }

    fn with_lease() -> Self {
        let cluster = Self::new(&FILES);
        let programs = cluster.programs.each_ref().map(|program| program.with_lease(LEASE));
        Self { programs, ..cluster }
    }

    /// Runs `sql` on a node, which has first waited for what the other has committed.
    #[track_caller]
    fn shell(&self, node: usize, sql: &str) -> String {
        let sql = format!("SET SESSION wsrep_sync_wait = 15; {sql}");
        self.nodes[node].shell(self.database.owned().name(), &sql)
    }

    /// Everything but the lock, as each node has it.
    fn everything(&self) -> [String; 2] {
        [0, 1].map(|node| {
            let tables = self.shell(node, "SHOW TABLES");
            let all = tables.lines().filter(|table| *table != "dbwarden_lock");
            all.map(|table| {
                let sql =
                    format!("SELECT '{table}'; SHOW COLUMNS FROM {table}; SELECT * FROM {table} ORDER BY 1");
                self.shell(node, &sql)
            })
            .collect::<Vec<_>>()
            .join("\n")
        })
    }

    #[track_caller]
    fn once_each(&self, at: &str) {
        for node in [0, 1] {
            let what = self.shell(node, "SELECT what FROM log ORDER BY what");
            assert_eq!(what, "1\n2a\n2b\n3\n4a\n4b", "{at}");
            let versions = self.shell(node, "SELECT version FROM dbwarden_migrations ORDER BY sequence");
            assert_eq!(versions, "0001\n0002\n0003\n0004", "{at}");
            let left = "SELECT COUNT(*) FROM dbwarden_journal; SELECT owner FROM dbwarden_lock WHERE name = 'holder'";
            assert_eq!(self.shell(node, left), "0\nNULL", "{at}");
            assert_eq!(self.shell(node, "SHOW COLUMNS FROM b LIKE 'y'").lines().count(), 1, "{at}");
        }
    }

    /// Starts a run on the first node that stops itself at `point`.
    fn paused(&self, point: &str) -> Running {
        let paused = self.programs[0].ending_at(format!("pause:{point}")).start(&["migrate"]);
        paused.wait_until_stopped();
        paused
    }

    /// Lets another take the lock on the second node, without regard to what goes on on the first.
    fn take(&self, before: &str) {
        let take = "UPDATE dbwarden_lock SET token = token + 1, owner = NULL WHERE name = 'holder'";
        self.shell(1, &format!("{before} {take}"));
    }
}

#[track_caller]
fn lost(woken: &Finished, at: &str) {
    assert_eq!(woken.code, Some(1), "{at}: {}\n{}", woken.stdout, woken.stderr);
    assert!(woken.stderr.contains("error[lock-lost]"), "{at}: {}", woken.stderr);
}

fn race(round: usize, count: usize) {
    let cluster = Cluster::new(&FILES);
    let all: Vec<Running> = (0..count).map(|index| cluster.programs[index % 2].start(&["migrate"])).collect();
    for running in all {
        running.finish().expect(0);
    }
    cluster.once_each(&format!("round {round}"));
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn two_at_once_on_two_nodes_apply_each_migration_once() {
    for round in 0..10 {
        race(round, 2);
    }
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn sixteen_at_once_on_two_nodes_apply_each_migration_once() {
    for round in 0..5 {
        race(round, 16);
    }
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_node_is_recognised_and_get_lock_is_not_relied_on() {
    // The name of `GET_LOCK`, as the driver makes it; one server alone shows that it is the right one.
    let taken = "SELECT IS_USED_LOCK(CONCAT('dbwarden_', LEFT(SHA2(CONCAT('dbwarden `', DATABASE(), '`.`dbwarden_lock`'), 256), \
                 32))) IS NOT NULL";
    let alone = Database::new(Engine::Mariadb);
    alone.write(&FILES);
    let paused = Program::new(BINARY, &alone).ending_at("pause:planned").start(&["migrate"]);
    paused.wait_until_stopped();
    assert_eq!(alone.one(taken), "1");
    assert_eq!(
        alone.one("SELECT JSON_EXISTS(owner, '$.session.node') FROM dbwarden_lock WHERE name = 'holder'"),
        "0"
    );
    drop(paused);

    let settings =
        "CREATE TABLE settings AS SELECT @@wsrep_sync_wait AS waits, @@wsrep_OSU_method AS method;";
    let cluster = Cluster::new(&[("0001_settings.sql", settings)]);
    let paused = cluster.paused("planned");
    assert_eq!(cluster.shell(0, taken), "0");
    let node = "SELECT JSON_VALUE(owner, '$.session.node') FROM dbwarden_lock WHERE name = 'holder'";
    let id = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'wsrep_gcomm_uuid'";
    let own = cluster.shell(0, &format!("SELECT CONCAT(@@wsrep_node_name, ' ', ({id}))"));
    assert_eq!(cluster.shell(1, node), own);
    paused.go_on();
    paused.finish().expect(0);
    assert_eq!(cluster.shell(1, "SELECT waits, method FROM settings"), "15|TOI");
}

/// Stops a run on the first node at `point`, lets one on the second come to its end, and wakes the first.
fn taken_over(point: &str) {
    let cluster = Cluster::with_lease();
    let paused = cluster.paused(point);
    let other = cluster.programs[1].run(&["migrate", "--lock-wait", "60s"]).expect(0);
    assert!(other.stdout.contains("at 0004 (head)"), "{point}: {}", other.stdout);
    let before = cluster.everything();
    paused.go_on();
    lost(&paused.finish(), point);
    assert_eq!(cluster.everything(), before, "{point}");
    cluster.once_each(point);
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_paused_holder_is_taken_over_on_the_other_node_and_writes_nothing_more() {
    for point in
        ["planned", "begun:1", "renewed:1", "unit-begun:1", "statement-run:1", "unit-run:1", "committed:1"]
    {
        taken_over(point);
    }
    for point in [
        "statement-run:2",
        "recorded:1",
        "renewed:3",
        "unit-begun:2",
        "unit-recorded:3",
        "begun:8",
        "unit-begun:4",
    ] {
        taken_over(point);
    }
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_killed_holder_is_followed_on_the_other_node_at_once() {
    for point in [
        "lock-taken",
        "planned",
        "begun:1",
        "unit-begun",
        "statement-run:2",
        "renewed:2",
        "committed:3",
        "begun:6",
    ] {
        let cluster = Cluster::new(&FILES);
        let killed = cluster.programs[0].ending_at(point).run(&["migrate"]);
        assert!(killed.was_killed(), "{point}: {}", killed.stderr);
        let other = cluster.programs[1].run(&["migrate"]).expect(0);
        assert!(
            other.took < Duration::from_secs(20),
            "{point}: nobody waits for a lease to run out: {:?}",
            other.took
        );
        cluster.once_each(point);
    }
}

#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn killed_at_any_moment_it_is_gone_on_with_on_the_other_node() {
    let mut random = testkit::Random::new(26);
    for round in 0..12 {
        let cluster = Cluster::new(&FILES);
        let running = cluster.programs[0].start(&["migrate"]);
        std::thread::sleep(random.time_below(Duration::from_millis(250)));
        running.kill();
        running.finish();
        cluster.programs[1].run(&["migrate"]).expect(0);
        // It may have been killed when all was done but this.
        cluster.programs[1].run(&["unlock"]).expect(0);
        cluster.once_each(&format!("round {round}"));
    }
}

/// Rows that a node takes a while to make what another has committed of them.
const MANY: &str = "SET SESSION wsrep_retry_autocommit = 0; \
     INSERT INTO many SELECT seq, REPEAT('x', 200) FROM seq_1_to_150000;";

/// The takeover is committed before the holder commits, and the holder's node does not know of it yet: it works on many rows that came
/// before. What was read and locked there does not count; what was written does.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_commit_behind_a_takeover_that_its_node_has_not_seen_is_refused() {
    let points = [("renewed:3", ""), ("renewed:4", "1"), ("renewed:7", "1\n2a"), ("renewed:8", "1\n2a\n2b")];
    for (point, rows) in points {
        let cluster = Cluster::new(&FILES);
        cluster.shell(0, "CREATE TABLE many (id INTEGER PRIMARY KEY, text VARCHAR(200))");
        let paused = cluster.paused(point);
        let before = cluster.shell(1, "SELECT COUNT(*) FROM dbwarden_migrations");
        cluster.take(MANY);
        paused.go_on();
        lost(&paused.finish(), point);
        assert_eq!(cluster.shell(1, "SELECT what FROM log ORDER BY what"), rows, "{point}");
        assert_eq!(cluster.shell(1, "SELECT COUNT(*) FROM dbwarden_migrations"), before, "{point}");
    }
}

/// No transaction keeps a definition back: the check of the token comes with it in one packet, and waits for what the other node has
/// committed.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_definition_behind_a_takeover_is_not_sent_on() {
    for (point, table) in [("unit-begun:1", "log"), ("unit-begun:2", "a"), ("unit-begun:3", "b")] {
        let cluster = Cluster::new(&FILES);
        cluster.shell(0, "CREATE TABLE many (id INTEGER PRIMARY KEY, text VARCHAR(200))");
        let paused = cluster.paused(point);
        cluster.take(MANY);
        paused.go_on();
        lost(&paused.finish(), point);
        assert_eq!(cluster.shell(1, &format!("SHOW TABLES LIKE '{table}'")), "", "{point}");
    }
}

/// 1213 at the commit, as another node was quicker at a row of ours: nothing of it was kept, and it is done again.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_commit_that_another_node_was_quicker_than_is_done_again() {
    let quicker = "UPDATE dbwarden_lock SET beat = beat + 1 WHERE name = 'holder'";
    // What begins, what is done, rows of a migration with its record, rows in the middle of one.
    for number in [1, 2, 3, 4, 7, 8, 11, 12] {
        let point = format!("renewed:{number}");
        let cluster = Cluster::new(&FILES);
        let paused = cluster.paused(&point);
        cluster.shell(1, quicker);
        paused.go_on();
        let finished = paused.finish().expect(0);
        assert!(finished.stderr.contains("Deadlock"), "{point}: {}", finished.stderr);
        cluster.once_each(&point);
    }
}

/// A definition of somebody else's throws rows out that are not committed. What the journal has stays done.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn rows_that_a_definition_on_another_node_throws_out_are_run_again() {
    let file = "CREATE TABLE a (x INTEGER);\nINSERT INTO log (what) VALUES ('2a');\nINSERT INTO log (what) VALUES ('2b');\n";
    let cluster = Cluster::new(&[FILES[0], ("0002_group.sql", file), FILES[2], FILES[3]]);
    let paused = cluster.paused("statement-run:4");
    cluster.shell(1, "ALTER TABLE log ADD COLUMN later INTEGER");
    paused.go_on();
    let finished = paused.finish().expect(0);
    assert!(finished.stderr.contains("Deadlock"), "{}", finished.stderr);
    cluster.once_each("a group");
}

/// A definition keeps every other commit waiting, on both nodes, and the holder's heartbeat with them.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_holder_with_a_long_definition_is_not_taken_for_gone() {
    let cluster = Cluster::new(&FILES);
    cluster.programs[0].run(&["migrate"]).expect(0);
    cluster.shell(0, SLOW);
    // The other one has seen it beat when the definition begins.
    cluster.database.write(&[("0005_long.sql", &format!("DO SLEEP(1);\n{LONG}"))]);
    let [first, second] = cluster.programs.each_ref().map(|program| program.with_lease(2 * LEASE));
    let holder = first.start(&["migrate"]);
    std::thread::sleep(Duration::from_millis(300));
    let waiting = second.start(&["migrate", "--lock-wait", "100s"]);
    let held = holder.finish().expect(0);
    assert!(held.took > Duration::from_millis(1000 + 2 * LEASE), "much longer than a lease: {:?}", held.took);
    waiting.finish().expect(0);
    assert_eq!(cluster.shell(1, "SHOW COLUMNS FROM slow").lines().count(), 3);
}

/// A table, and a definition that takes both nodes some seconds, whatever they have to do beside.
const SLOW: &str =
    "CREATE TABLE slow (id INTEGER PRIMARY KEY); INSERT INTO slow SELECT seq FROM seq_1_to_20000";
const LONG: &str = "ALTER TABLE slow ADD COLUMN a INTEGER AS (LENGTH(SHA2(REPEAT(id, 25000), 512))) STORED;\n\
     ALTER TABLE slow ADD COLUMN b INTEGER;\n";

/// The server works on for a client that is gone. What all nodes are at cannot be ended; what would follow is.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_long_definition_of_a_killed_holder_is_waited_for() {
    let cluster = Cluster::new(&FILES);
    cluster.programs[0].run(&["migrate"]).expect(0);
    cluster.shell(0, SLOW);
    cluster.database.write(&[("0005_long.sql", LONG)]);
    let holder = cluster.programs[0].start(&["migrate"]);
    let altering = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE slow%'";
    while cluster.nodes[0].shell("", altering) == "0" {
        std::thread::sleep(Duration::from_millis(10));
    }
    holder.kill();
    holder.finish();
    cluster.programs[1].run(&["migrate", "--lock-wait", "100s"]).expect(0);
    assert_eq!(cluster.shell(1, "SHOW COLUMNS FROM slow").lines().count(), 3);
    assert_eq!(
        cluster.shell(0, "SELECT version FROM dbwarden_migrations ORDER BY sequence DESC LIMIT 1"),
        "0005"
    );
}

/// An account with no right but on its database, and a node that lets nobody in any more.
#[test]
#[ignore = "the longer lane: cargo xtask test --all-servers"]
fn a_holder_on_a_node_that_cannot_be_reached_is_named_and_not_followed() {
    let role: Role = galera()[0].role("plain");
    let cluster = Cluster::with_lease();
    cluster.database.owned().give_to(&role);
    cluster.nodes[1].shell("", "SET SESSION wsrep_sync_wait = 15; SELECT 1");
    let name = cluster.database.owned().name().to_owned();
    let [first, second] =
        [0, 1].map(|node| cluster.programs[node].on(cluster.nodes[node].url_as(&role, &name)));
    // Where it can be reached, the account may end its own session there.
    let paused = first.ending_at("pause:planned").start(&["migrate", "-t", "0001"]);
    paused.wait_until_stopped();
    second.run(&["migrate", "-t", "0001"]).expect(0);
    paused.go_on();
    lost(&paused.finish(), "an account of its own");

    let paused = first.ending_at("pause:planned").start(&["migrate"]);
    paused.wait_until_stopped();
    // On the one node alone.
    let shut = format!("SET SESSION wsrep_on = OFF; ALTER USER '{}'@'%' ACCOUNT LOCK;", role.name());
    cluster.nodes[0].shell("", &shut);
    let other = second.run(&["migrate", "--lock-wait", "60s"]);
    assert_eq!(other.code, Some(1), "{}", other.stderr);
    let node = cluster.shell(0, "SELECT @@wsrep_node_name");
    for what in
        ["error[holder-unseen]", &format!("is on node {node}, which cannot be reached from here"), "4151"]
    {
        assert!(other.stderr.contains(what), "{what}: {}", other.stderr);
    }
    // A person looks, and decides. The one that was stopped writes nothing more then.
    second.run(&["unlock", "--force"]).expect(0);
    second.run(&["migrate"]).expect(0);
    paused.go_on();
    lost(&paused.finish(), "forced open");
    cluster.once_each("forced open");
}
