-- Case: INSERT OR ABORT, and a constraint that ignores
-- Source: d1-facts §1.4
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
INSERT OR ABORT INTO log (id, line) VALUES (1, 'or rollback');
CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT IGNORE);
