-- Case: ON UPDATE CASCADE passes on the NULL that the DROP of a parent sets
-- Source: -
-- Expect: D101
-- Loses: members badges
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
    id INTEGER PRIMARY KEY, team_id INTEGER UNIQUE REFERENCES teams(id) ON DELETE SET NULL
);
CREATE TABLE badges (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES members(team_id) ON UPDATE CASCADE);
CREATE INDEX badges_team ON badges(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'a');
INSERT INTO members VALUES (1, 1);
INSERT INTO badges VALUES (1, 1);
-- == migration
CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT, motto TEXT);
INSERT INTO teams_new (id, name) SELECT id, name FROM teams;
DROP TABLE teams;
ALTER TABLE teams_new RENAME TO teams;
