-- Case: a VIRTUAL generated column can
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN initial TEXT GENERATED ALWAYS AS (substr(name, 1, 1)) VIRTUAL;
ALTER TABLE users ADD COLUMN shout TEXT AS (upper(name));
