// The migrations, compiled by `d1migrate index`. Do not edit.
/* eslint-disable */
export default {
  format: 1,
  table: {
    shape: "versions",
    name: "schema_migrations",
    other: "d1_migrations",
  },
  digest: "60d1ccbe0361da2cce670eb3018ec308142c260ab3cb84151078989791e8cbbe",
  notes: [
    "{\"lint\": false}",
    "{\"lint\": false, \"index\": \"60d1ccbe0361da2cce670eb3018ec308142c260ab3cb84151078989791e8cbbe\"}",
  ],
  nothing: "v1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  queries: {
    state: "WITH l AS MATERIALIZED (SELECT version, max(id), event, action, checksum, file_digest FROM d1migrate_log GROUP BY version) SELECT json_group_object(CAST(m.version AS TEXT), json_array(iif(l.event = 'done' AND l.action IN ('up', 'baseline', 'accept', 'restore'), coalesce(l.checksum, ''), ''), iif(l.event = 'done' AND l.action IN ('up', 'baseline', 'accept', 'restore'), coalesce(l.file_digest, ''), ''))) AS applied, count(*) AS rows, (SELECT count(*) FROM l WHERE event = 'begun') AS partial FROM schema_migrations m LEFT JOIN l ON l.version = m.version WHERE m.version IS NOT NULL",
    verdict: "WITH c AS (SELECT lower(t.name) AS of, t.sql AS ddl, i.name, i.type, i.pk, i.\"notnull\" AS required, i.dflt_value AS fallback FROM sqlite_schema t JOIN pragma_table_info(t.name) i WHERE t.type = 'table' AND lower(t.name) IN ('schema_migrations', 'd1_migrations', 'd1migrate_log', 'schema_migrations_log')), own AS (SELECT count(*) > 0 AS there, group_concat(trim(name || ' ' || type), ', ') AS shown, count(*) FILTER (WHERE pk) = 1 AND count(*) FILTER (WHERE pk AND lower(name) = 'version' AND upper(type) = 'INTEGER') = 1 AND count(*) FILTER (WHERE lower(name) IN ('name', 'applied_at')) = 2 AND count(*) FILTER (WHERE required AND fallback IS NULL AND NOT pk AND NOT lower(name) IN ('name', 'applied_at')) = 0 AS versions, count(*) FILTER (WHERE name IN ('name', 'applied_at')) = 2 AND count(*) FILTER (WHERE name = 'version') = 0 AS names, coalesce(max(lower(ddl) LIKE '%autoincrement%'), 0) AS counted, count(*) FILTER (WHERE pk) = 1 AND count(*) FILTER (WHERE pk AND lower(name) = 'id' AND upper(type) = 'INTEGER') = 1 AS id, CASE WHEN count(*) = 2 AND count(*) FILTER (WHERE lower(name) IN ('version', 'dirty')) = 2 THEN 'golang-migrate' WHEN count(*) = 1 AND max(lower(name)) = 'version' AND max(lower(type)) LIKE 'varchar%' AND max(required) THEN 'Rails' WHEN count(*) = 1 AND max(lower(name)) = 'version' AND max(lower(type)) LIKE 'varchar%' AND max(pk) THEN 'dbmate' END AS tool FROM c WHERE of = 'schema_migrations'), other AS (SELECT count(*) > 0 AS there, group_concat(trim(name || ' ' || type), ', ') AS shown, count(*) FILTER (WHERE pk) = 1 AND count(*) FILTER (WHERE pk AND lower(name) = 'version' AND upper(type) = 'INTEGER') = 1 AND count(*) FILTER (WHERE lower(name) IN ('name', 'applied_at')) = 2 AND count(*) FILTER (WHERE required AND fallback IS NULL AND NOT pk AND NOT lower(name) IN ('name', 'applied_at')) = 0 AS versions, count(*) FILTER (WHERE name IN ('name', 'applied_at')) = 2 AND count(*) FILTER (WHERE name = 'version') = 0 AS names, coalesce(max(lower(ddl) LIKE '%autoincrement%'), 0) AS counted, count(*) FILTER (WHERE pk) = 1 AND count(*) FILTER (WHERE pk AND lower(name) = 'id' AND upper(type) = 'INTEGER') = 1 AS id, CASE WHEN count(*) = 2 AND count(*) FILTER (WHERE lower(name) IN ('version', 'dirty')) = 2 THEN 'golang-migrate' WHEN count(*) = 1 AND max(lower(name)) = 'version' AND max(lower(type)) LIKE 'varchar%' AND max(required) THEN 'Rails' WHEN count(*) = 1 AND max(lower(name)) = 'version' AND max(lower(type)) LIKE 'varchar%' AND max(pk) THEN 'dbmate' END AS tool FROM c WHERE of = 'd1_migrations'), log AS (SELECT count(*) > 0 AS there, group_concat(name, ', ') AS shown, count(*) FILTER (WHERE name IN ('id', 'token', 'event', 'action', 'version', 'name', 'checksum', 'who', 'tool', 'at', 'restore_point', 'detail', 'rollback_digest', 'rollback_sql')) = 14 AS ours, count(*) FILTER (WHERE name IN ('id', 'token', 'event', 'action', 'version', 'name', 'checksum', 'who', 'tool', 'at', 'restore_point', 'detail', 'rollback_digest', 'rollback_sql', 'format', 'file_digest')) = 16 AS whole FROM c WHERE of = 'd1migrate_log'), older AS (SELECT count(*) > 0 AS there, group_concat(name, ', ') AS shown, count(*) FILTER (WHERE name IN ('id', 'token', 'event', 'action', 'version', 'name', 'checksum', 'who', 'tool', 'at', 'restore_point', 'detail', 'rollback_digest', 'rollback_sql')) = 14 AS ours, count(*) FILTER (WHERE name IN ('id', 'token', 'event', 'action', 'version', 'name', 'checksum', 'who', 'tool', 'at', 'restore_point', 'detail', 'rollback_digest', 'rollback_sql', 'format', 'file_digest')) = 16 AS whole FROM c WHERE of = 'schema_migrations_log') SELECT iif(other.names, 'beside', iif(other.there, 'alike', 'alone')) || ' ' || own.there || other.names || log.there AS state, CASE WHEN log.there AND NOT log.ours THEN 'the table d1migrate_log is not d1migrate''s: it has (' || log.shown || ')' WHEN older.ours OR (log.there AND NOT log.whole) THEN 'the log is that of an older d1migrate' WHEN own.there AND NOT own.versions THEN 'the table schema_migrations is not d1migrate''s: it has (' || own.shown || '), expected (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)' WHEN other.names AND NOT (other.counted AND other.id) THEN 'the table d1_migrations was not created by wrangler' END AS error, CASE WHEN log.there AND NOT log.ours THEN 'ALTER TABLE d1migrate_log RENAME TO old_d1migrate_log' WHEN older.ours OR (log.there AND NOT log.whole) THEN 'run `d1migrate up` once, which updates it' WHEN own.there AND NOT own.versions THEN iif(own.tool IS NULL, 'name another one in d1migrate.toml, such as table = \"d1_migrations\"', '`d1migrate adopt` takes over from ' || own.tool) WHEN other.names AND NOT (other.counted AND other.id) THEN '`d1migrate up` writes to such a table, too; a Worker does not' END AS hint, NULL AS problem, (WITH u AS (SELECT name FROM (SELECT name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name <> '__miniflare_do_name' AND type <> 'index' ORDER BY rowid) WHERE lower(tbl_name) NOT IN ('d1migrate_log', 'knex_migrations_lock', 'kysely_migration_lock', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'ar_internal_metadata') AND NOT (lower(tbl_name) = 'schema_migrations' AND (own.versions OR own.names) OR lower(tbl_name) = 'd1_migrations' AND other.names)) SELECT (SELECT group_concat(name, ', ') FROM (SELECT name FROM u LIMIT 5)) || (SELECT iif(count(*) > 5, ' and ' || (count(*) - 5) || ' more', '') FROM u) || coalesce((SELECT group_concat('; ' || name || ' is the history of ' || value, '') FROM u JOIN json_each('{\"old_schema_migrations\": \"the previous tool\", \"d1_migrations\": \"wrangler d1 migrations\", \"_hub_migrations\": \"NuxtHub\", \"payload_migrations\": \"Payload\", \"__drizzle_migrations\": \"drizzle-kit\", \"_prisma_migrations\": \"Prisma\", \"goose_db_version\": \"goose\", \"_sqlx_migrations\": \"sqlx\", \"alembic_version\": \"Alembic\", \"django_migrations\": \"Django\", \"_yoyo_migration\": \"yoyo\", \"refinery_schema_history\": \"refinery\", \"atlas_schema_revisions\": \"Atlas\", \"knex_migrations\": \"Knex\", \"kysely_migration\": \"Kysely\"}') ON key = lower(name)), '')) AS unmanaged FROM own, other, log, older",
    done: "SELECT EXISTS (SELECT 1 FROM d1migrate_log WHERE token = ?1 AND event = 'done') AS done",
    orphans: "SELECT count(*) FROM pragma_foreign_key_check",
    deferrable: "SELECT count(*) FROM sqlite_schema WHERE instr(lower(sql), 'deferrable')",
    newestNotes: "SELECT detail FROM d1migrate_log WHERE EXISTS (SELECT 1 FROM schema_migrations) ORDER BY id DESC LIMIT 1",
  },
  messages: {
    partial: ["began and did not finish", "look at the database (`d1migrate verify`) and finish or undo it by hand; then record the result: `d1migrate repair --accept {name} --reason …` or `--forget {name} --reason …`"],
    renamed: ["renamed after being applied", "rename the file back; if the new name is right, `d1migrate repair --rename {was} {name} --reason …` records it"],
    squashed: ["the files that it replaces are already applied", "`d1migrate adopt` records it in their place"],
    changed: ["edited after being applied", "restore the file and write a new migration; if the edit is right, `d1migrate repair --accept {name} --reason …` records it"],
    missing: ["applied, but the file is missing", "restore the file, update an old checkout, or deploy newer code; if it was removed on purpose, `d1migrate repair --forget {name} --reason …` removes its record"],
    missingOrPending: ["applied, but the file is missing", "restore the file, update an old checkout, or deploy newer code; if it is {pending} now, `d1migrate repair --rename {name} {pending} --reason …`; if it was removed on purpose, `d1migrate repair --forget {name} --reason …` removes its record"],
    late: ["{name} {is} pending, but {was}, which comes later, is already applied", "`d1migrate renumber` gives it a newer number; --allow-out-of-order applies it late, as `wrangler d1 migrations apply` would"],
    unmanaged: ["this database was not created by d1migrate: no migrations are recorded, but it contains ", "`d1migrate adopt` finds out which of your files the database has, and records them; `d1migrate baseline --to NAME` (e.g. --to 003_add_users_table) records the files up to NAME"],
    onlyRead: ["schema_migrations: it is empty, and d1_migrations is not: `d1migrate repair --move-history` moves the history", "until this is corrected, d1migrate only reads the table"],
    mendable: ["schema_migrations: ", "`d1migrate status` shows the SQL that mends it; until this is corrected, d1migrate only reads the table"],
    unmoved: ["only d1_migrations records {name}, and the history is in schema_migrations", "`d1migrate repair --move-history --reason …` shows what it would record, and moves it"],
    oneSided: ["only schema_migrations records {name}", "`d1migrate repair --sync-tables --reason …` shows what it would record, and records it"],
    alone: ["the table schema_migrations is missing, but d1migrate_log is not empty", "if the table has another name, give that name; else restore it from a backup, or create it without rows, `CREATE TABLE IF NOT EXISTS schema_migrations ( version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL )`, and `d1migrate adopt` records what the database has"],
    damaged: ["{damage}", "restore the database from a backup or a restore point, or correct that row by hand"],
    edited: ["the index was edited by hand: it is not what `d1migrate index` wrote", "`d1migrate index` writes the index and its runtime"],
    noSuch: ["there is no migration {to}", "known: 001_initial_schema to 003_add_users_table"],
    noSelector: ["to: {to} is not a migration", "expected a name, or a number"],
    several: ["{to} can be {names}", "give the name of one"],
    fewQueries: ["maxQueries={most}: a migration takes {fewest}", ""],
    keysOff: ["PRAGMA foreign_keys is OFF, and cannot be switched on in a transaction", "run migrations before anything else of the event, or after `await storage.sync()`"],
    lost: ["{error}: no response came", "it is not in the history: run the command again"],
    violated: ["FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)", ""],
    unfinished: ["{reason}: {applied} applied, {pending} left", "run it again in another request; applied migrations are not run twice"],
    queriesUsed: ["{used} of the {most} queries of this call are used", "run it again in another request; applied migrations are not run twice"],
    migrationsUsed: ["this event has applied {used} migrations", "run it again in another request; applied migrations are not run twice"],
    rowsUsed: ["this event has written {used} rows", "run it again in another request; applied migrations are not run twice"],
    secondsUsed: ["the {used} seconds of this call are used", "run it again in another request; applied migrations are not run twice"],
  },
  advice: [
    ["history not as planned; applied are ([^']*)", "a file may only insert its own version into schema_migrations; leave the rest to d1migrate", "its SQL changes the history of other migrations than its own (applied then: $1)"],
    ["(already applied: |history changed meanwhile)", "a read replica may lag: pass the D1 binding itself, or a session that begins with `first-primary`", "the database has a newer history than the one that was read"],
    ["exceeded its CPU time limit|\\[code: 7429\\]", "the same statements would take as long again; split them into several migrations"],
    ["schema_migrations.* already exists", "d1migrate creates that table: write CREATE TABLE IF NOT EXISTS, or remove the statement"],
    ["already exists|duplicate column name", "if it was applied by other means, `d1migrate adopt` proves that and records it"],
    ["Cannot add a NOT NULL column", "existing rows need a value: give the column a DEFAULT"],
    ["UNIQUE constraint failed", "two rows have one value: change or delete rows first"],
    ["NOT NULL constraint failed", "a row has no value: give it one first, or give the column a DEFAULT"],
    ["CHECK constraint failed", "a row does not meet the CHECK: correct the row first"],
    ["FOREIGN KEY constraint failed", "a row references one that does not exist: insert that one first, or correct the row"],
  ],
  patterns: {
    refusal: "^(?:To execute a transaction|SQL code did not contain|No SQL statements detect|When executing multiple |Wrong number of paramete)|: SQLITE_(?:ABORT|AUTH|CONSTRAINT|ERROR|MISMATCH|MISUSE|RANGE|TOOBIG)(?: \\(extended: \\w+\\))?$|^database table is locked",
    races: "already applied: |history changed meanwhile",
  },
  setup: {
    schema_migrations: `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)`,
    d1migrate_log: `CREATE TABLE IF NOT EXISTS d1migrate_log (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  version INTEGER,
  name TEXT NOT NULL,
  checksum TEXT,
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  restore_point TEXT,
  detail TEXT,
  rollback_digest TEXT,
  rollback_sql TEXT,
  format INTEGER,
  file_digest TEXT
)`,
  },
  texts: [
    "SELECT 1 AS id WHERE 0",
    "SELECT NULL AS problem",
    "SELECT '[]' AS here, '[]' AS there",
    "SELECT name, version FROM (SELECT name, version, max(id), event FROM d1migrate_log WHERE name <> '' GROUP BY version) WHERE event = 'begun'",
    "SELECT token, coalesce(iif(typeof(token) <> 'text' OR token = '', 'd1migrate_log is damaged: token is ' || quote(token) || ', expected text', NULL), (SELECT damage FROM (SELECT CASE WHEN typeof(version) NOT IN ('integer', 'null') THEN 'd1migrate_log is damaged: version is ' || quote(version) || ', expected an integer' WHEN typeof(name) NOT IN ('text') THEN 'd1migrate_log is damaged: name is ' || quote(name) || ', expected text' WHEN typeof(event) NOT IN ('text') THEN 'd1migrate_log is damaged: event is ' || quote(event) || ', expected text' WHEN typeof(action) NOT IN ('text') THEN 'd1migrate_log is damaged: action is ' || quote(action) || ', expected text' WHEN typeof(checksum) NOT IN ('text', 'null') THEN 'd1migrate_log is damaged: checksum is ' || quote(checksum) || ', expected text' WHEN typeof(rollback_digest) NOT IN ('text', 'null') THEN 'd1migrate_log is damaged: rollback_digest is ' || quote(rollback_digest) || ', expected text' WHEN typeof(file_digest) NOT IN ('text', 'null') THEN 'd1migrate_log is damaged: file_digest is ' || quote(file_digest) || ', expected text' END AS damage FROM (SELECT version, name, max(id), event, action, checksum, rollback_digest, rollback_sql IS NOT NULL, file_digest FROM d1migrate_log GROUP BY version, name)) WHERE damage IS NOT NULL LIMIT 1)) AS damage FROM d1migrate_log ORDER BY id DESC LIMIT 1",
    "SELECT EXISTS (SELECT 1 FROM d1migrate_log WHERE token = ?1 AND event = 'done') AS done",
    "SELECT m.id AS id, m.name AS name, NULL AS checksum, NULL AS digest, counter AS counter FROM (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = 'd1_migrations'), 0) AS counter) LEFT JOIN \"d1_migrations\" m  ORDER BY 1",
    "SELECT 0 AS done",
    "SELECT m.version AS id, coalesce(m.name, '') AS name, NULL AS checksum, NULL AS digest, NULL AS counter FROM schema_migrations m  ORDER BY 1",
    "WITH l AS MATERIALIZED (SELECT version, max(id), event, action, checksum, file_digest FROM d1migrate_log GROUP BY version) SELECT m.version AS id, coalesce(m.name, '') AS name, iif(l.event = 'done' AND l.action IN ('up', 'baseline', 'accept', 'restore'), l.checksum) AS checksum, iif(l.event = 'done' AND l.action IN ('up', 'baseline', 'accept', 'restore'), l.file_digest) AS digest, NULL AS counter FROM schema_migrations m LEFT JOIN l ON l.version = m.version ORDER BY 1",
    "WITH n AS (SELECT substr(name, 1, length(name) - 4) AS name FROM \"d1_migrations\" WHERE typeof(name) = 'text' AND substr(name, -4) = '.sql'), f AS (SELECT value ->> 0 AS version, value ->> 1 AS name FROM json_each(?1)), v AS (SELECT m.version, coalesce(m.name, '') AS was, coalesce(f.name, m.name, '') AS name FROM \"schema_migrations\" m LEFT JOIN f ON f.version = m.version) SELECT (SELECT json_group_array(name) FROM (SELECT name FROM v WHERE name NOT IN (SELECT name FROM n) AND was NOT IN (SELECT name FROM n) ORDER BY version)) AS here, (SELECT json_group_array(name) FROM (SELECT name FROM n WHERE name NOT IN (SELECT name FROM v) AND name NOT IN (SELECT was FROM v) ORDER BY name)) AS there",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "INSERT INTO d1migrate_log (token, event, action, version, name, checksum, rollback_digest, who, tool, at, restore_point, detail, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3) ON CONFLICT (version) DO NOTHING",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "INSERT INTO d1migrate_log (token, event, action, version, name, checksum, rollback_sql, rollback_digest, who, tool, at, restore_point, detail, format, file_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || 0 || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || 0 || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || 0 || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || 0 || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || (SELECT count(*) || ' ' || coalesce(max(id), 0) FROM \"d1_migrations\") || ' ' || coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = 'd1_migrations'), 0) || ' ' || coalesce((SELECT group_concat(name, char(10)) FROM (SELECT name FROM \"d1_migrations\" WHERE typeof(name) = 'text' ORDER BY id)), '') || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || (SELECT count(*) || ' ' || coalesce(max(id), 0) FROM \"d1_migrations\") || ' ' || coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = 'd1_migrations'), 0) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || coalesce((SELECT max(version) FROM schema_migrations), 0) || ' ' || (SELECT count(*) || ' ' || coalesce(max(id), 0) FROM \"d1_migrations\") || ' ' || coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = 'd1_migrations'), 0) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || (SELECT count(*) || ' ' || coalesce(max(id), 0) FROM \"d1_migrations\") || ' ' || coalesce((SELECT seq FROM sqlite_sequence WHERE lower(name) = 'd1_migrations'), 0) || ' ' || coalesce((SELECT group_concat(name, char(10)) FROM (SELECT name FROM \"d1_migrations\" WHERE typeof(name) = 'text' ORDER BY id)), '') || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1",
    "INSERT INTO \"d1_migrations\" (name, applied_at) SELECT ?1, datetime(?2, 'unixepoch') WHERE NOT EXISTS (SELECT 1 FROM \"d1_migrations\" WHERE name = ?1)",
  ],
  usual: "alone",
  reads: {
    ["alone 001"]: [[0], [1], [0], [2], [3], [4], [5, "token"]],
    ["alike 001"]: [[0], [1], [0], [2], [3], [4], [5, "token"]],
    ["beside 010"]: [[0], [1], [6], [2], [0], [0], [7]],
    ["beside 011"]: [[0], [1], [6], [2], [3], [4], [5, "token"]],
    ["alone 100"]: [[8], [1], [0], [2], [0], [0], [7]],
    ["alike 100"]: [[8], [1], [0], [2], [0], [0], [7]],
    ["alone 101"]: [[9], [1], [0], [2], [3], [4], [5, "token"]],
    ["alike 101"]: [[9], [1], [0], [2], [3], [4], [5, "token"]],
    ["beside 110"]: [[8], [1], [6], [10, "files"], [0], [0], [7]],
    ["beside 111"]: [[9], [1], [6], [10, "files"], [3], [4], [5, "token"]],
  },
  layouts: {
    alone: { first: [[11, "version", "beforeFull"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], later: [[13, "version", "before"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], last: [[14, "version", "name", "at"], [15, "after"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]], full: [[14, "version", "name", "at"], [17, "afterFull"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]] },
    alike: { first: [[18, "version", "beforeFull"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], later: [[19, "version", "before"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], last: [[14, "version", "name", "at"], [20, "after"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]], full: [[14, "version", "name", "at"], [21, "afterFull"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]] },
    beside: { first: [[22, "version", "beforeFull"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], later: [[23, "version", "before"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], last: [[14, "version", "name", "at"], [24, "after"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]], full: [[14, "version", "name", "at"], [25, "afterFull"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]] },
    mirrored: { first: [[22, "version", "beforeFull"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], later: [[23, "version", "before"], [12, "token", "=begun", "=up", "version", "name", "checksum", "rollbackDigest", "who", "tool", "at", "restorePoint", "={\"lint\": false}", "=1"]], last: [[14, "version", "name", "at"], [26, "file", "at"], [24, "after"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]], full: [[14, "version", "name", "at"], [26, "file", "at"], [25, "afterFull"], [16, "token", "=done", "=up", "version", "name", "checksum", "rollback", "rollbackDigest", "who", "tool", "at", "restorePoint", "notes", "=1", "digest"]] },
  },
  migrations: [
    {
      name: "001_initial_schema",
      version: 1,
      checksum: "v1:5d6814759102fc3207d65257eb2353e932f9fabd77219a2146e359d4349ad74c",
      digest: "057d06bf2dd9909b09f25d23a4ed4ec77ae6ee798b04b28b994ab1e2032cf150",
      rollback: `
DROP TABLE IF EXISTS task_results;
DROP TABLE IF EXISTS executions;
DROP TABLE IF EXISTS workflows;`,
      rollbackDigest: "f4c7327ae1c0719ba4fc2078547df0e0c86bbd2c871509913e98df2d24ff3292",
      full: true,
      lines: [5, 15, 25, 42, 48, 49, 50, 51, 52, 55],
      sql: [
        `CREATE TABLE IF NOT EXISTS workflows (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  status TEXT NOT NULL DEFAULT 'draft'
    CHECK (status IN ('draft', 'active', 'paused', 'completed', 'failed')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
)`,
        `CREATE TABLE IF NOT EXISTS executions (
  id TEXT PRIMARY KEY NOT NULL,
  workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed')),
  started_at INTEGER,
  completed_at INTEGER,
  error TEXT
)`,
        `CREATE TABLE IF NOT EXISTS task_results (
  id TEXT PRIMARY KEY NOT NULL,
  execution_id TEXT NOT NULL REFERENCES executions(id) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  task_name TEXT NOT NULL,
  agent_id TEXT,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  output TEXT,
  error TEXT,
  started_at INTEGER,
  completed_at INTEGER,
  retry_count INTEGER NOT NULL DEFAULT 0
)`,
        `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)`,
        "CREATE INDEX IF NOT EXISTS idx_workflows_status ON workflows(status)",
        "CREATE INDEX IF NOT EXISTS idx_executions_workflow_id ON executions(workflow_id)",
        "CREATE INDEX IF NOT EXISTS idx_executions_status ON executions(status)",
        "CREATE INDEX IF NOT EXISTS idx_task_results_execution_id ON task_results(execution_id)",
        "CREATE INDEX IF NOT EXISTS idx_task_results_status ON task_results(status)",
        `INSERT INTO schema_migrations (version, name, applied_at)
VALUES (1, '001_initial_schema', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING`,
      ],
      schema: ["66f8c9b98aa584cf index idx_executions_status", "8571b7a43104086d index idx_executions_workflow_id", "858720707b9209b4 index idx_task_results_execution_id", "c01bbf1193fa8788 index idx_task_results_status", "a3a6547ae2373a22 index idx_workflows_status", "2af0afc5691559f8 table executions", "f272948f9f99c711 table task_results", "02498c36269633ff table workflows"],
    },
    {
      name: "002_add_api_keys_table",
      version: 2,
      checksum: "v1:411742e618858f2c70caf45ad726c2a045dc5f0113285bc092b5d434dca84e21",
      digest: "6d09b1a4ec4e47788a661efa95d682b0e81427ee6f5c5bc00101144de5391c45",
      rollback: `
DROP TABLE IF EXISTS api_keys;`,
      rollbackDigest: "23e07b8d36ae0c36acc6b302e0a43ed21daf9a2a8359731bce30fe2f6580f815",
      lines: [5, 19, 20, 23],
      sql: [
        `CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL,
  provider TEXT NOT NULL CHECK (provider IN ('anthropic', 'openai', 'custom')),
  key_name TEXT NOT NULL,
  encrypted_key TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used_at INTEGER,
  UNIQUE (user_id, provider, key_name)
)`,
        "CREATE INDEX IF NOT EXISTS idx_api_keys_provider ON api_keys(provider)",
        "CREATE INDEX IF NOT EXISTS idx_api_keys_is_active ON api_keys(is_active)",
        `INSERT INTO schema_migrations (version, name, applied_at)
VALUES (2, '002_add_api_keys_table', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING`,
      ],
      schema: ["d6976238437f0460 index idx_api_keys_is_active", "086202e5830d2132 index idx_api_keys_provider", "a9150bd76d9f726f table api_keys"],
    },
    {
      name: "003_add_users_table",
      version: 3,
      checksum: "v1:42309a3100ba4c02dad63111e8a17f62b53e18ca841571491339b6b44d0677d7",
      digest: "e8d07713af0e38096f49bb032e09ee7c707173fc16d0bdbcddf0eacc62ab2e43",
      rollback: `
DROP TABLE IF EXISTS sessions;
DROP TABLE IF EXISTS users;`,
      rollbackDigest: "b78af2b9da1867e108b7a13cfaa858e55b9de0a81df23cf43cafd6e82b3e7541",
      lines: [5, 17, 26, 27, 28, 31],
      sql: [
        `CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY NOT NULL,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'viewer')),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_login_at INTEGER
)`,
        `CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
)`,
        "CREATE INDEX IF NOT EXISTS idx_users_role ON users(role)",
        "CREATE INDEX IF NOT EXISTS idx_sessions_user_id ON sessions(user_id)",
        "CREATE INDEX IF NOT EXISTS idx_sessions_expires_at ON sessions(expires_at)",
        `INSERT INTO schema_migrations (version, name, applied_at)
VALUES (3, '003_add_users_table', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING`,
      ],
      schema: ["4ff75a1cebe0ce8a index idx_sessions_expires_at", "988e60915d541c19 index idx_sessions_user_id", "a1a3daefa8e0839f index idx_users_role", "abc238ac9455d937 table sessions", "9a3e0f9c08ac443b table users"],
    },
  ],
  seal: "f1f520edce02f87727fd504649241ffc55967e8c1340a9ef86cca35934e2d9be",
};
