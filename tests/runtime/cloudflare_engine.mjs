// The databases behind the REST server: real ones, of one workerd, whose files can be copied and put back.
//
// Every binding is an empty D1 database until its first use. So another state of a database is put in place
// by writing a file where a binding nobody has used expects it, and by going on with that binding: the old
// one's open file does not matter, and what its connection had set is gone, as after D1 resets a database.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

// `query` is the call below `batch`: one transaction too, answered in rows rather than in objects.
// `ingest`, which `experimental` shows, is what D1's import is built on.
const SCRIPT = `import { DurableObject } from "cloudflare:workers";

export class Importer extends DurableObject {
  #text = ""; // the text after the last semicolon so far

  async ingest(chunk) {
    try {
      const { remainder, statementCount, rowsRead, rowsWritten } = this.ctx.storage.sql.ingest(
        this.#text + chunk,
      );
      this.#text = remainder;
      await this.ctx.storage.sync(); // ends the transaction that the writes since the last one opened
      const size = this.ctx.storage.sql.databaseSize;
      return { statements: statementCount, read: rowsRead, written: rowsWritten, size };
    } catch (error) {
      return { error: error.message };
    }
  }

  // Its key-value store makes the table _cf_KV, as in databases of production.
  async plant() {
    await this.ctx.storage.put("key", "value");
    await this.ctx.storage.sync();
    return {};
  }
}

export default {
  async fetch(request, env) {
    const { binding, queries, object, chunk } = await request.json();
    try {
      if (binding) {
        const { results } = await env[binding].query({ queries });
        return Response.json({
          results: results.map(({ data: { columns, rows }, meta }) => ({ columns, rows, meta })),
        });
      }
      const importer = env.IMPORTER.getByName(object);
      return Response.json(await (chunk === undefined ? importer.plant() : importer.ingest(chunk)));
    } catch (error) {
      return Response.json({ error: error.message.replace(/^D1_ERROR: /, ""), reset: !binding });
    }
  },
};`;
const D1 = ["d1", "miniflare-D1DatabaseObject"];
const IMPORTER = ["do", "-Importer"];

export class Engine {
  #bindings;
  #given = 0;
  #miniflare;
  #persist;
  #url;

  constructor({ Miniflare, convertV4MiniflareOptions }, persist, count) {
    this.#persist = persist;
    this.#bindings = Array.from({ length: count }, (_, n) => `d1-${n}`);
    this.#miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script: SCRIPT,
        host: "127.0.0.1",
        port: 0,
        compatibilityDate: "2026-01-01",
        compatibilityFlags: ["d1_binding_jsrpc", "experimental"],
        resourcePersistencePath: persist,
        d1Databases: Object.fromEntries(this.#bindings.map((id) => [id, id])),
        durableObjects: { IMPORTER: { className: "Importer", useSQLite: true } },
        cf: false,
        handleStructuredLogs: ({ message }) => console.error(message), // standard output is for the port
      }),
    );
  }

  async start() {
    this.#url = await this.#miniflare.ready;
    fs.mkdirSync(path.join(this.#persist, ...IMPORTER), { recursive: true });
  }

  stop() {
    return this.#miniflare.dispose();
  }

  // A binding nobody has used, holding what is in `contents`.
  fresh(contents) {
    if (this.#given === this.#bindings.length) throw new Error("all bindings are used: raise STATES");
    const binding = this.#bindings[this.#given++];
    if (contents) fs.writeFileSync(this.file(binding), contents);
    return binding;
  }

  file(binding) {
    return this.#file(D1, binding);
  }

  // Run queries as one transaction: {results: [{columns, rows, meta}]} or {error}.
  run(binding, queries) {
    return this.#ask({ binding, queries });
  }

  // Run an import's chunks on a copy: {contents, statements, read, written, size} or {error, reset}.
  async ingest(contents, chunks) {
    const copy = this.#copy(contents);
    const total = { statements: 0, read: 0, written: 0, size: 0 };
    for (const chunk of chunks) {
      const done = await this.#ask({ object: copy.object, chunk });
      if (done.error) return done;
      for (const name of ["statements", "read", "written"]) total[name] += done[name];
      total.size = done.size;
    }
    return { ...total, contents: this.#contents(copy.file) };
  }

  // The contents with a table _cf_KV.
  async plant(contents) {
    const { object, file } = this.#copy(contents);
    await this.#ask({ object });
    return this.#contents(file);
  }

  // The database as a file of its own, or null while it has none. Nothing may be writing.
  contents(binding) {
    return this.#contents(this.file(binding));
  }

  // Differs when something was written, by whomever.
  signature(binding) {
    const file = this.file(binding);
    return [file, `${file}-wal`]
      .map((name) => fs.statSync(name, { bigint: true, throwIfNoEntry: false }))
      .map((stat) => (stat ? `${stat.size} ${stat.mtimeNs}` : "-"))
      .join(" ");
  }

  #copy(contents) {
    const object = crypto.randomUUID();
    const file = this.#file(IMPORTER, object);
    if (contents) fs.writeFileSync(file, contents);
    return { object, file };
  }

  async #ask(question) {
    const response = await fetch(this.#url, { method: "POST", body: JSON.stringify(question) });
    return response.json();
  }

  // Where miniflare keeps the object of this name.
  #file([kind, key], name) {
    const digest = (data) => crypto.createHmac("sha256", secret).update(data).digest().subarray(0, 16);
    const secret = crypto.createHash("sha256").update(key).digest();
    const base = digest(name);
    const id = Buffer.concat([base, digest(base)]).toString("hex");
    return path.join(this.#persist, kind, key, `${id}.sqlite`);
  }

  #contents(file) {
    if (!fs.existsSync(file)) return null;
    const wal = fs.existsSync(`${file}-wal`) ? fs.readFileSync(`${file}-wal`) : Buffer.alloc(0);
    return withWal(fs.readFileSync(file), wal);
  }
}

// The pages of a database with those its write-ahead log has committed (https://sqlite.org/fileformat2.html).
// Opening the file with another SQLite instead would take part in its locking, and could fail workerd's
// writes, which wait for nobody.
function withWal(pages, wal) {
  if (wal.length < 32) return pages.length ? pages : null;
  const pageSize = wal.readUInt32BE(8);
  let result = pages;
  let frames = [];
  for (let at = 32; at + 24 + pageSize <= wal.length; at += 24 + pageSize) {
    if (wal.compare(wal, 16, 24, at + 8, at + 16) !== 0) break; // frames of an earlier round
    frames.push({ page: wal.readUInt32BE(at), at: at + 24 });
    const size = wal.readUInt32BE(at + 4); // of the database, in the last frame of a transaction
    if (!size) continue;
    if (result.length !== size * pageSize) {
      const resized = Buffer.alloc(size * pageSize);
      result.copy(resized);
      result = resized;
    }
    for (const { page, at } of frames)
      if (page <= size) wal.copy(result, (page - 1) * pageSize, at, at + pageSize);
    frames = [];
  }
  return result.length ? result : null;
}
