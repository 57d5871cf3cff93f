-- Forward migration
ALTER TABLE users ADD COLUMN name TEXT;
-- @UNDO
ALTER TABLE users DROP COLUMN name;
