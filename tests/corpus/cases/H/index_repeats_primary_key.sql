-- Case: an index that repeats the primary key
-- Source: -
-- Expect:
-- Info: H105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE tokens (token TEXT PRIMARY KEY, user_id INTEGER);
CREATE INDEX tokens_token ON tokens(token);
