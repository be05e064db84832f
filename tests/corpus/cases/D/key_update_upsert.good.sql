-- Case: an upsert that sets the key it meets to itself
-- Source: -
-- Expect:
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
INSERT INTO teams VALUES (1, 'green') ON CONFLICT (id) DO UPDATE SET id = excluded.id, name = excluded.name;
