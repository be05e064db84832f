-- Case: a denied pragma called as a table
-- Source: d1-facts §1.3
-- Expect: R102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
SELECT name FROM pragma_function_list;
