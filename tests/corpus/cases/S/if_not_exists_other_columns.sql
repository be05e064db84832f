-- Case: IF NOT EXISTS hides that the table lacks a column
-- Source: cloudflare/cloudflare-docs#31812
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, role TEXT, email TEXT);
