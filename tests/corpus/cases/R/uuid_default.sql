-- Case: a default that calls a function no SQLite has
-- Source: d1-facts §1.5
-- Expect: R103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE tokens (id TEXT PRIMARY KEY DEFAULT (uuid()));
