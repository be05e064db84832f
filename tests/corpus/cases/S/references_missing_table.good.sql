-- Case: a foreign key to a table that this file makes later
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE posts (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES Teams(id));
CREATE INDEX posts_team ON posts(team_id);
CREATE TABLE teams (id INTEGER PRIMARY KEY);
