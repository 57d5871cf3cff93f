-- revision: c3d4e5f6a1b2
-- down_revision: ["a1b2c3d4e5f6", "b2c3d4e5f6a1"]

-- upgrade

SELECT 'two heads become one';

-- rollback

SELECT 'one head becomes two';
