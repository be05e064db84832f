-- Case: an allowance for another code than the one reported
-- Source: -
-- Expect: D106 H110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- d1migrate: allow=D105 reason="nothing reads it"
DELETE FROM users;
