-- Case: a UNIQUE index on a table made in this file
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE TABLE emails (id INTEGER PRIMARY KEY, address TEXT NOT NULL);
CREATE UNIQUE INDEX emails_address ON emails(address);
