-- Case: expand: the new column beside the old one, filled
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
ALTER TABLE users ADD COLUMN full_name TEXT;
UPDATE users SET full_name = name;
