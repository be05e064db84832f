-- Case: a bare CASE … END in the body of a trigger
-- Source: cloudflare/workers-sdk#4727
-- Expect: P102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN
  INSERT INTO log (line) SELECT CASE WHEN NEW.role = 'admin' THEN 'chief' ELSE NEW.name END;
END;
