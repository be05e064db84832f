-- Case: quotes from a word processor in a text and in a comment mislead nobody
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- the “body” of a note
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  body TEXT NOT NULL DEFAULT '“empty”'
);
