-- Case: ROLLBACK and END are transactions too
-- Source: d1-facts §1.4
-- Expect: R101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
begin immediate;
end;
