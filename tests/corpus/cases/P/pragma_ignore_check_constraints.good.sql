-- Case: switched on and off in the same file
-- Source: d1-facts §1.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
PRAGMA ignore_check_constraints = ON;
INSERT INTO log (line) VALUES ('x');
PRAGMA ignore_check_constraints = OFF;
