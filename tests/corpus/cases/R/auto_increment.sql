-- Case: MySQL's AUTO_INCREMENT
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY AUTO_INCREMENT, name TEXT);
