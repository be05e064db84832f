-- Case: a fresh dump of the sqlite3 shell writes unistr()
-- Source: d1-facts §1.5
-- Expect: R103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
INSERT INTO users VALUES (3, unistr('tab\u0009here'));
