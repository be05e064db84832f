-- Case: a NOT NULL column without a default, on a table that an earlier file seeds
-- Source: -
-- Expect: R112
-- == before
CREATE TABLE roles (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO roles (name) VALUES ('admin'), ('editor');
-- == migration
ALTER TABLE roles ADD COLUMN label TEXT NOT NULL;
