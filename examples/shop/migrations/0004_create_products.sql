-- upgrade

CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories (id),
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    price NUMERIC NOT NULL CHECK (price >= 0),
    is_listed INTEGER NOT NULL DEFAULT 1 CHECK (is_listed IN (0, 1))
);

CREATE INDEX products_category_id ON products (category_id);

-- rollback

DROP TABLE products;
