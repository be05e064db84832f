-- Case: an upsert that changes the key of the row it meets
-- Source: -
-- Expect: D114
-- Loses: members
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON UPDATE SET NULL,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
-- == migration
INSERT INTO teams VALUES (1, 'green') ON CONFLICT (id) DO UPDATE SET id = 101, name = excluded.name;
