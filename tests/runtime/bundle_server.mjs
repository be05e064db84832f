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
import path from "node:path";

import { databases, serve } from "./miniflare.mjs";

const [nodeModules, persist, bundle, count, className] = process.argv.slice(2);

const module = (name, file) => ({ type: "ESModule", path: `/${name}`, contents: fs.readFileSync(file, "utf8") });
const ours = (name) => module(name, path.join(import.meta.dirname, name));
await serve(nodeModules, {
  name: "app",
  modulesRoot: "/",
  modules: [ours("bundle_entry.mjs"), ours("binding_faults.mjs"), module("bundle.js", bundle)],
  compatibilityDate: "2026-11-01",
  resourcePersistencePath: persist,
  d1Databases: databases(count),
  durableObjects: className ? { [className.toUpperCase()]: { className, useSQLite: true } } : {},
});
