// The real Kysely or Knex on a SQLite file: node javascript_migrators.mjs kysely|knex FILE FOLDER
// Their drivers are native modules; here Node's own SQLite takes the place of better-sqlite3.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

class Database {
  constructor(file) {
    this.database = new DatabaseSync(file);
  }
  prepare(sql) {
    const statement = this.database.prepare(sql);
    const values = (given) => given.flat().map((value) => (value instanceof Date ? value.getTime() : value));
    return {
      reader: statement.columns().length > 0,
      all: (...given) => statement.all(...values(given)),
      run: (...given) => statement.run(...values(given)),
      safeIntegers: () => {},
    };
  }
  exec(sql) {
    this.database.exec(sql);
  }
  close() {
    this.database.close();
  }
}

const [tool, file, folder] = process.argv.slice(2);
const files = readdirSync(folder).sort();
const statements = (name) => readFileSync(join(folder, name), "utf8").split(";\n").filter((sql) => sql.trim());

async function kysely() {
  const { Kysely, SqliteDialect, sql } = await import("kysely");
  const { Migrator } = await import("kysely/migration");
  const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(file) }) });
  const migration = (name) => ({
    up: async (db) => {
      for (const statement of statements(name)) await sql.raw(statement).execute(db);
    },
  });
  const migrations = Object.fromEntries(files.map((name) => [name.replace(/\.sql$/, ""), migration(name)]));
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest();
  if (error) throw error;
  await db.destroy();
}

async function knex() {
  const { default: knex } = await import("knex");
  const { default: Client } = await import("knex/lib/dialects/better-sqlite3/index.js");
  class NodeClient extends Client {
    _driver() {
      return Database;
    }
  }
  const db = knex({ client: NodeClient, connection: { filename: file }, useNullAsDefault: true });
  const migrationSource = {
    getMigrations: async () => files,
    getMigrationName: (name) => name.replace(/\.sql$/, ".js"),
    getMigration: async (name) => ({
      up: async (db) => {
        for (const statement of statements(name)) await db.raw(statement);
      },
      down: async () => {},
    }),
  };
  await db.migrate.latest({ migrationSource });
  await db.destroy();
}

await { kysely, knex }[tool]();
