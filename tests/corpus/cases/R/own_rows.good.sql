-- Case: a column filled by an UPDATE, on a table that holds a row of an earlier file
-- Source: -
-- Expect:
-- == before
CREATE TABLE plans (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO plans VALUES (1, 'free');
-- == migration
ALTER TABLE plans ADD COLUMN added INTEGER;
UPDATE plans SET added = unixepoch();
