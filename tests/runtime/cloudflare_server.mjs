// Cloudflare's REST API for D1 in front of real D1 databases, on a loopback port.
//
//   node cloudflare_server.mjs NODE_MODULES PERSIST_DIR COUNT
//
// Prints {"port": N} once it answers, and stops when its standard input ends. COUNT is how many states of
// databases there can be: one each, one more for every import, restore and reset of it.
//   /client/v4/…   the API, see cloudflare_api.mjs
//   /r2/…          uploads and downloads, see cloudflare_jobs.mjs
// and, all by POST with JSON, what the tests are in command of:
//   /faults        […]: what goes wrong from now on, see cloudflare_faults.mjs
//   /requests      → [{method, path, query, headers, size, body?, status?}, …], without the tokens
//   /traffic       → {requests, statuses: {status: how many}, databases: {uuid: requests to it}, connections}
//   /late          what is on its way arrives → its HTTP statuses
//   /settings      {…} those of SETTINGS to change
//   /clock         {"advance": seconds}
//   /spend         {"token", "count"}: somebody else sends so many requests with it
//   /tokens        {"token", "accounts": […], "rights": "none" | "read" | "edit"}
//   /databases     {"account", "name", "uuid"?} → {"uuid"}
//   /copies        {"uuid", "names": […]} → [uuid of each database, which holds the same]
//   /delete        {"uuid"}
//   /file          {"uuid"} → {"file"}
//   /sql           {"uuid", "sql"} → [rows of each statement]; no fault, no log
//   /reset         all as at the start
import http from "node:http";
import { createRequire } from "node:module";

import { answer } from "./cloudflare_api.mjs";
import { Clock, Databases } from "./cloudflare_databases.mjs";
import { Engine } from "./cloudflare_engine.mjs";
import { ApiError } from "./cloudflare_errors.mjs";
import { EDITS, Faults, instead, THROTTLE } from "./cloudflare_faults.mjs";
import { Files } from "./cloudflare_jobs.mjs";
import { split } from "./cloudflare_splitter.mjs";
import { WIRE } from "./cloudflare_wire.mjs";

const SETTINGS = {
  cf_kv: false, // new databases have a table _cf_KV, as those of production
  fragile_splitter: false, // cut triggers as production does
  import_chunk: 1 << 20, // bytes of an import that share a transaction
  import_error: "text", // or "reset": {"D1_RESET_DO":true} whatever went wrong
  keep_past: true, // what a query changes can be restored; without, a fleet is faster and takes less disk space
  known_etag: "import", // a file that was imported is imported again, or "complete": nothing is done
  max_body: 100_000_000, // bytes; above, 413
  polls: 1, // of an import or export before it is complete
  quota: 1200, // requests of a token in a window …
  window: 300, // … of so many seconds …
  enforce_quota: false, // … above which all are refused, for as long as a window
};
const SMALL = 10_000; // bytes of a body that the log keeps

const [nodeModules, persist, count] = process.argv.slice(2);
const clock = new Clock();
const engine = new Engine(createRequire(`${nodeModules}/`)("miniflare"), persist, Number(count));
const databases = new Databases(engine, clock, persist);
const world = { clock, databases, engine, files: new Files(clock), settings: {}, tokens: new Map() };
const faults = new Faults();
let log = [];
let late = []; // work that is on its way
let passed = []; // {left, work}: work that arrives after so many more requests
let windows = new Map(); // {began, used} by token
let sockets = new WeakSet(); // of connections that requests came by …
let connections = 0; // … and how many those are

