// A Worker with objects, the Workflow of their fleet and its journal inside workerd, on a loopback port.
//
//   node fleet_server.mjs NODE_MODULES PERSIST_DIR FOLDER
//
// FOLDER is tests/workers/typescript/fleet with what `d1migrate index` writes there.
// Prints {"port": N} once it answers, and stops when its standard input ends. See fleet_entry.ts for what is posted.
import { createRequire } from "node:module";
import path from "node:path";

import { serve } from "./miniflare.mjs";

const [nodeModules, persist, folder] = process.argv.slice(2);
const esbuild = createRequire(`${nodeModules}/wrangler/`)("esbuild"); // wrangler's own, which bundles Workers

const { outputFiles } = await esbuild.build({
  entryPoints: [path.join(import.meta.dirname, "fleet_entry.ts")],
  bundle: true,
  format: "esm",
  target: "es2024",
  external: ["cloudflare:*"],
  alias: { worker: path.join(folder, "src", "index.ts") },
  write: false,
});
await serve(nodeModules, {
  name: "tenants",
  modules: true,
  script: outputFiles[0].text,
  compatibilityDate: "2026-11-01",
  resourcePersistencePath: persist,
  d1Databases: { DB: "app", JOURNAL: "journal" },
  durableObjects: { TENANT: { className: "Tenant", useSQLite: true } },
  workflows: { FLEET: { name: "tenants-fleet", className: "TenantsFleet" } },
});
