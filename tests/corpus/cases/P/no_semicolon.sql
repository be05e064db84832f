-- Case: no semicolon at the end: wrangler's own INSERT runs into the statement
-- Source: d1-facts §3.3
-- Expect: P104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
CREATE INDEX users_email ON users(email)