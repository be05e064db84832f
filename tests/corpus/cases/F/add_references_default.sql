-- Case: REFERENCES with a default that is not NULL
-- Source: d1-facts §1.4
-- Expect: F104
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO teams VALUES (1, 'red');
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN team_id INTEGER DEFAULT 1 REFERENCES teams(id);
