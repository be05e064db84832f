// Real D1 databases on a loopback port, `d1-0` … `d1-N`. Beside them, SQLite-backed Durable Objects of any name.
//
//   node d1_server.mjs NODE_MODULES PERSIST_DIR COUNT
//
// Prints {"port": N} once it answers, and stops when its standard input ends.
//   POST /d1-7  {"batch": [{"sql": "…", "params": […]}, …]}
//   → {"results": [{"columns": […], "rows": [[…], …], "meta": {"rows_read": N, "rows_written": N, …}}, …]}
//     or {"error": "…"}
//   POST /object/NAME  {"batch": […]}      the same, in one transactionSync(), each cursor drained
import { databases, serve } from "./miniflare.mjs";

const [nodeModules, persist, count] = process.argv.slice(2);

// `query` is the call below `batch`: one transaction too, answered in rows rather than in objects, which
// would lose duplicate columns and reorder columns named like numbers.
const script = `import { DurableObject } from "cloudflare:workers";

export class Storage extends DurableObject {
  query({ queries }) {
    const { storage } = this.ctx;
    const json = (value) => (value instanceof ArrayBuffer ? [...new Uint8Array(value)] : value);
    const run = ({ sql, params }) => {
      const cursor = storage.sql.exec(sql, ...params);
      const rows = [...cursor.raw()].map((row) => row.map(json));
      const meta = { rows_read: cursor.rowsRead, rows_written: cursor.rowsWritten };
      return { data: { columns: cursor.columnNames, rows }, meta };
    };
    return { results: storage.transactionSync(() => queries.map(run)) };
  }

  // What production D1 has, and no query may create.
  async plant() {
    await this.ctx.storage.put("key", "value");
    await this.ctx.storage.setAlarm(Date.now() + 3_600_000);
  }
  alarm() {}
}

export default {
  async fetch(request, env) {
    const { batch, plant } = await request.json();
    const [, name, object] = new URL(request.url).pathname.split("/");
    const database = object ? env.OBJECT.get(env.OBJECT.idFromName(object)) : env[name];
    try {
      if (plant) await database.plant();
      const { results } = await database.query({ queries: batch });
      return Response.json({
        results: results.map(({ data: { columns, rows }, meta }) => ({ columns, rows, meta })),
      });
    } catch (error) {
      return Response.json({ error: error.message.replace(/^D1_ERROR: /, "") });
    }
  },
};`;

await serve(nodeModules, {
  modules: true,
  script,
  compatibilityDate: "2026-01-01",
  compatibilityFlags: ["d1_binding_jsrpc"],
  resourcePersistencePath: persist,
  d1Databases: databases(count),
  durableObjects: { OBJECT: { className: "Storage", useSQLite: true } },
});
