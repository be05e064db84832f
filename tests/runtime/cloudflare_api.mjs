// The routes below /client/v4, and the envelopes of their answers.
import { ApiError, invalid, malformed } from "./cloudflare_errors.mjs";
import { free, takeExport, takeImport } from "./cloudflare_jobs.mjs";
import { split, splitFragile, writes } from "./cloudflare_splitter.mjs";

const MAX_VALUE = 2_000_000; // bytes of a string or BLOB; the local D1 takes more
const INTERNAL = /^internal error/; // of the database object, which rolled back
const DATABASES = "/accounts/(?<account>[^/]+)/d1/database";
const DATABASE = `${DATABASES}/(?<id>[^/]+)`;

function envelope(result, more = {}) {
  return { result, success: true, errors: [], messages: [], ...more };
}

// --- statements ---

function statements(body, settings) {
  const items = body.batch ?? [body];
  if (!Array.isArray(items)) throw invalid("batch", "Expected array");
  return items.flatMap(({ sql, params = [] }) => {
    if (typeof sql !== "string") throw invalid("sql", "Required");
    if (!Array.isArray(params)) throw invalid("params", `Expected array, received ${kind(params)}`);
    const found = (settings.fragile_splitter ? splitFragile : split)(sql);
    if (found.length > 1 && params.length)
      throw malformed("params with multiple statements is not supported");
    return found.map((one) => ({ sql: one, params: params.map(parameter) }));
  });
}

// Documented as strings. A number is bound as REAL, a boolean as the text of its JSON.
function parameter(value) {
  if (["array", "object"].includes(kind(value)))
    throw invalid("params", `Expected string, received ${kind(value)}`);
  if (typeof value === "string" && Buffer.byteLength(value) > MAX_VALUE)
    throw new ApiError(400, 7500, "string or blob too big: SQLITE_TOOBIG");
  return typeof value === "boolean" ? String(value) : value;
}

async function results({ database, body, token, world, fault }) {
  free(database, world);
  const queries = statements(body, world.settings);
  if (token.rights === "read" && queries.some(({ sql }) => writes(sql)))
    throw new ApiError(403, 7403, "The token may only read, and the query writes");
  if (fault?.do === "timeout") {
    database.replace(database.contents()); // rolled back and reset
    const message = "D1 DB storage operation exceeded timeout which caused object to be reset.";
    throw new ApiError(500, 7500, message);
  }
  const found = [];
  for (const batch of fault?.do === "not atomic" ? queries.map((query) => [query]) : [queries]) {
    const answer = await database.run(batch, world.settings.keep_past);
    if (answer.error) throw new ApiError(INTERNAL.test(answer.error) ? 500 : 400, 7500, answer.error);
    found.push(...answer.results);
  }
  return found.map(({ columns, rows, meta }) => ({
    columns,
    rows,
    meta: { ...meta, served_by: "v3-prod", served_by_region: "WEUR", served_by_colo: "AMS" },
  }));
}

async function query(call) {
  const found = await results(call);
  return found.map(({ columns, rows, meta }) => ({
    results: rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]]))),
    success: true,
    meta,
  }));
}

async function raw(call) {
  const found = await results(call);
  return found.map(({ columns, rows, meta }) => ({ results: { columns, rows }, success: true, meta }));
}

// --- databases ---

function list({ account, query, world }) {
  const wanted = query.get("name") ?? "";
  const all = world.databases.of(account).filter(({ name }) => name.includes(wanted));
  return paged(all.map(brief), query, 1000);
}

async function create({ account, body, world }) {
  if (typeof body.name !== "string" || !body.name) throw invalid("name", "Required");
  return details(await world.databases.create(account, body.name, { cfKv: world.settings.cf_kv }));
}

async function get({ database, query }) {
  const found = await details(database);
  const fields = query.get("fields")?.split(",");
  return fields ? Object.fromEntries(Object.entries(found).filter(([name]) => fields.includes(name))) : found;
}

function change({ database, body }) {
  if (body.read_replication) database.readReplication = body.read_replication;
  return details(database);
}

function remove({ database, world }) {
  world.databases.delete(database);
  return null;
}

function brief({ uuid, name, createdAt }) {
  return { uuid, name, version: "production", created_at: createdAt };
}

async function details(database) {
  const sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
  const { results } = await database.run([{ sql }]);
  return {
    ...brief(database),
    num_tables: results[0].rows[0][0],
    file_size: results[0].meta.size_after,
    running_in_region: "WEUR",
    read_replication: database.readReplication,
  };
}

