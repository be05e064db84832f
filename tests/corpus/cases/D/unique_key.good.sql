-- Case: children on a UNIQUE column, guarded
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE logins (id INTEGER PRIMARY KEY, email TEXT REFERENCES users(email) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX logins_email ON logins(email);
-- == rows
INSERT INTO users VALUES (1, 'a@x', 'Ada');
INSERT INTO logins VALUES (1, 'a@x'), (2, NULL);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, email, name FROM users;
CREATE TRIGGER guard BEFORE DELETE ON logins BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT);
INSERT INTO users SELECT id, email, name FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
