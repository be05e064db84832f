-- Case: randomblob makes identifiers
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE tokens (id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))));
