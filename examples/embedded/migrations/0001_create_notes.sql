-- upgrade

CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);

-- rollback

DROP TABLE notes;
