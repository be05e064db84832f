-- Case: PRAGMA journal_mode belongs to D1
-- Source: d1-facts §1.3
-- Expect: R102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
PRAGMA journal_mode = WAL;
