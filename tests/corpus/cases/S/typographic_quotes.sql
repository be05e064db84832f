-- Case: quotes from a word processor are letters: the column is called “body”, with them
-- Source: -
-- Expect: S109
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  “body” TEXT
);
