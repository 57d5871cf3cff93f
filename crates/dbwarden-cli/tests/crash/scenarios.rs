//! What is run while it is killed. Each statement that must run once adds a row to `log`, which has no key: a second run
//! would show.

use testkit::Database;

/// A command on a database that other commands have prepared.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Commands before it, on the database that is then copied for each kill.
    pub(crate) before: &'static [&'static [&'static str]],
    /// What is killed, and run again.
    pub(crate) command: &'static [&'static str],
}

pub(crate) const LOG: &str = "CREATE TABLE log (what TEXT NOT NULL);\nINSERT INTO log VALUES ('first');\n\
                   -- rollback\nDROP TABLE log;\n";
pub(crate) const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);\n\
                     INSERT INTO log VALUES ('users');\nCREATE INDEX users_name ON users (name);\n\
                     -- rollback\nINSERT INTO log VALUES ('users undone');\nDROP TABLE users;\n";
pub(crate) const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));\n\
                      INSERT INTO log VALUES ('orders');\n\
                      -- rollback\nINSERT INTO log VALUES ('orders undone');\nDROP TABLE orders;\n";
pub(crate) const PLAIN: &[(&str, &str)] =
    &[("0001_log.sql", LOG), ("0002_users.sql", USERS), ("0003_orders.sql", ORDERS)];

const BRANCHES: &[(&str, &str)] = &[
    ("0001_log.sql", LOG),
    ("0002_left.sql", "-- down_revision: 0001\nCREATE TABLE a (x integer);\n-- rollback\nDROP TABLE a;\n"),
    ("0003_right.sql", "-- down_revision: 0001\nCREATE TABLE b (x integer);\n-- rollback\nDROP TABLE b;\n"),
    ("0004_merge.sql", "-- down_revision: [\"0002\", \"0003\"]\n"),
    (
        "0005_behind.sql",
        "INSERT INTO log VALUES ('behind');\n-- rollback\nINSERT INTO log VALUES ('gone');\n",
    ),
];
/// A merge that runs nothing, between two that do.
pub(crate) const MERGE: Scenario =
    Scenario { name: "a merge", files: BRANCHES, before: &[], command: &["migrate"] };
/// The same on the way back.
pub(crate) const UNMERGE: Scenario = Scenario {
    name: "rollback of a merge",
    files: BRANCHES,
    before: &[&["migrate"]],
    command: &["rollback", "-t", "0001"],
};

/// Stands for a command: the database is put into WAL mode.
pub(crate) const WAL: &[&str] = &["WAL"];

/// Stands for a command: the database gets the tables of the Python DBWarden, in which [`PLAIN`] but its last is applied.
pub(crate) const PYTHON: &[&str] = &["PYTHON"];

/// Tables that have the names of ours are set aside, and what is in them is taken over.
pub(crate) const ADOPT: Scenario =
    Scenario { name: "another tool's records", files: PLAIN, before: &[PYTHON], command: &["adopt"] };

