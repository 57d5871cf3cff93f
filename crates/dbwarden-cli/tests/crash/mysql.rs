//! What is run on MariaDB while it is killed: statements that commit by themselves, alone and between rows, and what a session keeps.

use crate::scenarios::{ADOPT, LOG, MERGE, PLAIN, Scenario, UNMERGE};

/// Everything that is killed on MariaDB.
pub(crate) const SCENARIOS: &[Scenario] = &[
    ADOPT,
    Scenario { name: "plain", files: PLAIN, before: &[], command: &["migrate"] },
    MERGE,
    UNMERGE,
    Scenario {
        name: "groups",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_groups.sql",
                "BEGIN;\nINSERT INTO log VALUES ('a');\nINSERT INTO log VALUES ('b');\nCOMMIT;\nCREATE TABLE a (x integer);\n\
                 START TRANSACTION;\nINSERT INTO log VALUES ('c');\nCOMMIT;\nINSERT INTO log VALUES ('d');\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
        ],
        before: &[&["migrate", "-t", "0001"]],
        command: &["migrate"],
    },
    Scenario {
        name: "every sort of definition",
        files: &[
            ("0001_log.sql", LOG),
            (
                "0002_all.sql",
                "CREATE TABLE a (id integer PRIMARY KEY, x integer);\nCREATE TABLE b (x integer);\n\
                 ALTER TABLE a ADD COLUMN y integer NOT NULL DEFAULT 7, ADD INDEX a_x (x);\nINSERT INTO a VALUES (1, 1, 1);\n\
                 CREATE UNIQUE INDEX a_y ON a (y);\nDROP INDEX a_x ON a;\nCREATE VIEW seen AS SELECT what FROM log;\n\
                 DELIMITER //\nCREATE PROCEDURE note(what text)\nBEGIN\n  INSERT INTO log VALUES (what);\nEND//\n\
                 CREATE TRIGGER noted AFTER INSERT ON b FOR EACH ROW INSERT INTO log VALUES ('noted')//\nDELIMITER ;\n\
                 INSERT INTO b VALUES (1);\nRENAME TABLE b TO c;\nDROP TABLE a;\nDROP PROCEDURE note;\n",
            ),
            ("0003_behind.sql", "INSERT INTO log VALUES ('behind');"),
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
                "-- no-transaction\nINSERT INTO log VALUES ('1');\nCREATE TABLE a (x integer);\nANALYZE TABLE log;\n\
                 -- unless: table a\nCREATE TABLE a (x integer);\nINSERT INTO log VALUES ('2');\n",
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
                "SET FOREIGN_KEY_CHECKS = 0;\nSET @name = 'set';\nCREATE TABLE child (p integer, FOREIGN KEY (p) REFERENCES parent (id));\n\
                 INSERT INTO log VALUES (@name);\nCREATE TABLE parent (id integer PRIMARY KEY);\nINSERT INTO log VALUES (@name);\n\
                 INSERT INTO child VALUES (5);\nSET FOREIGN_KEY_CHECKS = 1;\n",
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
];
