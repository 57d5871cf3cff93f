-- A customer has any number of addresses, and one of each kind is the preferred one.

-- upgrade

CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('shipping', 'billing')),
    is_preferred INTEGER NOT NULL DEFAULT 0 CHECK (is_preferred IN (0, 1)),
    street TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL CHECK (length(country) = 2)
);

CREATE INDEX addresses_customer_id ON addresses (customer_id);

CREATE UNIQUE INDEX addresses_preferred ON addresses (customer_id, kind) WHERE is_preferred = 1;

-- rollback

DROP TABLE addresses;
