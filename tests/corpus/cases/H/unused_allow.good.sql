-- Case: an allowance that is used
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
-- d1migrate: allow=D106 reason="a demo user, made again at the next start"
DELETE FROM users;
