-- Case: an UPDATE of ids, a table that follows it, and a trigger there that deletes rows
-- Source: -
-- Expect: D117
-- Loses: drafts
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON UPDATE CASCADE
);
CREATE INDEX members_team ON members(team_id);
CREATE TABLE drafts (id INTEGER PRIMARY KEY, body TEXT);
CREATE TRIGGER members_changed AFTER UPDATE ON members BEGIN DELETE FROM drafts; END;
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1), (2, 2);
INSERT INTO drafts VALUES (1, 'one'), (2, 'two');
-- == migration
UPDATE teams SET id = id + 1000 WHERE id < 1000;
