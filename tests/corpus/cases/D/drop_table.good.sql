-- Case: a drop that is allowed with a reason
-- Source: -
-- Expect:
-- == before
CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO logs VALUES (1, 'x');
-- == migration
-- d1migrate: allow=D104 reason="moved to R2 on 2026-11-01, nothing reads it"
DROP TABLE logs;
