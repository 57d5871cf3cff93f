-- upgrade
CREATE INDEX ix_orders_email ON orders (email);

-- rollback
DROP INDEX ix_orders_email;