/// Everything that is killed on SQLite.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "plain", files: PLAIN, before: &[], command: &["migrate"] },
    ADOPT,
    Scenario {
        name: "in WAL mode",
        files: PLAIN,
        before: &[&["migrate", "-t", "0001"], WAL],
        command: &["migrate"],
    },
    Scenario {
        name: "one transaction",
        files: PLAIN,
        before: &[],
        command: &["migrate", "--single-transaction"],
    },
    Scenario {
        name: "groups",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_groups.sql",
                "BEGIN;\nCREATE TABLE a (x);\nINSERT INTO log VALUES ('a');\nCOMMIT;\n\
                 BEGIN;\nCREATE TABLE b (x);\nINSERT INTO log VALUES ('b');\nCOMMIT;\n\
                 BEGIN IMMEDIATE;\nINSERT INTO log VALUES ('c');\nEND;\nINSERT INTO log VALUES ('d');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
        ],
        before: &[],
        command: &["migrate"],
    },
    Scenario {
        name: "no transaction",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_each.sql",
                "-- no-transaction\nINSERT INTO log VALUES ('1');\nCREATE TABLE a (x);\nVACUUM;\n\
                 INSERT INTO log VALUES ('2');\nINSERT INTO log VALUES ('3');\n",
            ),
        ],
        before: &[],
        command: &["migrate"],
    },
    Scenario {
        name: "journal mode in the middle",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_wal.sql",
                "INSERT INTO log VALUES ('before');\nPRAGMA journal_mode = WAL;\nCREATE TABLE a (x);\n\
                 INSERT INTO log VALUES ('behind');\nVACUUM;\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('next');"),
        ],
        before: &[],
        command: &["migrate"],
    },
    Scenario {
        name: "rebuild with foreign keys off",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_families.sql",
                "CREATE TABLE parents (id INTEGER PRIMARY KEY);\n\
                 CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE);\n\
                 INSERT INTO parents VALUES (1), (2);\nINSERT INTO children VALUES (1, 1), (2, 2), (3, 2);\n",
            ),
            (
                "0003_rebuild.sql",
                "PRAGMA foreign_keys = OFF;\nBEGIN;\n\
                 CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');\n\
                 INSERT INTO parents_new (id) SELECT id FROM parents;\nDROP TABLE parents;\n\
                 ALTER TABLE parents_new RENAME TO parents;\nINSERT INTO log VALUES ('rebuilt');\n\
                 COMMIT;\nPRAGMA foreign_keys = ON;\n",
            ),
        ],
        before: &[],
        command: &["migrate"],
    },
    Scenario {
        name: "rollback of two",
        files: PLAIN,
        before: &[&["migrate"]],
        command: &["rollback", "-t", "0001"],
    },
    Scenario {
        name: "rollback in several transactions",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_users.sql",
                "-- no-transaction\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n-- rollback\n\
                 INSERT INTO log VALUES ('going');\nVACUUM;\nDROP TABLE users;\nINSERT INTO log VALUES ('gone');\n",
            ),
        ],
        before: &[&["migrate"]],
        command: &["rollback", "-t", "0001"],
    },
    Scenario {
        name: "repeatables",
        files: &[
            ("0001_log.sql", LOG),
            (
                "ROC__names.sql",
                "DROP VIEW IF EXISTS logged;\nCREATE VIEW logged AS SELECT what FROM log;\n\
                                INSERT INTO log VALUES ('on change');\n",
            ),
            // It runs always, so also again behind a kill.
            (
                "RA__totals.sql",
                "CREATE TABLE IF NOT EXISTS totals (n INTEGER);\nDELETE FROM totals;\n\
                                INSERT INTO totals SELECT count(*) FROM log;\n",
            ),
        ],
        before: &[],
        command: &["migrate"],
    },
    Scenario {
        name: "a repeatable that changed",
        files: &[("0001_log.sql", LOG), ("ROC__names.sql", "INSERT INTO log VALUES ('changed');\n")],
        before: &[&["migrate"]],
        command: &["migrate"],
    },
    Scenario {
        name: "rollback beside repeatables",
        files: &[
            ("0001_log.sql", LOG),
            ("0002_users.sql", USERS),
            ("ROC__names.sql", "DROP VIEW IF EXISTS logged;\nCREATE VIEW logged AS SELECT what FROM log;\n"),
        ],
        before: &[&["migrate"]],
        command: &["rollback", "-t", "0001"],
    },
    MERGE,
    UNMERGE,
    Scenario { name: "stamp", files: PLAIN, before: &[], command: &["stamp", "head"] },
    Scenario { name: "stamp to base", files: PLAIN, before: &[&["migrate"]], command: &["stamp", "base"] },
    Scenario {
        name: "baseline",
        files: PLAIN,
        before: &[],
        command: &["migrate", "--baseline", "-t", "0002"],
    },
    Scenario {
        name: "seeds and conditions",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_seed.sql",
                "-- seed\n-- unless: query SELECT count(*) > 1 FROM log\nINSERT INTO log VALUES ('seed');\n\
                 -- unless: table a\nCREATE TABLE a (x);\n",
            ),
        ],
        before: &[],
        command: &["migrate"],
    },
];

/// The tables that the Python DBWarden makes, which have the names of ours.
pub(crate) fn python(database: &Database) {
    database.execute(
        "CREATE TABLE dbwarden_migrations (id INTEGER PRIMARY KEY, version VARCHAR(255) UNIQUE, description VARCHAR(500), \
         filename VARCHAR(500) UNIQUE, migration_type VARCHAR(50), applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, \
         checksum VARCHAR(128))",
    );
    database.execute(
        "CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY CHECK (id = 1), locked BOOLEAN DEFAULT FALSE, acquired_at TIMESTAMP NULL)",
    );
    database.execute("INSERT INTO dbwarden_lock VALUES (1, FALSE, NULL)");
    for (id, name) in [(1, "0001_log.sql"), (2, "0002_users.sql")] {
        let version = &name[..4];
        database.execute(&format!(
            "INSERT INTO dbwarden_migrations VALUES ({id}, '{version}', 'text', '{name}', 'versioned', '2025-03-01 10:00:00', NULL)"
        ));
    }
}

/// The tables that DBWarden, classic, makes: nothing has the names of ours there.
pub(crate) fn strata(database: &Database) {
    database
        .execute("CREATE TABLE strata_migrations (version VARCHAR(50) PRIMARY KEY, applied_at TIMESTAMP)");
    database.execute(
        "INSERT INTO strata_migrations VALUES ('0001', '2024-02-15 14:30:00'), ('0002', '2024-02-15 14:30:07')",
    );
    database.execute(
        "CREATE TABLE strata_lock (id INTEGER PRIMARY KEY, locked BOOLEAN, acquired_at TIMESTAMP NULL)",
    );
}

/// Makes `database` one that another tool has migrated up to the last of [`PLAIN`]; that tool's `tables` say so.
pub(crate) fn applied_by(database: &Database, tables: fn(&Database)) {
    database.write(PLAIN);
    // A second time, either would fail.
    database.execute("CREATE TABLE log (what TEXT NOT NULL)");
    database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)");
    tables(database);
}
