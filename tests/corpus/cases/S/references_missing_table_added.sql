-- Case: a foreign key to a table that does not exist, added
-- Source: -
-- Expect: S104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
ALTER TABLE users ADD COLUMN team_id INTEGER REFERENCES teams(id);
