-- Case: prose that mentions the tool is not a directive
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
-- Written for d1migrate; `allow` is not needed here.
ALTER TABLE users ADD COLUMN email TEXT;
