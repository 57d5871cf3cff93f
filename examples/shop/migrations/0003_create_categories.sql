-- Categories form a tree.

-- upgrade

CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES categories (id),
    name TEXT NOT NULL,
    UNIQUE (parent_id, name)
);

-- Two roots of one name would pass the constraint, since NULL equals nothing.
CREATE UNIQUE INDEX categories_root_name ON categories (name) WHERE parent_id IS NULL;

-- rollback

DROP TABLE categories;
