-- Case: links copied aside and set to NULL, parent rebuilt, links written back
-- Source: -
-- Expect:
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON DELETE CASCADE,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
-- == migration
CREATE TABLE links AS SELECT id, team_id FROM members WHERE team_id IS NOT NULL;
UPDATE members SET team_id = NULL WHERE team_id IS NOT NULL;
CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT, colour TEXT);
INSERT INTO teams_new (id, name) SELECT id, name FROM teams;
DROP TABLE teams;
ALTER TABLE teams_new RENAME TO teams;
UPDATE members SET team_id = links.team_id FROM links WHERE links.id = members.id;
DROP TABLE links;
