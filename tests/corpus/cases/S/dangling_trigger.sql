-- Case: a trigger elsewhere writes to the dropped table
-- Source: -
-- Expect: D104 S107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.name); END;
-- == migration
DROP TABLE log;
