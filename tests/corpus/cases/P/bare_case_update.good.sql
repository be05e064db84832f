-- Case: iif() instead of CASE, a predicate in WHEN, and CASE outside of triggers
-- Source: SlopDotCash#158
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
CREATE TRIGGER users_rank AFTER UPDATE OF name ON users WHEN NEW.name = 'Ada' BEGIN
  UPDATE users SET role = iif(NEW.id = 1, 'admin', 'user') WHERE id = NEW.id;
END;
UPDATE users SET role = CASE name WHEN 'Ada' THEN 'admin' ELSE role END WHERE id = 1;
CREATE VIEW ranks AS SELECT CASE role WHEN 'admin' THEN 1 ELSE 2 END AS rank FROM users;
