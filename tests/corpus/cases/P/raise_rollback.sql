-- Case: a trigger that raises ROLLBACK destroys D1's own savepoint
-- Source: d1-facts §1.4
-- Expect: P109
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TRIGGER users_keep BEFORE DELETE ON users BEGIN SELECT RAISE(ROLLBACK, 'keep'); END;
