-- Case: the trigger is dropped with the table it writes to
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.name); END;
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE log_2026 AS SELECT * FROM log;
DROP TRIGGER users_log;
DROP TABLE log;
