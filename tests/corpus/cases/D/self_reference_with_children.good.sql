-- Case: a self reference under its new name, and guarded children beside it
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT);
CREATE INDEX tree_parent ON tree(parent_id);
CREATE TABLE leaves (id INTEGER PRIMARY KEY, tree_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
CREATE INDEX leaves_tree ON leaves(tree_id);
-- == rows
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 2, 'leaf');
INSERT INTO leaves VALUES (1, 3), (2, 2);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE tree_new (
  id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree_new(id) ON DELETE CASCADE, label TEXT
);
INSERT INTO tree_new SELECT * FROM tree;
CREATE TRIGGER guard BEFORE DELETE ON leaves BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE tree;
ALTER TABLE tree_new RENAME TO tree;
DROP TRIGGER guard;
CREATE INDEX tree_parent ON tree(parent_id);
PRAGMA defer_foreign_keys = OFF;
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
