-- upgrade
CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- rollback
DROP TABLE events;
