-- Case: the short form AS (…) STORED
-- Source: d1-facts §1.4
-- Expect: F103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
alter table users add initial as (substr(name, 1, 1)) stored;
