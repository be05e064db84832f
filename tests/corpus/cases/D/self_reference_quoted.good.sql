-- Case: renamed aside, the old table refers to itself and the new one too
-- Source: -
-- Expect:
-- == before
CREATE TABLE "Staff" (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES "Staff"(id) ON DELETE CASCADE);
CREATE INDEX staff_boss ON "Staff"(boss);
-- == rows
INSERT INTO "Staff" VALUES (1, NULL), (2, 1), (3, 1);
-- == migration
ALTER TABLE "Staff" RENAME TO staff_old;
DROP INDEX staff_boss;
CREATE TABLE "Staff" (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES "Staff"(id) ON DELETE CASCADE, name TEXT);
INSERT INTO "Staff" (id, boss) SELECT id, boss FROM staff_old;
DROP TABLE staff_old;
CREATE INDEX staff_boss ON "Staff"(boss);
