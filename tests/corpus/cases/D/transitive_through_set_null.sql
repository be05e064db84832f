-- Case: a SET NULL child keeps its rows, so its own children stay
-- Source: d1-facts §2.2
-- Expect: D101
-- Loses: members
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON DELETE SET NULL,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
CREATE TABLE badges (
  id INTEGER PRIMARY KEY,
  member_id INTEGER NOT NULL REFERENCES members(id) ON DELETE CASCADE
);
CREATE INDEX badges_member ON badges(member_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
INSERT INTO badges VALUES (1, 1), (2, 2);
-- == migration
CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT, colour TEXT);
INSERT INTO teams_new (id, name) SELECT id, name FROM teams;
DROP TABLE teams;
ALTER TABLE teams_new RENAME TO teams;
