-- Case: instr() has no such limit
-- Source: d1-facts §1.6
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
DELETE FROM users WHERE instr(name, 'a pattern of more than fifty bytes, which D1 refuses') > 0;
