-- Case: foreign keys to UNIQUE columns, to a UNIQUE index and to a composite key in another order
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE, code TEXT, a INTEGER, b INTEGER, UNIQUE (a, b));
CREATE UNIQUE INDEX tags_code ON tags(code);
CREATE TABLE tagged (
  id INTEGER PRIMARY KEY,
  name TEXT UNIQUE REFERENCES tags(name),
  code TEXT UNIQUE REFERENCES tags(code),
  x INTEGER, y INTEGER,
  FOREIGN KEY (x, y) REFERENCES tags(b, a)
);
CREATE INDEX tagged_xy ON tagged(x, y);
INSERT INTO tags VALUES (1, 'n', 'c', 1, 2);
INSERT INTO tagged VALUES (1, 'n', 'c', 2, 1);
