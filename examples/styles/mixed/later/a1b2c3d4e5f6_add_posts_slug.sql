-- down_revision: 20230101120000

-- UPGRADE
ALTER TABLE posts ADD COLUMN slug TEXT;
--   Rollback
ALTER TABLE posts DROP COLUMN slug;
