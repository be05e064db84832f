-- Case: a parent is dropped with the column that refers to it
-- Source: -
-- Expect:
-- == before
CREATE TABLE cat (id INTEGER PRIMARY KEY);
CREATE TABLE posts (id INTEGER PRIMARY KEY, cat_id INTEGER REFERENCES cat(id) ON DELETE SET NULL);
-- == migration
-- d1migrate: allow=D104,D105,W104 reason="categories were never used"
DROP TABLE cat;
ALTER TABLE posts DROP COLUMN cat_id;
