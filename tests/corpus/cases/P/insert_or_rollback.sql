-- Case: INSERT OR ROLLBACK
-- Source: d1-facts §1.4
-- Expect: P109
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
INSERT OR ROLLBACK INTO log (id, line) VALUES (1, 'x');
