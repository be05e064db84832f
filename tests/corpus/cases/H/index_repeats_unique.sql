-- Case: an index that repeats a UNIQUE constraint
-- Source: -
-- Expect:
-- Info: H105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE emails (id INTEGER PRIMARY KEY, address TEXT UNIQUE);
CREATE INDEX emails_address ON emails(address);
