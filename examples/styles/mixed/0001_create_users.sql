-- upgrade
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
-- rollback
DROP TABLE users;
