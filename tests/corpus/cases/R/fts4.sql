-- Case: the module fts4 is not authorized
-- Source: d1-facts §1.4
-- Expect: R104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE VIRTUAL TABLE users_fts USING fts4(name);
