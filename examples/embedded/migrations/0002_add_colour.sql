-- upgrade

ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'white';

-- rollback

ALTER TABLE notes DROP COLUMN colour;
