-- Case: a trigger of that name does something else
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TRIGGER users_t AFTER INSERT ON users BEGIN UPDATE users SET role = 'guest' WHERE id = NEW.id; END;
-- == migration
CREATE TRIGGER IF NOT EXISTS users_t AFTER INSERT ON users BEGIN UPDATE users SET role = 'user' WHERE id = NEW.id; END;
