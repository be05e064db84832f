// The real drizzle-orm on a SQLite file: node drizzle_migrate.mjs FILE FOLDER [PACKAGE]
import { DatabaseSync } from "node:sqlite";

const [file, migrationsFolder, name = "drizzle-orm"] = process.argv.slice(2);
const { drizzle } = await import(`${name}/sqlite-proxy`);
const { migrate } = await import(`${name}/sqlite-proxy/migrator`);
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
