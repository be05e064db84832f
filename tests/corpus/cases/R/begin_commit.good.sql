-- Case: BEGIN in a trigger, COMMIT in a comment and in a string
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
-- BEGIN; COMMIT;
CREATE TRIGGER users_t AFTER INSERT ON users BEGIN SELECT 'COMMIT'; END;
