//! What is run on DuckDB while it is killed: its transactions hold definitions too, checkpoints refuse one, and an index is not made
//! behind an UPDATE.

use crate::scenarios::{ADOPT, LOG, MERGE, PLAIN, Scenario, UNMERGE};

/// Everything that is killed on DuckDB.
pub(crate) const SCENARIOS: &[Scenario] = &[
    ADOPT,
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
                 START TRANSACTION;\nCREATE TYPE mood AS ENUM ('sad', 'happy');\nINSERT INTO log VALUES ('b');\nEND;\n\
                 INSERT INTO log VALUES ('c');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "checkpoints",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_each.sql",
                "-- no-transaction\nINSERT INTO log VALUES ('1');\nCREATE TABLE a (x integer);\nCHECKPOINT;\n\
                 INSERT INTO log VALUES ('2');\n",
            ),
            (
                "0003_middle.sql",
                "INSERT INTO log VALUES ('3');\nFORCE CHECKPOINT;\nCREATE TABLE b (x integer);\nVACUUM;\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "what an index cannot follow",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_index.sql",
                "CREATE TABLE a (x integer);\nINSERT INTO a VALUES (1), (2);\nUPDATE a SET x = x + 1;\n\
                 INSERT INTO log VALUES ('updated');\nCREATE UNIQUE INDEX a_x ON a (x);\nINSERT INTO log VALUES ('made');\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "settings that are set again",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_settings.sql",
                "CREATE SCHEMA app;\nUSE app;\nSET VARIABLE name = 'set';\nCREATE TABLE here (x text);\nCHECKPOINT;\n\
                 INSERT INTO here VALUES (getvariable('name'));\nINSERT INTO main.log VALUES (getvariable('name'));\nCHECKPOINT;\n\
                 INSERT INTO here VALUES ('again');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
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
    Scenario { name: "stamp", files: PLAIN, before: &[], command: &["stamp", "head"] },
    Scenario {
        name: "seeds and conditions",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_seed.sql",
                "-- seed\n-- unless: query SELECT count(*) > 1 FROM log\nINSERT INTO log VALUES ('seed');\n\
                 -- unless: table a\nCREATE TABLE a (x integer);\n",
            ),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
];
