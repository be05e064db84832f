-- Case: a child made and filled in this file is emptied by a later rebuild
-- Source: -
-- Expect: D101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- == migration
CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE, bio TEXT);
INSERT INTO profiles (user_id, bio) SELECT id, 'I am ' || name FROM users;
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
