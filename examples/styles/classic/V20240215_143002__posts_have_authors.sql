-- upgrade

-- Step 1: create the table with the new structure
CREATE TABLE posts_new (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    content TEXT,
    slug VARCHAR(200) UNIQUE,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);

-- Step 2: copy the rows
INSERT INTO posts_new (id, author_id, title, content, slug, created_at)
SELECT id, user_id, title, content, lower(replace(title, ' ', '-')), created_at
FROM posts;

-- Step 3: put it in the old one's place
DROP TABLE posts;
ALTER TABLE posts_new RENAME TO posts;

-- rollback

-- Reverse all steps
CREATE TABLE posts_old (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    content TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO posts_old (id, user_id, title, content, created_at)
SELECT id, author_id, title, content, created_at FROM posts;

DROP TABLE posts;
ALTER TABLE posts_old RENAME TO posts;
