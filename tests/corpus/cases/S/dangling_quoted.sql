-- Case: a view names a column in double quotes; once the column is dropped, SQLite reads the name as a string
-- Source: -
-- Expect: S107
-- == before
CREATE TABLE `users` (`id` integer PRIMARY KEY NOT NULL, `email` text, `name` text);
CREATE VIEW `contacts` AS select "id", "email" from "users";
-- == migration
-- d1migrate: allow=D105 reason="moved"
ALTER TABLE users DROP COLUMN email;
