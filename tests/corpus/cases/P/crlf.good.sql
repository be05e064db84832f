-- Case: CRLF line ends in a file without triggers
-- Source: d1-facts §3.5
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
CREATE INDEX users_email
  ON users(email);
