-- Prices become whole cents, as they are everywhere else. SQLite cannot change a column's type, so the table is built anew
-- (https://www.sqlite.org/lang_altertable.html#otheralter). With foreign keys on, DROP TABLE would take the stock with it;
-- the PRAGMA has no effect inside a transaction, so it stands outside, and is run there.
-- breaking: products.price is gone; readers use products.price_cents

-- upgrade

PRAGMA foreign_keys = OFF;

BEGIN;

-- A repeatable view stands on the table; the end of this run makes it again.
DROP VIEW IF EXISTS sales_by_product;

CREATE TABLE products_new (
    id INTEGER PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories (id),
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    is_listed INTEGER NOT NULL DEFAULT 1 CHECK (is_listed IN (0, 1))
);

INSERT INTO products_new (id, category_id, sku, name, price_cents, is_listed)
SELECT id, category_id, sku, name, CAST(round(price * 100) AS INTEGER), is_listed FROM products;

DROP TABLE products;

ALTER TABLE products_new RENAME TO products;

CREATE INDEX products_category_id ON products (category_id);
CREATE INDEX products_name ON products (name COLLATE NOCASE) WHERE is_listed = 1;

COMMIT;

PRAGMA foreign_keys = ON;

-- rollback

PRAGMA foreign_keys = OFF;

BEGIN;

DROP VIEW IF EXISTS sales_by_product;

CREATE TABLE products_old (
    id INTEGER PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories (id),
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price NUMERIC NOT NULL CHECK (price >= 0),
    is_listed INTEGER NOT NULL DEFAULT 1 CHECK (is_listed IN (0, 1))
);

INSERT INTO products_old (id, category_id, sku, name, price, is_listed)
SELECT id, category_id, sku, name, price_cents / 100.0, is_listed FROM products;

DROP TABLE products;

ALTER TABLE products_old RENAME TO products;

CREATE INDEX products_category_id ON products (category_id);
CREATE INDEX products_name ON products (name COLLATE NOCASE) WHERE is_listed = 1;

COMMIT;

PRAGMA foreign_keys = ON;