const CONTROLS = {
  "/faults": (wanted) => faults.set(wanted),
  "/requests": () => log,
  "/traffic": () => ({
    connections,
    requests: log.length,
    statuses: counted(log.map(({ status }) => status ?? "none")),
    databases: counted(log.flatMap(({ path }) => path.match(/\/d1\/database\/([^/]+)/)?.[1] ?? [])),
  }),
  "/late": async () => (await Promise.all(late.splice(0).map((work) => work()))).map(({ status }) => status),
  "/settings": (wanted) => {
    const unknown = Object.keys(wanted).filter((name) => !(name in SETTINGS));
    if (unknown.length) throw new Error(`no such settings: ${unknown}`);
    Object.assign(world.settings, wanted);
  },
  "/clock": ({ advance }) => {
    clock.offset += advance * 1000;
  },
  "/spend": ({ token, count }) => {
    windowOf(`Bearer ${token}`).used += count;
  },
  "/tokens": ({ token, ...may }) => world.tokens.set(token, may) && undefined,
  "/databases": async ({ account, name, uuid }) => {
    const made = await databases.create(account, name, { uuid, cfKv: world.settings.cf_kv });
    return { uuid: made.uuid };
  },
  "/copies": ({ uuid, names }) => databases.copy(databases.find(uuid), names).map((made) => made.uuid),
  "/delete": ({ uuid }) => databases.delete(databases.find(uuid)),
  "/file": ({ uuid }) => ({ file: databases.find(uuid).file }),
  "/sql": async ({ uuid, sql }) => {
    const database = databases.find(uuid);
    const queries = split(sql).map((one) => ({ sql: one }));
    const { error, results } = await database.exclusively(() => database.run(queries, world.settings.keep_past));
    if (error) throw new Error(error);
    return results.map(({ rows }) => rows);
  },
  "/reset": () => {
    faults.set([]);
    databases.clear();
    world.files.clear();
    world.tokens.clear();
    world.settings = { ...SETTINGS };
    [log, late, passed, windows, clock.offset] = [[], [], [], new Map(), 0];
    [sockets, connections] = [new WeakSet(), 0];
  },
};
CONTROLS["/reset"]();

