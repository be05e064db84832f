// The real drizzle-orm on a SQLite file: node drizzle_migrate.mjs FILE FOLDER
import { DatabaseSync } from "node:sqlite";
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { migrate } from "drizzle-orm/sqlite-proxy/migrator";

const [file, migrationsFolder] = process.argv.slice(2);
const database = new DatabaseSync(file);
const db = drizzle(async (sql, params, method) => {
  const statement = database.prepare(sql);
  if (method === "run") {
    statement.run(...params);
    return { rows: [] };
  }
  return { rows: statement.all(...params).map((row) => Object.values(row)) };
});
await migrate(db, async (queries) => queries.forEach((query) => database.exec(query)), { migrationsFolder });
