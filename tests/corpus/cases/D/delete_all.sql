-- Case: DELETE without WHERE
-- Source: -
-- Expect: D106
-- == before
CREATE TABLE sessions (token TEXT PRIMARY KEY);
-- == migration
DELETE FROM sessions;
