-- Case: CRLF around a trigger of one line
-- Source: cloudflare/workers-sdk#14991
-- Expect: P103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.name); END;
