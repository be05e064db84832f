-- Case: a comment after the last semicolon
-- Source: cloudflare/workers-sdk#7739
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
ALTER TABLE users ADD COLUMN email TEXT; -- the address, as in "Ada's"

-- that's all
