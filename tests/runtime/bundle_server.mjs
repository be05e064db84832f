// A bundle that wrangler made, in workerd, next to real D1 databases.
//
//   node bundle_server.mjs NODE_MODULES PERSIST_DIR BUNDLE COUNT [CLASS]
//
// The databases are `d1-0` … `d1-COUNT-1`; CLASS is a class of SQLite-backed Durable Objects of the bundle, whose
// binding is its name in capitals. Prints {"port": N} once it answers, and stops when its standard input ends.
//   POST /  {"method": "GET", "url": …, "headers": [[NAME, VALUE], …], "body": null, "database": "d1-7",
//            "faults": […], "vars": {…}}
//   sends the Worker that request, with the database as `DB` and the variables in its `env`. For "faults", see
//   binding_faults.mjs.
//   → {"status", "headers", "text", "log", "body_used", "calls": {"batch": N, …}}
//   POST /  {"sql": "DROP TABLE users", "database": "d1-7"}   runs a statement past the Worker
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [nodeModules, persist, bundle, count, className] = process.argv.slice(2);
const { Miniflare, convertV4MiniflareOptions } = createRequire(`${nodeModules}/`)("miniflare");

const module = (name, file) => ({ type: "ESModule", path: `/${name}`, contents: fs.readFileSync(file, "utf8") });
const ours = (name) => module(name, path.join(import.meta.dirname, name));
const ids = Array.from({ length: Number(count) }, (_, n) => `d1-${n}`);
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    name: "app",
    modulesRoot: "/",
    modules: [ours("bundle_entry.mjs"), ours("binding_faults.mjs"), module("bundle.js", bundle)],
    host: "127.0.0.1",
    port: 0,
    compatibilityDate: "2026-11-01",
    resourcePersistencePath: persist,
    d1Databases: Object.fromEntries(ids.map((id) => [id, id])),
    durableObjects: className ? { [className.toUpperCase()]: { className, useSQLite: true } } : {},
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
