-- UPGRADE
CREATE TABLE t (a)
  -- a note
   --   Rollback
DROP TABLE t
-- the end
