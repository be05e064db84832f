-- Case: a table with UNIQUE is created again and stays empty
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT UNIQUE CHECK (name <> ''), note TEXT NOT NULL) STRICT;
INSERT INTO names (name, note) VALUES ('Ada', ''), ('Bob', '');
