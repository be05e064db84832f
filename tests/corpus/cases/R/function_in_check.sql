-- Case: a denied function inside a CHECK
-- Source: d1-facts §1.5
-- Expect: R103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE powers (id INTEGER PRIMARY KEY, n REAL CHECK (log10(n) < 3));
