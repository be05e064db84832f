-- Case: a backfill: every column it sets was added in this file
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, NULL);
-- == migration
ALTER TABLE users ADD COLUMN slug TEXT;
ALTER TABLE users ADD COLUMN initial TEXT;
UPDATE users SET slug = lower(name), initial = substr(name, 1, 1);
