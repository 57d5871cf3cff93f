DROP VIEW IF EXISTS users_by_email;
CREATE VIEW users_by_email AS SELECT id, email FROM users ORDER BY email;
