-- Case: only the end is in lower case
-- Source: arul28/ADE#935
-- Expect: P101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_log AFTER INSERT ON users
BEGIN
  INSERT INTO log (line) VALUES (NEW.name);
end;
