-- Case: a table with rows is dropped
-- Source: -
-- Expect: D104
-- == before
CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
DROP TABLE logs;
