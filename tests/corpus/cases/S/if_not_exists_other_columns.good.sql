-- Case: what exists has the same shape, in other words
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE INDEX users_name ON users(name);
CREATE VIEW names AS SELECT name FROM users;
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
create table if not exists "Users" (
  "id" integer PRIMARY KEY, -- as before
  "name" text,
  "role" text
);
CREATE INDEX IF NOT EXISTS users_name ON users (name);
CREATE VIEW IF NOT EXISTS names AS SELECT name FROM users;
