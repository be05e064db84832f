-- Case: the self reference is written in quotes and another letter case
-- Source: -
-- Expect: D102
-- Loses: Staff
-- == before
CREATE TABLE "Staff" (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES "Staff"(id) ON DELETE CASCADE);
CREATE INDEX staff_boss ON "Staff"(boss);
-- == rows
INSERT INTO "Staff" VALUES (1, NULL), (2, 1), (3, 1);
-- == migration
CREATE TABLE "staff_new" (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES `STAFF`(`ID`) ON DELETE CASCADE, name TEXT);
INSERT INTO staff_new (id, boss) SELECT id, boss FROM staff;
DROP TABLE "staff";
ALTER TABLE "staff_new" RENAME TO "Staff";
CREATE INDEX staff_boss ON "Staff"(boss);
