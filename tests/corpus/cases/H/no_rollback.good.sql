-- Case: declared irreversible, with a reason
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
UPDATE users SET name = trim(name) WHERE name <> trim(name);

-- Rollback: none, the white space is gone