// --- time travel ---

function bookmark({ database, query }) {
  const timestamp = query.get("timestamp");
  return { bookmark: timestamp ? database.bookmarkAt(timestamp) : database.bookmark() };
}

function restore({ database, query, world }) {
  free(database, world);
  const timestamp = query.get("timestamp");
  const target = timestamp ? database.bookmarkAt(timestamp) : query.get("bookmark");
  if (!target) throw malformed("bookmark or timestamp is required");
  const previous = database.restore(target);
  const message = `Database restored to bookmark ${target}`;
  return { bookmark: database.bookmark(), previous_bookmark: previous, message };
}

// --- routing ---

class Answer {
  constructor(result, more) {
    Object.assign(this, { result, more });
  }
}

function verify() {
  const messages = [{ code: 10000, message: "This API Token is valid and active", type: null }];
  return new Answer({ id: "f".repeat(32), status: "active" }, { messages });
}

function accounts({ query, token }) {
  const found = token.accounts.map((id) => ({ id, name: `Account ${id.slice(0, 4)}`, type: "standard" }));
  return paged(found, query, 20);
}

// There is no last page: later pages are empty, and the SDK stops there.
function paged(all, query, usual) {
  const [page, perPage] = [Number(query.get("page") ?? 1), Number(query.get("per_page") ?? usual)];
  if (!(page >= 1 && perPage >= 1)) throw malformed("page and per_page have to be positive numbers");
  const shown = all.slice((page - 1) * perPage, page * perPage);
  const info = { page, per_page: perPage, count: shown.length, total_count: all.length };
  return new Answer(shown, { result_info: info });
}

const route = (method, path, handle, { rights = "edit", byName = false } = {}) => ({
  method,
  path: new RegExp(`^/client/v4${path}$`),
  handle,
  rights,
  byName,
});
const READ = { rights: "read" };
const ROUTES = [
  route("GET", "/user/tokens/verify", verify, { rights: "none" }),
  route("GET", "/accounts", accounts, { rights: "none" }),
  route("GET", DATABASES, list, READ),
  route("POST", DATABASES, create),
  // The one route that takes a name for an id: wrangler finds databases by it.
  route("GET", DATABASE, get, { rights: "read", byName: true }),
  route("PUT", DATABASE, change),
  route("PATCH", DATABASE, change),
  route("DELETE", DATABASE, remove),
  route("POST", `${DATABASE}/query`, query, READ),
  route("POST", `${DATABASE}/raw`, raw, READ),
  route("POST", `${DATABASE}/import`, takeImport),
  route("POST", `${DATABASE}/export`, takeExport, READ),
  route("GET", `${DATABASE}/time_travel/bookmark`, bookmark, READ),
  route("POST", `${DATABASE}/time_travel/restore`, restore),
];
const RIGHTS = ["none", "read", "edit"];

// The envelope of the answer; an ApiError is one too.
export async function answer(request, world, fault) {
  const token = world.tokens.get(request.headers.authorization?.match(/^Bearer (.+)$/)?.[1]);
  if (!token) throw new ApiError(401, 10000, "Authentication error");
  const found = ROUTES.find(({ method, path }) => method === request.method && path.test(request.path));
  if (!found) {
    const message = `Could not route to ${request.path}, perhaps your object identifier is invalid?`;
    throw new ApiError(404, 7003, message);
  }
  const { account, id } = request.path.match(found.path).groups ?? {};
  if (account && !token.accounts.includes(account)) {
    const message = "The given account is not valid or is not authorized to access this service";
    throw new ApiError(403, 7403, message);
  }
  if (RIGHTS.indexOf(token.rights) < RIGHTS.indexOf(found.rights))
    throw new ApiError(403, 10000, "Authentication error");
  const call = { account, token, world, fault, query: request.query, body: json(request) };
  if (id) call.database = world.databases.get(account, decodeURIComponent(id), found.byName);
  const result = await (id ? call.database.exclusively(() => found.handle(call)) : found.handle(call));
  return result instanceof Answer ? envelope(result.result, result.more) : envelope(result);
}

function json({ method, body }) {
  if (!["POST", "PUT", "PATCH"].includes(method) || !body.length) return {};
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    throw malformed("the body is not JSON");
  }
  if (kind(value) !== "object")
    throw new ApiError(400, 7400, `Invalid input: Expected object, received ${kind(value)}`);
  return value;
}

function kind(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
