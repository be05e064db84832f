-- Case: a bare CASE in the SET of an UPDATE in a trigger
-- Source: cloudflare/workers-sdk#15162
-- Expect: P102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_rank AFTER UPDATE OF name ON users BEGIN
  UPDATE users SET role = CASE NEW.name WHEN 'Ada' THEN 'admin' END WHERE id = NEW.id;
END;
