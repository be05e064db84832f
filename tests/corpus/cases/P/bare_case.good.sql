-- Case: CASE … END in parentheses
-- Source: leeguooooo/AgentParty#768
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN
  INSERT INTO log (line) SELECT (CASE WHEN NEW.role = 'admin' THEN 'chief' ELSE NEW.name END);
END;
