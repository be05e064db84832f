// The TypeScript runtime inside workerd, next to real D1 databases and Durable Objects, on a loopback port.
//
//   node typescript_server.mjs NODE_MODULES PERSIST_DIR COUNT ISOLATES RUNTIME
//
// RUNTIME is the file that `d1migrate index` writes. ISOLATES Workers share the databases `d1-0` …
// `d1-COUNT-1`; the objects live in the first one.
// Prints {"port": N} once they answer, and stops when its standard input ends.
//   POST /ISOLATE  {"call": "runMigrations", "arguments": […], "database": "d1-7" | "CLASS/NAME",
//                   "shape": "binding", "times": 1, "faults": […], "clock": null, "construct": null}
//   awaits runMigrations(DB, ...arguments), `times` calls at once, where DB is what typescript_entry.ts calls
//   that shape. "call" is an export of the runtime, or an operation of typescript_entry.ts. For "faults", see
//   binding_faults.mjs and storage_faults.mjs.
//   → {"outcomes": [{"result": …} or {"error": {"type", "bases", "message", "traceback", "attributes"}}, …],
//      "calls": {"batch": N, …}}; the calls of all outcomes together, those with a fault included
import { createRequire } from "node:module";
import path from "node:path";

import { databases, routed, serve } from "./miniflare.mjs";

const [nodeModules, persist, count, isolates, runtime] = process.argv.slice(2);
const esbuild = createRequire(`${nodeModules}/wrangler/`)("esbuild"); // wrangler's own, which bundles Workers

const { outputFiles } = await esbuild.build({
  entryPoints: [path.join(import.meta.dirname, "typescript_entry.ts")],
  bundle: true,
  format: "esm",
  target: "es2024",
  external: ["cloudflare:*"],
  alias: { runtime },
  write: false,
});
const COMMON = {
  modules: true,
  script: outputFiles[0].text,
  compatibilityDate: "2026-11-01", // errors keep their names and fields on the way out of an object
  d1Databases: databases(count),
  kvNamespaces: ["KV"],
};
const OBJECTS = {
  Tenant: { className: "Tenant", useSQLite: true },
  Migrating: { className: "Migrating", useSQLite: true },
  KeyValue: { className: "KeyValue", useSQLite: false },
};
const workers = Array(Number(isolates)).fill(COMMON).with(0, { ...COMMON, durableObjects: OBJECTS });
await serve(nodeModules, { resourcePersistencePath: persist, workers: routed(workers) });
