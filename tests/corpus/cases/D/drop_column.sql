-- Case: a column with data is dropped
-- Source: saltbo/zpan#368
-- Expect: D105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == migration
ALTER TABLE users DROP COLUMN age;
