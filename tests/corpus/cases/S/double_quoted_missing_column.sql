-- Case: a rebuild copies a column that the old table does not have: its name becomes the value
-- Source: -
-- Expect: S103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
CREATE TABLE __new_users (id INTEGER PRIMARY KEY, name TEXT, role TEXT, email TEXT);
INSERT INTO __new_users("id", "name", "role", "email") SELECT "id", "name", "role", "email" FROM users;
DROP TABLE users;
ALTER TABLE __new_users RENAME TO users;
