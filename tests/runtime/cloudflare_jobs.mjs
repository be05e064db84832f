// Import and export: jobs of a database that serves nothing else meanwhile, followed by polling, and the
// files they take and leave behind signed URLs.
import crypto from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { ApiError, malformed } from "./cloudflare_errors.mjs";

const PATIENCE = 15_000; // an import nobody polls dies after it (workers-sdk issues)
const MOST = 1000; // milliseconds that a question about a job takes at most
const VALID = 3600; // seconds a signed URL works
const EXPORT = "PRAGMA miniflare_d1_export(?,?,?);"; // what miniflare's D1 takes; the text is compared
const VIRTUAL = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'";

// POST …/import
export async function takeImport({ database, body, world }) {
  const { action, etag } = body;
  const filename = `${database.uuid}.${etag}.sql`;
  if (action === "poll") return poll(database, "import", body.current_bookmark, world);
  if (!["init", "ingest"].includes(action) || !/^[0-9a-f]{32}$/.test(etag))
    throw malformed("action and etag are required");
  free(database, world);
  if (action === "ingest") return ingest(database, etag, body.filename, world);
  if (!world.files.has(filename)) {
    const upload = { filename, upload_url: world.files.url("PUT", filename) };
    return { success: true, type: "import", ...upload, messages: [] };
  }
  // "File already uploaded. Processing.", says wrangler: no URL, and the import has begun.
  if (world.settings.known_etag === "complete" && database.imported.has(etag))
    return complete(database, database.bookmark(), { statements: 0, read: 0, written: 0, size: 0 });
  return ingest(database, etag, filename, world);
}

async function ingest(database, etag, filename, world) {
  const file = world.files.get(filename);
  if (filename !== `${database.uuid}.${etag}.sql` || !file || md5(file) !== etag)
    return failed("import", `The file ${filename} was not uploaded or has another etag`);
  // Statement by statement and without a transaction, on a copy, which takes the place of the database if
  // all of it worked: what production reaches by going back to the bookmark it started from.
  const bookmark = database.bookmark();
  const work = world.engine.ingest(database.contents(), pieces(file, world.settings.import_chunk));
  const done = (outcome) => {
    if (outcome.error) {
      const reset = outcome.reset || world.settings.import_error === "reset";
      return failed("import", reset ? '{"D1_RESET_DO":true}' : outcome.error);
    }
    database.imported.add(etag);
    database.replace(outcome.contents);
    return complete(database, bookmark, outcome);
  };
  database.job = { type: "import", bookmark, polls: world.settings.polls, work, done };
  return advance(database, world);
}

function complete(database, bookmark, { statements, read, written, size }) {
  const meta = { rows_read: read, rows_written: written, size_after: size, changed_db: written > 0 };
  return {
    success: true,
    type: "import",
    status: "complete",
    at_bookmark: bookmark, // that of the beginning, as long as it goes on
    messages: [`Processed ${statements} queries.`],
    result: {
      final_bookmark: database.bookmark(),
      num_queries: statements,
      meta: { served_by: "v3-prod", duration: 1, changes: written, last_row_id: 0, ...meta },
    },
  };
}

// POST …/export
export async function takeExport({ database, body, world }) {
  const { output_format: format, dump_options: options = {}, current_bookmark: bookmark } = body;
  if (format !== "polling")
    throw malformed("output_format has to be polling");
  if (bookmark) return poll(database, "export", bookmark, world);
  free(database, world);
  const params = [options.no_schema, options.no_data].map((option) => (option ? 1 : 0));
  // Refused here, since miniflare does it in a way that its binding cannot read.
  const [{ rows: virtual }] = (await database.run([{ sql: VIRTUAL }])).results;
  const answer = virtual.length
    ? { error: "D1 Export error: cannot export databases with Virtual Tables (fts5)" }
    : await database.run([{ sql: EXPORT, params: [...params, ...(options.tables ?? [])] }]);
  const start = database.bookmark();
  const done = () => {
    if (answer.error) return failed("export", answer.error);
    const filename = `${database.uuid}-${start}.sql`;
    world.files.set(filename, Buffer.from(answer.results[0].rows[0].join("\n")));
    const result = { filename, signed_url: world.files.url("GET", filename) };
    return { success: true, type: "export", status: "complete", at_bookmark: start, messages: [], result };
  };
  database.job = { type: "export", bookmark: start, polls: world.settings.polls, work: true, done };
  return advance(database, world);
}

