-- upgrade

CREATE TABLE service_types (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- rollback

DROP TABLE service_types;
