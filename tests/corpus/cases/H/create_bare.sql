-- Case: CREATE TABLE without IF NOT EXISTS
-- Source: -
-- Expect:
-- Info: H101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY);
