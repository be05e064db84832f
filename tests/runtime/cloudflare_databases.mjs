// The accounts' databases, each with the past that Time Travel goes back to.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { ApiError, malformed } from "./cloudflare_errors.mjs";

const RETENTION = 30 * 24 * 3600 * 1000; // 30 days
const BOOKMARK = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;

export class Clock {
  offset = 0;

  now() {
    return Date.now() + this.offset;
  }
}

export class Databases {
  #byId = new Map(); // in the order in which they were created
  #byName = new Map(); // by account and name
  #clock;
  #copies;
  #engine;

  constructor(engine, clock, persist) {
    [this.#engine, this.#clock] = [engine, clock];
    this.#copies = path.join(persist, "copies");
    fs.mkdirSync(this.#copies, { recursive: true });
  }

  of(account) {
    return [...this.#byId.values()].filter((database) => database.account === account);
  }

  // By id, or by name where a route takes one.
  get(account, id, orName = false) {
    const named = orName ? this.#byName.get(key(account, id)) : undefined;
    const found = this.#byId.get(id) ?? named;
    if (found?.account !== account) throw new ApiError(404, 7404, `The database ${id} could not be found`);
    return found;
  }

  find(id) {
    return this.#byId.get(id);
  }

  async create(account, name, { uuid = crypto.randomUUID(), cfKv = false } = {}) {
    this.#refuseTaken(account, name, uuid);
    const binding = this.#engine.fresh(cfKv ? await this.#engine.plant(null) : null);
    const database = this.#add({ account, name, uuid, binding });
    await database.exclusively(() => database.open());
    return database;
  }

  // Databases that hold what another one holds. Only their files are made: workerd opens each at its first use,
  // and closes it after ten idle seconds, so that it can serve many more than it can have open.
  copy(original, names) {
    const contents = original.contents();
    return names.map((name) => {
      const uuid = crypto.randomUUID();
      this.#refuseTaken(original.account, name, uuid);
      const binding = this.#engine.fresh(contents);
      return this.#add({ account: original.account, name, uuid, binding, past: original.latest() });
    });
  }

  delete(database) {
    this.#byId.delete(database.uuid);
    this.#byName.delete(key(database.account, database.name));
  }

  clear() {
    this.#byId.clear();
    this.#byName.clear();
  }

  #refuseTaken(account, name, uuid) {
    if (this.#byName.has(key(account, name)) || this.#byId.has(uuid))
      throw new ApiError(400, 7502, "A database with that name already exists");
  }

  #add(properties) {
    const database = new Database(this.#engine, this.#clock, this.#copies, properties);
    this.#byId.set(database.uuid, database);
    this.#byName.set(key(database.account, database.name), database);
    return database;
  }
}

function key(account, name) {
  return `${account} ${name}`;
}

class Database {
  static #bookmarks = 0; // rising over all databases, so that one of another database is found out

  job = null; // the import or export that is under way, see cloudflare_jobs.mjs
  imported = new Set(); // etags
  readReplication = { mode: "disabled" };
  #binding;
  #clock;
  #copies;
  #engine;
  #past = []; // {bookmark, time, digest, file}, oldest first
  #signature;
  #turn = Promise.resolve();

  constructor(engine, clock, copies, { account, name, uuid, binding, past }) {
    [this.#engine, this.#clock, this.#copies] = [engine, clock, copies];
    [this.account, this.name, this.uuid, this.#binding] = [account, name, uuid, binding];
    this.createdAt = new Date(clock.now()).toISOString();
    if (past) this.#keep(past.digest, past.file);
  }

  // Make its file, which is the first moment of its past.
  async open() {
    await this.run([{ sql: "SELECT 1" }]);
  }

  get file() {
    return this.#engine.file(this.#binding);
  }

  // One request at a time, in order: a database is one object.
  exclusively(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async run(queries, keepPast = true) {
    const answer = await this.#engine.run(this.#binding, queries);
    if (keepPast) this.bookmark();
    return answer;
  }

  contents() {
    return this.#engine.contents(this.#binding);
  }

  // Have other contents, or, with the same, forget what the connection has set.
  replace(contents) {
    this.#binding = this.#engine.fresh(contents);
    this.bookmark();
  }

  // The current one. Whatever was committed since the last is kept first, by whichever process it was.
  bookmark() {
    const signature = this.#engine.signature(this.#binding);
    if (signature !== this.#signature) this.#remember(this.contents());
    this.#signature = signature;
    return this.#past.at(-1).bookmark;
  }

  // The last one at or before a time.
  bookmarkAt(timestamp) {
    const time = Date.parse(timestamp);
    if (Number.isNaN(time)) throw malformed(`timestamp ${timestamp} is not a date`);
    if (time < this.#clock.now() - RETENTION)
      throw malformed(`timestamp ${timestamp} is more than 30 days ago`);
    const found = this.#past.findLast((moment) => moment.time <= time);
    if (!found) throw malformed(`timestamp ${timestamp} is before the database was created`);
    return found.bookmark;
  }

  restore(bookmark) {
    if (!BOOKMARK.test(bookmark)) throw malformed(`bookmark ${bookmark} is not a bookmark`);
    const previous = this.bookmark();
    const at = this.#past.findIndex((moment) => moment.bookmark === bookmark);
    if (at < 0) throw malformed(`bookmark ${bookmark} is not one of this database`);
    if (this.#past[at + 1]?.time < this.#clock.now() - RETENTION)
      throw malformed(`bookmark ${bookmark} is more than 30 days ago`);
    this.replace(fs.readFileSync(this.#past[at].file));
    return previous;
  }

  // The last moment of its past, as it is now.
  latest() {
    this.bookmark();
    return this.#past.at(-1);
  }

  #remember(contents) {
    const digest = crypto.createHash("sha256").update(contents).digest("hex");
    if (digest === this.#past.at(-1)?.digest) return; // opening a file touches it too
    const file = path.join(this.#copies, `${crypto.randomUUID()}.sqlite`);
    fs.writeFileSync(file, contents);
    this.#keep(digest, file);
  }

  #keep(digest, file) {
    Database.#bookmarks += 1;
    const serial = Database.#bookmarks.toString(16).padStart(8, "0");
    const bookmark = `${serial}-00000000-00004f83-${crypto.randomBytes(16).toString("hex")}`;
    this.#past.push({ bookmark, time: this.#clock.now(), digest, file });
  }
}
