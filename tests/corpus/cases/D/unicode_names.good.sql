-- Case: names beyond ASCII, guarded
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE schuhe (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE größen (id INTEGER PRIMARY KEY, schuh_id INTEGER REFERENCES schuhe(id) ON DELETE CASCADE);
CREATE INDEX größen_schuh ON größen(schuh_id);
-- == rows
INSERT INTO schuhe VALUES (1, 'Stiefel');
INSERT INTO größen VALUES (42, 1);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE "zurückgelegt" AS SELECT id, name FROM schuhe;
CREATE TRIGGER wächter BEFORE DELETE ON "größen" BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE schuhe;
CREATE TABLE schuhe (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO schuhe SELECT id, name FROM zurückgelegt;
DROP TRIGGER wächter;
DROP TABLE zurückgelegt;
