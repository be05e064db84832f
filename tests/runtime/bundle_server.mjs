// A bundle that wrangler made, in workerd: a Worker with a D1 database `DB` and the class `Tenant` as `TENANT`.
//
//   node bundle_server.mjs NODE_MODULES PERSIST_DIR BUNDLE
//
// Prints {"port": N} once it answers, and stops when its standard input ends.
import fs from "node:fs";
import { createRequire } from "node:module";

const [nodeModules, persist, bundle] = process.argv.slice(2);
const { Miniflare, convertV4MiniflareOptions } = createRequire(`${nodeModules}/`)("miniflare");

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    name: "app",
    modules: true,
    script: fs.readFileSync(bundle, "utf8"),
    host: "127.0.0.1",
    port: 0,
    compatibilityDate: "2026-11-01",
    resourcePersistencePath: persist,
    d1Databases: { DB: "app" },
    durableObjects: { TENANT: { className: "Tenant", useSQLite: true } },
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
