-- Case: a table made by CREATE TABLE AS, which has no keys
-- Source: -
-- Expect:
-- Info: H106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE users_copy AS SELECT * FROM users;
