-- Case: a column is copied as it is into another, and dropped
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ann', 'Lee'), (2, NULL, 'Roe');
-- == migration
ALTER TABLE users ADD COLUMN given_name TEXT;
UPDATE users SET given_name = first WHERE first IS NOT NULL;
ALTER TABLE users DROP COLUMN first;
