-- Case: a computed default, on a table that holds a row of an earlier file
-- Source: -
-- Expect: R112
-- == before
CREATE TABLE plans (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO plans VALUES (1, 'free');
-- == migration
ALTER TABLE plans ADD COLUMN added INTEGER DEFAULT (unixepoch());
