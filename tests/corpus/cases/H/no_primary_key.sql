-- Case: a table without a primary key
-- Source: -
-- Expect:
-- Info: H106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE events (at INTEGER, line TEXT);
