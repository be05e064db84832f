-- Case: an UPDATE without WHERE fills a new column and overwrites an old one
-- Source: -
-- Expect: D107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN slug TEXT;
UPDATE users SET slug = lower(name), name = trim(name);
