-- Case: rows for a table that is not there
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
INSERT INTO user (id, name) VALUES (3, 'Cid');
