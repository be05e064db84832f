-- Case: the view is created again without the column
-- Source: -
-- Expect:
-- == before
CREATE TABLE `users` (`id` integer PRIMARY KEY NOT NULL, `email` text, `name` text);
CREATE VIEW `contacts` AS select "id", "email" from "users";
CREATE VIEW `named` AS select "id" from "users" where "name" <> "email@x";
-- == migration
-- d1migrate: allow=D105 reason="moved"
DROP VIEW contacts;
ALTER TABLE users DROP COLUMN email;
CREATE VIEW `contacts` AS select "id", "name" from "users";
