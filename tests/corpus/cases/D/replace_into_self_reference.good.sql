-- Case: UPSERT into a tree
-- Source: -
-- Expect:
-- == before
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT);
CREATE INDEX tree_parent ON tree(parent_id);
-- == rows
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 2, 'leaf');
-- == migration
INSERT INTO tree VALUES (2, 1, 'links') ON CONFLICT DO UPDATE SET label = excluded.label;
