// An isolate that runs Python next to real D1 bindings, as a Python Worker does: a JavaScript Worker that
// carries the npm package pyodide with it. See pyodide_server.mjs for what it answers.
import { BASE } from "./prelude.mjs"; // first: see there
import { loadPyodide } from "./pyodide.mjs";
import createPyodideModule from "./pyodide.asm.mjs";
import pyodideWasm from "./pyodide.asm.wasm";
import stdlib from "./python_stdlib.zip";
import lock from "./pyodide-lock.json";
import libraries from "./libraries.json";
import { DurableObject } from "cloudflare:workers";
import { observe } from "./binding_faults.mjs";
import { observeStorage, standIn } from "./storage_faults.mjs";

const SITE = "/session/metadata/python_modules"; // where a Python Worker has its packages

let loading; // one Pyodide an isolate

export default {
  async fetch(request, env) {
    try {
      const call = await python(env);
      if (request.method === "GET") return new Response("ready");
      const text = await request.text();
      const { database, object, call: name, vars, faults = [] } = JSON.parse(text);
      if (object != null) {
        const stub = env.OBJECTS.get(env.OBJECTS.idFromName(object));
        return new Response(name === "reset" ? await stub.reset().catch(String) : await stub.answer(text));
      }
      const { binding, calls } = observe(env[database], faults);
      return new Response(await call(text, { ...vars, DB: binding, OBJECTS: env.OBJECTS }, calls));
    } catch (error) {
      return new Response(String(error?.stack ?? error), { status: 500 });
    }
  },
};

const python = (env) => (loading ??= load(env.UNSAFE_EVAL));

// An object with Python in it. The key tells its instances apart: after a reset it is another one.
export class PythonObject extends DurableObject {
  key = crypto.randomUUID();

  async answer(text) {
    const call = await python(this.env);
    const { storage, calls } = observeStorage(this.ctx, JSON.parse(text).faults ?? [], () => {});
    return call(text, standIn(this.ctx, {}, { storage }), calls, this.key);
  }

  // Not from Python: it would end between two of its own steps, and never go on.
  async reset() {
    this.ctx.abort("reset");
  }

  alarm() {} // setAlarm() asks for it
}

async function load(unsafeEval) {
  allowWebAssembly(unsafeEval);
  serve({ "python_stdlib.zip": stdlib, "pyodide-lock.json": lock });
  const options = { createPyodideModule, lockFileContents: lock, env: { PYTHONHASHSEED: "0" } };
  const python = await loadPyodide({ indexURL: BASE, stdout: console.log, stderr: console.error, ...options });
  for (const [name, base64] of Object.entries(JSON.parse(libraries))) {
    const path = `${SITE}/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  }
  // The two modules that a Python Worker's host brings for the SDK.
  python.registerJsModule("_pyodide_entrypoint_helper", { cloudflareWorkersModule: {}, patchWaitUntil() {} });
  python.registerJsModule("_cloudflare_compat_flags", {});
  python.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(SITE)})`);
  return python.pyimport("pyodide_inside").call;
}

// workerd compiles no WebAssembly that comes as bytes: Pyodide's own travels compiled, and the small modules
// that it makes up are compiled through the binding that local test runs may have.
function allowWebAssembly(unsafeEval) {
  const real = globalThis.WebAssembly;
  const compile = (code) => (code instanceof real.Module ? code : unsafeEval.newWasmModule(code));
  const replaced = {
    Module: new Proxy(real.Module, { construct: (_, [bytes]) => compile(bytes) }),
    async instantiate(code, imports) {
      const module = compile(code);
      const instance = new real.Instance(module, imports);
      return code instanceof real.Module ? instance : { module, instance };
    },
    async instantiateStreaming(response, imports) {
      await response;
      return { module: pyodideWasm, instance: new real.Instance(pyodideWasm, imports) };
    },
  };
  globalThis.WebAssembly = new Proxy(real, {
    get: (_, name) => (Object.hasOwn(replaced, name) ? replaced[name] : Reflect.get(real, name)),
  });
}

// Pyodide fetches its files by their names.
function serve(files) {
  const real = globalThis.fetch;
  globalThis.fetch = async (resource, options) => {
    const url = String(resource?.url ?? resource);
    if (!url.startsWith(BASE)) return real(resource, options);
    return new Response(files[url.slice(BASE.length)]);
  };
}
