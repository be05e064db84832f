-- Case: FLOATING POINT holds the letters INT
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE prices (id INTEGER PRIMARY KEY, price FLOATING POINT);
