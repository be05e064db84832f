-- Case: power() is not allowed, pow() is
-- Source: d1-facts §1.5
-- Expect: R103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
UPDATE users SET name = power(2, 3) WHERE id = 1;
