-- down_revision: none
-- created: 2024-01-14

-- upgrade

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    balance INTEGER NOT NULL DEFAULT 0
);

-- rollback

DROP TABLE api_keys;
