// Real D1 databases on a loopback port: miniflare starts workerd once and binds `d1-0` … `d1-N`.
// A database costs nothing until it is first used.
//
//   node d1_server.mjs NODE_MODULES PERSIST_DIR COUNT
//
// Prints {"port": N} once it answers, and stops when its standard input ends.
//   POST /d1-7  {"batch": [{"sql": "…", "params": […]}, …]}
//   → {"results": [{"columns": […], "rows": [[…], …], "meta": {"rows_read": N, "rows_written": N, …}}, …]}
//     or {"error": "…"}
import { createRequire } from "node:module";

const [nodeModules, persist, count] = process.argv.slice(2);
const { Miniflare, convertV4MiniflareOptions } = createRequire(`${nodeModules}/`)("miniflare");

// `query` is the call below `batch`: one transaction too, answered in rows rather than in objects, which
// would lose duplicate columns and reorder columns named like numbers.
const script = `export default {
  async fetch(request, env) {
    const { batch } = await request.json();
    const database = env[new URL(request.url).pathname.slice(1)];
    try {
      const { results } = await database.query({ queries: batch });
      return Response.json({
        results: results.map(({ data: { columns, rows }, meta }) => ({ columns, rows, meta })),
      });
    } catch (error) {
      return Response.json({ error: error.message.replace(/^D1_ERROR: /, "") });
    }
  },
};`;

const ids = Array.from({ length: Number(count) }, (_, n) => `d1-${n}`);
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    modules: true,
    script,
    host: "127.0.0.1",
    port: 0,
    compatibilityDate: "2026-01-01",
    compatibilityFlags: ["d1_binding_jsrpc"],
    resourcePersistencePath: persist,
    d1Databases: Object.fromEntries(ids.map((id) => [id, id])),
    cf: false,
  }),
);
const { port } = await miniflare.ready;
console.log(JSON.stringify({ port: Number(port) }));

process.stdin.resume();
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
