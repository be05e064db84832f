-- Case: an added foreign key without an index
-- Source: -
-- Expect:
-- Info: H104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN boss_id INTEGER REFERENCES users(id);
