-- Case: the header names another file
-- Source: -
-- Expect:
-- Info: H108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- Migration: 007_add_email

ALTER TABLE users ADD COLUMN email TEXT;
