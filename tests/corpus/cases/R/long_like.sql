-- Case: a LIKE pattern over 50 bytes
-- Source: d1-facts §1.6
-- Expect: R108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
DELETE FROM users WHERE name LIKE '%a pattern of more than fifty bytes, which D1 refuses%';
