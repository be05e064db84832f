-- Case: four levels down, the last by SET NULL
-- Source: d1-facts §2.2
-- Expect: D101
-- Loses: cities streets houses
-- == before
CREATE TABLE countries (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE cities (id INTEGER PRIMARY KEY, country_id INTEGER REFERENCES countries ON DELETE CASCADE);
CREATE TABLE streets (id INTEGER PRIMARY KEY, city_id INTEGER REFERENCES cities ON DELETE CASCADE);
CREATE TABLE houses (id INTEGER PRIMARY KEY, street_id INTEGER REFERENCES streets ON DELETE SET NULL);
CREATE INDEX cities_country ON cities(country_id);
CREATE INDEX streets_city ON streets(city_id);
CREATE INDEX houses_street ON houses(street_id);
-- == rows
INSERT INTO countries VALUES (1, 'NL'), (2, 'PT');
INSERT INTO cities VALUES (1, 1), (2, 2);
INSERT INTO streets VALUES (1, 1), (2, 2);
INSERT INTO houses VALUES (1, 1), (2, 2);
-- == migration
CREATE TABLE countries_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO countries_new SELECT * FROM countries;
DROP TABLE countries;
ALTER TABLE countries_new RENAME TO countries;
