-- Case: an UPDATE of what a generated key is computed from
-- Source: -
-- Expect: D114
-- Loses: members
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT, slug TEXT GENERATED ALWAYS AS (lower(name)) STORED UNIQUE);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_slug TEXT REFERENCES teams(slug) ON UPDATE SET NULL,
  name TEXT
);
CREATE INDEX members_team ON members(team_slug);
-- == rows
INSERT INTO teams (id, name) VALUES (1, 'Red'), (2, 'Blue');
INSERT INTO members VALUES (1, 'red', 'Ada'), (2, 'blue', 'Bob'), (3, NULL, 'Cid');
-- == migration
UPDATE teams SET name = name || '!' WHERE id > 0;
