-- Case: strftime('%s') where it becomes a number, STRICT or not
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE a (id INTEGER PRIMARY KEY, at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')));
CREATE TABLE b (id INTEGER PRIMARY KEY, at INTEGER NOT NULL DEFAULT (strftime('%s', 'now'))) STRICT;
CREATE TABLE c (id INTEGER PRIMARY KEY, at NUMERIC DEFAULT (unixepoch()), iso TEXT DEFAULT (strftime('%Y-%m-%d', 'now')));
INSERT INTO a (id) VALUES (1);
INSERT INTO b (id) VALUES (1);
INSERT INTO c (id) VALUES (1);
