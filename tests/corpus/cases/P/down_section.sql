-- Case: the down section of another tool
-- Source: -
-- Expect: P110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- +migrate Up
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
-- +migrate Down
DROP TABLE teams;
