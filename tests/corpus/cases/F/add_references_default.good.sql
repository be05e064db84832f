-- Case: REFERENCES without default, filled in the same file
-- Source: -
-- Expect:
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO teams VALUES (1, 'red');
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN team_id INTEGER REFERENCES teams(id);
UPDATE users SET team_id = 1;
CREATE INDEX users_team ON users(team_id);
