-- Case: begin and end in lower case as names, in strings and in comments, beside a trigger
-- Source: d1-facts §3.5
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
/* begin the log; end; */
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.name); END;
CREATE TABLE spans (id INTEGER PRIMARY KEY, "begin" INTEGER, "end" INTEGER);
INSERT INTO log (line) VALUES ('begin; end;');
