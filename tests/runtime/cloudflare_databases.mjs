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
  #all = [];
  #clock;
  #copies;
  #engine;

  constructor(engine, clock, persist) {
    [this.#engine, this.#clock] = [engine, clock];
    this.#copies = path.join(persist, "copies");
    fs.mkdirSync(this.#copies, { recursive: true });
  }

  of(account) {
    return this.#all.filter((database) => database.account === account);
  }

  // By id, or by name where a route takes one.
  get(account, id, orName = false) {
    const found = this.of(account).find(({ uuid, name }) => uuid === id || (orName && name === id));
    if (!found) throw new ApiError(404, 7404, `The database ${id} could not be found`);
    return found;
  }

  find(id) {
    return this.#all.find(({ uuid }) => uuid === id);
  }

  async create(account, name, { uuid = crypto.randomUUID(), cfKv = false } = {}) {
    if (this.of(account).some((other) => other.name === name) || this.find(uuid))
      throw new ApiError(400, 7502, "A database with that name already exists");
    const binding = this.#engine.fresh(cfKv ? await this.#engine.plant(null) : null);
    const database = new Database(this.#engine, this.#clock, this.#copies, { account, name, uuid, binding });
    this.#all.push(database);
    await database.exclusively(() => database.open());
    return database;
  }

  delete(database) {
    this.#all = this.#all.filter((other) => other !== database);
  }

  clear() {
    this.#all = [];
  }
}

class Database {
  static #bookmarks = 0; // rising over all databases, so that one of another database is found out

  job = null; // the import or export that is under way, see cloudflare_jobs.mjs
  imported = new Set(); // etags
  readReplication = { mode: "disabled" };
  #binding;
  #clock;
  #copies;
  #digest;
  #engine;
  #past = []; // {bookmark, time, file}, oldest first
  #signature;
  #turn = Promise.resolve();

  constructor(engine, clock, copies, { account, name, uuid, binding }) {
    [this.#engine, this.#clock, this.#copies] = [engine, clock, copies];
    [this.account, this.name, this.uuid, this.#binding] = [account, name, uuid, binding];
    this.createdAt = new Date(clock.now()).toISOString();
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

  async run(queries) {
    const answer = await this.#engine.run(this.#binding, queries);
    this.bookmark();
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

  #remember(contents) {
    const digest = crypto.createHash("sha256").update(contents).digest("hex");
    if (digest === this.#digest) return; // opening a file touches it too
    this.#digest = digest;
    Database.#bookmarks += 1;
    const serial = Database.#bookmarks.toString(16).padStart(8, "0");
    const bookmark = `${serial}-00000000-00004f83-${crypto.randomBytes(16).toString("hex")}`;
    const file = path.join(this.#copies, `${bookmark}.sqlite`);
    fs.writeFileSync(file, contents);
    this.#past.push({ bookmark, time: this.#clock.now(), file });
  }
}
