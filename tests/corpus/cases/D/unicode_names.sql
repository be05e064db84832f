-- Case: names beyond ASCII
-- Source: -
-- Expect: D101
-- Loses: größen
-- == before
CREATE TABLE schuhe (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE größen (id INTEGER PRIMARY KEY, schuh_id INTEGER REFERENCES schuhe(id) ON DELETE CASCADE);
CREATE INDEX größen_schuh ON größen(schuh_id);
-- == rows
INSERT INTO schuhe VALUES (1, 'Stiefel');
INSERT INTO größen VALUES (42, 1);
-- == migration
CREATE TABLE schuhe_neu (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO schuhe_neu SELECT * FROM schuhe;
DROP TABLE schuhe;
ALTER TABLE schuhe_neu RENAME TO schuhe;