// Refuse what comes while a job is under way.
export function free(database, world) {
  expire(database, world);
  if (database.job)
    throw new ApiError(400, 7500, `Currently processing a long-running ${database.job.type}.`);
}

function poll(database, type, bookmark, world) {
  if (expire(database, world) === type)
    return { success: false, error: `Cancelled due to no poll() received in ${PATIENCE}ms.` };
  if (database.job?.type === type && database.job.bookmark === bookmark) return advance(database, world);
  return { success: false, error: `Not currently ${type}ing anything.` };
}

async function advance(database, world) {
  const { job } = database;
  job.seen = world.clock.now();
  job.polls -= 1;
  const outcome = job.polls < 0 && (await Promise.race([job.work, pause(MOST, false, { ref: false })]));
  if (outcome) {
    database.job = null;
    return job.done(outcome);
  }
  const messages = [`Still at work on the ${job.type}.`];
  return { success: true, type: job.type, status: "active", at_bookmark: job.bookmark, messages };
}

function expire(database, world) {
  const { job } = database;
  if (!job || world.clock.now() - job.seen <= PATIENCE) return undefined;
  database.job = null;
  return job.type;
}

function failed(type, error) {
  return { success: false, type, status: "error", error, errors: [error], messages: [] };
}

// A file is read in pieces; a transaction does not outlast one.
function* pieces(file, size) {
  const decoder = new TextDecoder();
  for (let at = 0; at < file.length; at += size)
    yield decoder.decode(file.subarray(at, at + size), { stream: true });
}

function md5(content) {
  return crypto.createHash("md5").update(content).digest("hex");
}

// What R2 keeps for them.
export class Files extends Map {
  origin = "";
  #clock;
  #key = crypto.randomBytes(32);

  constructor(clock) {
    super();
    this.#clock = clock;
  }

  url(method, filename) {
    const expires = Math.floor(this.#clock.now() / 1000) + VALID;
    const signature = this.#sign(method, filename, expires);
    return `${this.origin}/r2/${filename}?X-Amz-Expires=${expires}&X-Amz-Signature=${signature}`;
  }

  // {status, headers, body} for a request to such a URL.
  serve({ method, path, query, headers, body }) {
    const filename = path.slice("/r2/".length);
    const expires = query.get("X-Amz-Expires");
    if (query.get("X-Amz-Signature") !== this.#sign(method, filename, expires))
      return refuse(403, "SignatureDoesNotMatch");
    if (Number(expires) * 1000 < this.#clock.now()) return refuse(403, "ExpiredRequest");
    // The signature is the authorization: R2, like S3, takes one only.
    if (headers.authorization !== undefined) return refuse(400, "InvalidArgument");
    if (method === "GET") {
      const content = this.get(filename);
      return content ? { status: 200, headers: {}, body: content } : refuse(404, "NoSuchKey");
    }
    if (headers["content-length"] === undefined) return refuse(411, "MissingContentLength");
    this.set(filename, body);
    return { status: 200, headers: { etag: `"${md5(body)}"` }, body: "" };
  }

  #sign(method, filename, expires) {
    return crypto.createHmac("sha256", this.#key).update(`${method} ${filename} ${expires}`).digest("hex");
  }
}

function refuse(status, code) {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`;
  return { status, headers: { "content-type": "application/xml" }, body };
}
