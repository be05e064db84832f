-- Case: VACUUM inside the transaction that D1 opens
-- Source: d1-facts §1.4
-- Expect: R105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
VACUUM;
