-- Case: BEGIN and END of a trigger in upper case, the rest in lower
-- Source: d1-facts §3.5
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
create trigger users_log after insert on users BEGIN insert into log (line) values (new.name); END;
