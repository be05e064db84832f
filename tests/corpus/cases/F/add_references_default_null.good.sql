-- Case: REFERENCES with DEFAULT NULL
-- Source: -
-- Expect:
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN team_id INTEGER DEFAULT NULL REFERENCES teams(id);
