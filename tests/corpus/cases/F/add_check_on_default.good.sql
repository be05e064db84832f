-- Case: CHECKs that the default or NULL passes
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN score INTEGER NOT NULL DEFAULT 1 CHECK (score > 0);
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin'));
ALTER TABLE users ADD COLUMN state TEXT CHECK (state IN ('on', 'off'));
ALTER TABLE users ADD COLUMN rank INTEGER CHECK (rank BETWEEN 1 AND 9);
