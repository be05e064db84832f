-- Case: a NOT NULL column with a default, on a table that an earlier file seeds
-- Source: -
-- Expect:
-- == before
CREATE TABLE roles (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO roles (name) VALUES ('admin'), ('editor');
-- == migration
ALTER TABLE roles ADD COLUMN label TEXT NOT NULL DEFAULT '';
