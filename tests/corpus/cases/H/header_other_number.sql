-- Case: the header has the number the file had before it was renumbered
-- Source: JSONbored/loopover#6582
-- Expect:
-- Info: H108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- Migration: 003_case

ALTER TABLE users ADD COLUMN email TEXT;
