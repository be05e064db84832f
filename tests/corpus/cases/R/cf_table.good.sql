-- Case: _cfx is anybody's name, and so is a column _cf_x
-- Source: d1-facts §1.2
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE _cfx (id INTEGER PRIMARY KEY, _cf_x TEXT);
