-- Case: a boolean pragma set to 2
-- Source: d1-facts §1.3
-- Expect: R102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
PRAGMA recursive_triggers = 2;
