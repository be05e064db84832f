-- Case: an online migration that is not a rebuild
-- Source: -
-- Expect: P113
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
-- d1migrate: online users
ALTER TABLE users ADD COLUMN role TEXT;
