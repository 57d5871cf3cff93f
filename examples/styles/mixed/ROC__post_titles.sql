DROP VIEW IF EXISTS post_titles;
CREATE VIEW post_titles AS SELECT title FROM posts;
