DROP VIEW IF EXISTS users_by_name;
CREATE VIEW users_by_name AS SELECT id, name FROM users ORDER BY name;
