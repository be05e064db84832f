-- Case: children may hang on a UNIQUE column instead of the primary key
-- Source: d1-facts §2.3
-- Expect: D101
-- Loses: logins
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE logins (id INTEGER PRIMARY KEY, email TEXT REFERENCES users(email) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX logins_email ON logins(email);
-- == rows
INSERT INTO users VALUES (1, 'a@x', 'Ada');
INSERT INTO logins VALUES (1, 'a@x'), (2, NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT);
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
