-- Case: a comment that is not closed swallows what wrangler appends
-- Source: d1-facts §3.3
-- Expect: P105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
/* later: an index
