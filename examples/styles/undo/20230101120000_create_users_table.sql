-- Forward migration
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT UNIQUE NOT NULL
);

-- @UNDO

-- Undo migration
DROP TABLE users;
