-- Case: begin and end of a trigger in lower case
-- Source: cloudflare/workers-sdk#10998
-- Expect: P101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
create trigger users_log after insert on users begin insert into log (line) values (new.name); end;
