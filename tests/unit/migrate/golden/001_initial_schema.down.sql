-- 001_initial_schema

-- ?1 = '1'
-- ?2 = '1 1 1 0 token-1'
SELECT json_extract('{}', iif(NOT EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'not applied: ' || ?1, 'history changed meanwhile')) WHERE NOT EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2;

SELECT json_extract('{}', 'rows appeared meanwhile in executions') WHERE EXISTS (SELECT 1 FROM "executions");

SELECT json_extract('{}', 'rows appeared meanwhile in task_results') WHERE EXISTS (SELECT 1 FROM "task_results");

SELECT json_extract('{}', 'rows appeared meanwhile in workflows') WHERE EXISTS (SELECT 1 FROM "workflows");

-- ?1 = 'token-2'
-- ?2 = 'begun'
-- ?3 = 'down'
-- ?4 = '1'
-- ?5 = '001_initial_schema'
-- ?6 = 'v1:5d6814759102fc3207d65257eb2353e932f9fabd77219a2146e359d4349ad74c'
-- ?7 = 'ada'
-- ?8 = 'd1migrate'
-- ?9 = '1795300000'
-- ?10 = '1'
INSERT INTO d1migrate_log (token, event, action, version, name, checksum, who, tool, at, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

DROP TABLE IF EXISTS task_results;

DROP TABLE IF EXISTS executions;

DROP TABLE IF EXISTS workflows;

-- ?1 = '1'
DELETE FROM schema_migrations WHERE version = ?1;

-- ?1 = '0 0 0 0 token-2'
SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1;

-- ?1 = 'token-2'
-- ?2 = 'done'
-- ?3 = 'down'
-- ?4 = '1'
-- ?5 = '001_initial_schema'
-- ?6 = 'v1:5d6814759102fc3207d65257eb2353e932f9fabd77219a2146e359d4349ad74c'
-- ?7 = 'ada'
-- ?8 = 'd1migrate'
-- ?9 = '1795300000'
-- ?10 = '1'
INSERT INTO d1migrate_log (token, event, action, version, name, checksum, who, tool, at, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
