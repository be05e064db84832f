// Python inside workerd next to real D1 databases, on a loopback port: what a Python Worker has, offline.
//
//   node pyodide_server.mjs NODE_MODULES PYODIDE_DIR PERSIST_DIR COUNT ISOLATES LIB_DIR…
//
// ISOLATES Workers share the databases `d1-0` … `d1-COUNT-1`; each is an isolate with a Pyodide of its own,
// whose sys.path has the files of every LIB_DIR in one folder.
// Prints {"port": N} once all of them have loaded Python, and stops when its standard input ends.
//   POST /ISOLATE  {"call": "module:function", "arguments": {…}, "database": "d1-7", "shape": "raw" | "sdk",
//                   "env": false, "vars": {…}, "faults": […]}
//   awaits function(DB, **arguments), where DB is the binding as a Python Worker gets it: a JsProxy ("raw")
//   or wrapped by the Workers SDK ("sdk"). With "env" it is function(env, **arguments), where env.DB is the
//   binding, env.OBJECTS the namespace of the objects, and "vars" are its other attributes. For "faults", see binding_faults.mjs.
//   With "object": NAME it is function(ctx, **arguments) inside that object; and with "class": "module:Class" too,
//   "call" is a method of the object's instance, which is made as a Python Worker makes it. For "faults" see
//   storage_faults.mjs. {"object": NAME, "call": "reset"} ends the object's instance.
//   → {"result": …} or {"error": {"type", "bases", "message", "traceback", "attributes"}}, both with
//     "calls": {"batch": N, "prepare": N, "exec": N, "dump": N, "statement": N}, those with a fault included, or
//     those of storage_faults.mjs
import fs from "node:fs";
import path from "node:path";

import { databases, routed, serve } from "./miniflare.mjs";

const [nodeModules, pyodide, persist, count, isolates, ...libraries] = process.argv.slice(2);

const own = (name) => fs.readFileSync(path.join(import.meta.dirname, name), "utf8");
const theirs = (name) => fs.readFileSync(path.join(pyodide, name));
const script = (name, contents) => ({ type: "ESModule", path: `/${name}`, contents });
const file = (type, name) => ({ type, path: `/${name}`, contents: theirs(name) });

const COMMON = {
  // A later date gives workerd a `process` like Node's, and Pyodide then takes it for Node.
  compatibilityDate: "2025-06-01",
  durableObjects: { OBJECTS: { className: "PythonObject", useSQLite: true } },
  d1Databases: databases(count),
  unsafeEvalBinding: "UNSAFE_EVAL",
  modulesRoot: "/",
  modules: [
    script("worker.mjs", own("pyodide_worker.mjs")),
    script("prelude.mjs", own("pyodide_prelude.mjs")),
    script("binding_faults.mjs", own("binding_faults.mjs")),
    script("storage_faults.mjs", own("storage_faults.mjs")),
    script("pyodide.mjs", theirs("pyodide.mjs").toString()),
    script("pyodide.asm.mjs", glue()),
    file("CompiledWasm", "pyodide.asm.wasm"),
    file("Data", "python_stdlib.zip"),
    file("Text", "pyodide-lock.json"),
    { type: "Text", path: "/libraries.json", contents: JSON.stringify(sitePackages()) },
  ],
};

// Before 314 it is a script that leaves its function in a global.
function glue() {
  if (fs.existsSync(path.join(pyodide, "pyodide.asm.mjs"))) return theirs("pyodide.asm.mjs").toString();
  return `${theirs("pyodide.asm.js")}\nexport default globalThis._createPyodideModule;`;
}

// {name: base64} of what is to be on sys.path: every file but *.pyc, as Cloudflare uploads python_modules.
function sitePackages() {
  const files = { "pyodide_inside.py": path.join(import.meta.dirname, "pyodide_inside.py") };
  for (const folder of libraries)
    for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile() && !file.endsWith(".pyc")) files[path.relative(folder, file)] = file;
    }
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, fs.readFileSync(file, "base64")]),
  );
}

const workers = Array(Number(isolates)).fill(COMMON);

async function loadPython(url) {
  for (const n of workers.keys()) {
    const answer = await fetch(`${url}/${n}`);
    if (!answer.ok) throw new Error(await answer.text());
  }
}

await serve(nodeModules, { resourcePersistencePath: persist, workers: routed(workers) }, loadPython);
