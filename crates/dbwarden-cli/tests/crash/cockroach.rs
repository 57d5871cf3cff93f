//! What is run on the scripted CockroachDB while it is killed: there a schema change is a unit of its own, in the journal.

use crate::scenarios::{ADOPT, LOG, MERGE, PLAIN, Scenario, UNMERGE};

/// Everything that is killed on it.
pub(crate) const SCENARIOS: &[Scenario] = &[
    ADOPT,
    Scenario { name: "plain", files: PLAIN, before: &[], command: &["migrate"] },
    MERGE,
    UNMERGE,
    Scenario {
        name: "schema changes among rows",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_mixed.sql",
                "INSERT INTO log VALUES ('1');\nCREATE INDEX log_what ON log (what);\nINSERT INTO log VALUES ('2');\n\
                 INSERT INTO log VALUES ('3');\nALTER TABLE log ADD COLUMN more integer;\nCREATE TABLE a (x integer);\n\
                 ALTER TABLE a RENAME TO b;\nCREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'glad';\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');\n"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "blocks",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_blocks.sql",
                "BEGIN;\nCREATE TABLE a (x integer);\nINSERT INTO log VALUES ('a');\nCOMMIT;\n\
                 START TRANSACTION;\nINSERT INTO log VALUES ('b');\nEND;\nINSERT INTO log VALUES ('c');\n",
            ),
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
    Scenario { name: "stamp", files: PLAIN, before: &[], command: &["stamp", "head"] },
];
