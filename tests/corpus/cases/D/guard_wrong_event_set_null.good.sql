-- Case: an update guard stops SET NULL
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  team_id INTEGER REFERENCES teams(id) ON DELETE SET NULL,
  name TEXT
);
CREATE INDEX members_team ON members(team_id);
-- == rows
INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO members VALUES (1, 1, 'Ada'), (2, 2, 'Bob'), (3, NULL, 'Cid');
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TRIGGER guard BEFORE UPDATE ON members BEGIN SELECT RAISE(IGNORE); END;
CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT, colour TEXT);
INSERT INTO teams_new (id, name) SELECT id, name FROM teams;
DROP TABLE teams;
ALTER TABLE teams_new RENAME TO teams;
DROP TRIGGER guard;
PRAGMA defer_foreign_keys = OFF;
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
