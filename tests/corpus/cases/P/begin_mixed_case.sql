-- Case: Begin and End
-- Source: d1-facts §3.5
-- Expect: P101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_log AFTER DELETE ON users Begin INSERT INTO log (line) VALUES (OLD.name); End;
