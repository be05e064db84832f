-- Case: a view over a dropped view
-- Source: -
-- Expect: S107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE VIEW names AS SELECT name FROM users;
CREATE VIEW shouts AS SELECT upper(name) AS n FROM names;
-- == migration
DROP VIEW names;
