-- upgrade

BEGIN;

CREATE TABLE posts (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    content TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);

COMMIT;

-- rollback

BEGIN;

DROP TABLE posts;

COMMIT;