function counted(values) {
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

async function control(path, body) {
  try {
    const done = await CONTROLS[path](JSON.parse(body));
    return { status: 200, headers: {}, body: JSON.stringify(done ?? null) };
  } catch (error) {
    return { status: 400, headers: {}, body: JSON.stringify(error.message) };
  }
}

async function api(request, fault, rates, entry) {
  const body = await checked(request, fault, rates).catch((error) => {
    if (error instanceof ApiError) return error;
    console.error(error);
    return new ApiError(500, 7500, `the stand-in failed: ${error.stack}`);
  });
  const [status, json] = body instanceof ApiError ? [body.status, body.envelope] : [200, body];
  const headers = { "content-type": "application/json; charset=UTF-8", ...body.headers };
  if (Array.isArray(json.result)) entry.duration = durations(json.result);
  return { status, headers, body: JSON.stringify(json) };
}

// The milliseconds that D1 worked on a batch, for the log.
function durations(results) {
  return results.reduce((sum, { meta }) => sum + (meta?.duration ?? 0), 0);
}

async function checked(request, fault, { retryAfter }) {
  if (retryAfter !== undefined) throw new ApiError(429, 971, THROTTLE, { "retry-after": String(retryAfter) });
  if (request.body.length > world.settings.max_body) throw new ApiError(413, 10000, "Request entity is too large");
  return answer(request, world, fault);
}

// What a request leaves of its token's quota: headers as Cloudflare's, and, if it is refused, when to come again.
function limit({ headers: { authorization }, path }) {
  if (path.startsWith("/r2/")) return { headers: {} }; // a storage, which has no part in it
  const { enforce_quota: enforce, quota, window: seconds } = world.settings;
  const window = windowOf(authorization);
  window.used += 1;
  const refused = enforce && window.used > quota;
  if (refused && !window.blocked) Object.assign(window, { began: clock.now(), blocked: true });
  const resets = Math.ceil((window.began + seconds * 1000 - clock.now()) / 1000);
  const headers = {
    ratelimit: `"default";r=${Math.max(0, quota - window.used)};t=${resets}`,
    "ratelimit-policy": `"default";q=${quota};w=${seconds}`,
  };
  return { headers, retryAfter: refused ? resets : undefined };
}

// A window begins with its first request.
function windowOf(authorization) {
  const found = windows.get(authorization);
  if (found && clock.now() < found.began + world.settings.window * 1000) return found;
  const begun = { began: clock.now(), used: 0, blocked: false };
  windows.set(authorization, begun);
  return begun;
}

function note({ method, path, query, headers, body }) {
  const { authorization, ...rest } = headers;
  const parameters = [...query].filter(([name]) => name !== "X-Amz-Signature");
  const entry = { method, path, query: Object.fromEntries(parameters), headers: rest, size: body.length };
  if (body.length <= SMALL) entry.body = body.toString();
  log.push(entry);
  return entry;
}

function send(response, { status, headers, body }) {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

async function handle(request, response) {
  const entry = note(request);
  if (!sockets.has(response.socket)) connections += 1;
  sockets.add(response.socket);
  const fault = faults.pick(request);
  const rates = limit(request);
  if (fault?.do === "hang" && !fault.after) return;
  if (fault?.do === "drop") {
    response.destroy();
    return;
  }
  const other = instead(fault);
  const work = () => (request.path.startsWith("/r2/") ? world.files.serve(request) : api(request, fault, rates, entry));
  const due = passed.filter((one) => --one.left <= 0);
  passed = passed.filter((one) => one.left > 0);
  try {
    await reply({ response, entry, fault, rates, other, work });
  } finally {
    for (const one of due) await one.work();
  }
}

async function reply({ response, entry, fault, rates, other, work }) {
  if (fault?.do === "late") {
    if (fault.past) passed.push({ left: fault.past, work });
    else late.push(work);
    response.destroy();
    return;
  }
  const idle = fault?.do === "wire" && fault.after === false;
  let real = (!other || fault.after) && !idle ? await work() : null;
  if (fault?.do === "again") passed.push({ left: fault.past, work });
  if (fault?.do === "twice") {
    const second = await work();
    if (fault.answer === "second") real = second;
  }
  if (fault?.do === "edit" && real.headers["content-type"]?.includes("json"))
    real = { ...real, body: JSON.stringify(EDITS[fault.how](JSON.parse(real.body))) };
  if (fault?.do === "wire") {
    entry.status = 0;
    WIRE[fault.how](response.socket, Buffer.from(real?.body ?? "{}"));
    return;
  }
  const found = other ?? real;
  const { status, body } = found;
  const headers = { ...rates.headers, ...found.headers };
  if (fault?.do === "lose reply") {
    response.destroy();
    return;
  }
  entry.status = status;
  if (fault?.do === "hang") return;
  if (fault?.do === "garbage") send(response, { status, headers, body: body.slice(0, body.length / 2) });
  else if (fault?.do === "cut reply") {
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    response.write(body.slice(0, body.length / 2), () => response.destroy());
  } else send(response, { status, headers, body });
}

const server = http.createServer(async (incoming, response) => {
  try {
    const { pathname: path, searchParams: query } = new URL(incoming.url, "http://127.0.0.1");
    const body = Buffer.concat(await incoming.toArray());
    if (CONTROLS[path]) send(response, await control(path, body));
    else await handle({ method: incoming.method, path, query, headers: incoming.headers, body }, response);
  } catch (error) {
    console.error(error); // a client that went away in the middle
    response.destroy();
  }
});
server.keepAliveTimeout = 0; // an idle connection is not closed under a client about to use it

await engine.start();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  world.files.origin = `http://127.0.0.1:${port}`;
  console.log(JSON.stringify({ port }));
});

process.stdin.resume();
process.stdin.on("end", async () => {
  server.close();
  server.closeAllConnections();
  await engine.stop();
  process.exit(0);
});
