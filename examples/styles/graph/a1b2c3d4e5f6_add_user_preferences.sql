-- revision: a1b2c3d4e5f6
-- down_revision: f6e5d4c3b2a1
-- created: 2024-01-15 10:30:00.123456

-- upgrade

CREATE TABLE user_preferences (
    id INTEGER PRIMARY KEY,
    api_key_id INTEGER NOT NULL REFERENCES api_keys (id),
    theme TEXT
);

CREATE INDEX ix_user_preferences_api_key_id ON user_preferences (api_key_id);

-- rollback

DROP INDEX ix_user_preferences_api_key_id;
DROP TABLE user_preferences;
