//! What is run on PostgreSQL while it is killed: each way in which a file reaches the server, and each sort of statement that
//! wants a way of its own.

use crate::scenarios::{ADOPT, LOG, MERGE, PLAIN, Scenario, UNMERGE, USERS};

/// Everything that is killed on PostgreSQL.
pub(crate) const SCENARIOS: &[Scenario] = &[
    ADOPT,
    // Each file in one packet.
    Scenario { name: "plain", files: PLAIN, before: &[], command: &["migrate"] },
    MERGE,
    UNMERGE,
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
                "BEGIN;\nCREATE TABLE a (x integer);\nINSERT INTO log VALUES ('a');\nCOMMIT;\n\
                 BEGIN;\nCREATE TABLE b (x integer);\nINSERT INTO log VALUES ('b');\nCOMMIT;\n\
                 START TRANSACTION;\nINSERT INTO log VALUES ('c');\nEND;\nINSERT INTO log VALUES ('d');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "directives",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_directives.sql",
                "-- seed\n-- unless: query SELECT count(*) > 1 FROM log\nINSERT INTO log VALUES ('seed');\n\
                 -- unless: table a\nCREATE TABLE a (x integer);\nINSERT INTO log VALUES ('behind');\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "no transaction",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_each.sql",
                "-- no-transaction\nINSERT INTO log VALUES ('1');\nCREATE TABLE a (x integer);\nVACUUM log;\n\
                 INSERT INTO log VALUES ('2');\nINSERT INTO log VALUES ('3');\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "an index made concurrently",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_index.sql",
                "INSERT INTO log VALUES ('before');\nCREATE TABLE a (x integer);\nINSERT INTO a VALUES (1), (2);\n\
                 CREATE INDEX CONCURRENTLY a_x ON a (x);\nINSERT INTO log VALUES ('behind');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('next');"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "an index dropped concurrently",
        files: &[
            ("0001_log.sql", LOG),
            ("0002_index.sql", "CREATE INDEX log_what ON log (what);\n"),
            ("0003_drop.sql", "DROP INDEX CONCURRENTLY log_what;\nINSERT INTO log VALUES ('behind');\n"),
        ],
        before: &[&["migrate", "-t", "0002"]],
        command: &["migrate"],
    },
    Scenario {
        name: "a value of an enum, then its use",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_moods.sql",
                "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE faces (mood mood);\nINSERT INTO faces VALUES ('sad');\n",
            ),
            (
                "0003_glad.sql",
                "INSERT INTO log VALUES ('before');\nALTER TYPE mood ADD VALUE 'glad';\n\
                 INSERT INTO faces VALUES ('glad');\nINSERT INTO log VALUES ('behind');\n",
            ),
        ],
        before: &[&["migrate", "-t", "0002"]],
        command: &["migrate"],
    },
    Scenario {
        name: "rows behind COPY",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_copy.sql",
                "COPY log (what) FROM stdin;\none\ntwo\n\\.\nINSERT INTO log VALUES ('three');\n",
            ),
            (
                "0003_copy.sql",
                "-- no-transaction\nCOPY log FROM stdin;\nfour\nfive\n\\.\nVACUUM log;\nCOPY log FROM stdin;\nsix\n\\.\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "a setting that is set again",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_schema.sql",
                "-- no-transaction\nCREATE SCHEMA other;\nSET search_path TO other, public;\n\
                 CREATE TABLE there (x integer);\nVACUUM log;\nCREATE TABLE there_too (x integer);\n\
                 INSERT INTO log VALUES ('behind');\n",
            ),
            ("0003_here.sql", "CREATE TABLE here (x integer);\n"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "an emptied search path",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_dump.sql",
                "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a (x integer);\n\
                 INSERT INTO public.log VALUES ('dump');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');\n"),
        ],
        before: &[&["migrate", "-t", "0001"]],
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
                "-- no-transaction\nCREATE TABLE users (id integer PRIMARY KEY);\n-- rollback\n\
                 INSERT INTO log VALUES ('going');\nVACUUM log;\nDROP TABLE users;\nINSERT INTO log VALUES ('gone');\n",
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
                "CREATE OR REPLACE VIEW logged AS SELECT what FROM log;\nINSERT INTO log VALUES ('on change');\n",
            ),
            // It runs always, so also again behind a kill.
            (
                "RA__totals.sql",
                "CREATE TABLE IF NOT EXISTS totals (n integer);\nDELETE FROM totals;\n\
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
    Scenario { name: "stamp", files: PLAIN, before: &[], command: &["stamp", "head"] },
];
