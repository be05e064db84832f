-- Case: the version cannot be asked
-- Source: d1-facts §1.1
-- Expect: R103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
SELECT sqlite_version();
