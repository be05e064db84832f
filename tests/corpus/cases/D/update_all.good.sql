-- Case: UPDATE with WHERE
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
-- == rows
INSERT INTO users VALUES (1, NULL), (2, 'admin');
-- == migration
UPDATE users SET role = 'user' WHERE role IS NULL;
