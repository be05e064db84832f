-- Case: a holding table must be a real one
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE hold AS SELECT * FROM users;
DROP TABLE hold;
