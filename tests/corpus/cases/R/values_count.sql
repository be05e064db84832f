-- Case: more columns than values
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
INSERT INTO users (id, name) VALUES (3);
