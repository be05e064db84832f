-- Case: a leaf is dropped and created again without its rows
-- Source: -
-- Expect: D104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY);
CREATE TABLE caches (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE, value TEXT);
-- == migration
DROP TABLE IF EXISTS caches;
CREATE TABLE caches (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE, value BLOB);
