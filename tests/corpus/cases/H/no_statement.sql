-- Case: the file that drizzle-kit generate --custom writes, left empty
-- Source: -
-- Expect:
-- Info: H113
-- == before
CREATE TABLE a (id INTEGER PRIMARY KEY);
-- == migration
-- Custom SQL migration file, put your code below! --
