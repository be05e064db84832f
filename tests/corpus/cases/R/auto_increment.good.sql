-- Case: SQLite's AUTOINCREMENT
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
