-- Case: an UPDATE of ids that one table follows, and another forgets
-- Source: -
-- Expect: D114
-- Loses: members
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE squads (team_id INTEGER PRIMARY KEY REFERENCES teams(id) ON UPDATE CASCADE);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES squads(team_id) ON UPDATE SET NULL,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO squads VALUES (1), (2);
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
-- == migration
UPDATE teams SET id = id + 1000 WHERE id < 1000;
