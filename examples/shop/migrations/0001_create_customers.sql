-- Customers are known by their address for mail, in any spelling of it.

-- upgrade

CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    full_name TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK (email LIKE '%_@_%')
);

CREATE UNIQUE INDEX customers_email ON customers (lower(email));

-- rollback

DROP TABLE customers;
