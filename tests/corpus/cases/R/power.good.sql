-- Case: pow, ceil, log and iif are allowed
-- Source: d1-facts §1.5
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
UPDATE users SET name = iif(pow(2, 3) > ceil(7.5), log(10), 'x') WHERE id = 1;
