-- Case: SET DEFAULT on a column without default is SET NULL
-- Source: -
-- Expect: D101
-- Loses: members
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON DELETE SET DEFAULT,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
-- == migration
CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT, colour TEXT);
INSERT INTO teams_new (id, name) SELECT id, name FROM teams;
DROP TABLE teams;
ALTER TABLE teams_new RENAME TO teams;
