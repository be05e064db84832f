-- Case: the SQL below `-- Rollback:` is not commented out, and undoes the file
-- Source: -
-- Expect: P110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);

-- Rollback:
DROP TABLE teams;
