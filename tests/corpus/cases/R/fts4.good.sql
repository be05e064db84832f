-- Case: fts5 and rtree are
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE VIRTUAL TABLE users_fts USING fts5(name);
CREATE VIRTUAL TABLE boxes USING rtree(id, min_x, max_x);
