// The Worker, and the classes of Durable Objects, that run the TypeScript runtime for a test: see
// typescript_server.mjs for what they answer.
import { DurableObject } from "cloudflare:workers";

import * as runtime from "runtime";
import { observe } from "./binding_faults.mjs";
import { observeStorage } from "./storage_faults.mjs";

interface Request_ {
  readonly call: string;
  readonly arguments: readonly unknown[];
  readonly database: string;
  readonly shape: string;
  readonly times: number;
  readonly faults: readonly unknown[];
  readonly clock: Clock | null;
  readonly construct: Construct | null;
}
/** Time in milliseconds; it stands still except that each wait adds `step`, as on Cloudflare. */
interface Clock {
  readonly at: number;
  readonly step: number;
}
/** What the constructor of an object of the class Migrating runs from now on. */
interface Construct extends Pick<Request_, "arguments" | "faults" | "clock"> {
  /** Keep the error and serve, instead of throwing it. */
  readonly catch: boolean;
}
interface Outcomes {
  readonly outcomes: readonly object[];
  readonly calls: object;
}
type Call = (db: any, ...given: readonly any[]) => unknown;

const FUNCTIONS: Record<string, Call> = {
  ...(runtime as object),
  /** The rows of each statement. */
  async sql(db, ...statements: readonly string[]) {
    if (db.sql) return statements.map((sql) => db.sql.exec(sql).raw().toArray());
    const found: unknown[][] = [];
    for (const sql of statements) found.push((await db.prepare(sql).raw()).map((row: any[]) => row.map(cell)));
    return found;
  },
  /** Call a function many times, one after the other; its results are not looked at. */
  async repeat(db, times: number, name: string, ...given) {
    for (let n = 0; n < times; n++) await FUNCTIONS[name]!(db, ...given);
  },
  /** The same on a binding that answers at once, with what D1 answers the first call. */
  async repeatFree(db, times: number, name: string, ...given) {
    let answer: unknown;
    const first = { prepare: (sql: string) => db.prepare(sql), batch: async (all: any[]) => (answer = await db.batch(all)) };
    await FUNCTIONS[name]!(first, ...given);
    const free = { prepare: () => free, batch: async () => answer };
    for (let n = 0; n < times; n++) await FUNCTIONS[name]!(free, ...given);
  },
  /** What each of several functions returns or throws. */
  async each(db, names: readonly string[], ...given) {
    const found: object[] = [];
    for (const name of names) {
      try {
        found.push({ result: (await FUNCTIONS[name]!(db, ...given)) ?? null });
      } catch (error) {
        found.push({ error: described(error) });
      }
    }
    return found;
  },
  deleteAll: (storage) => storage.deleteAll(),
  put: (storage, key, value) => storage.put(key, value),
  get: (storage, key) => storage.get(key),
  setAlarm: (storage, ms) => storage.setAlarm(Date.now() + ms),
  /** What an application does that awaits nothing in a transaction. */
  inTransactionSync: (storage, ...given) =>
    storage.transactionSync(() => FUNCTIONS["runMigrations"]!(storage, ...given)),
  /** What awaits everything in a transaction. */
  inTransaction: (storage, ...given) =>
    storage.transaction(() => FUNCTIONS["runMigrations"]!(storage, ...given)),
  /** Migrations after statements of the same event, which are not committed yet. */
  async afterStatements(storage, before, ...given) {
    for (const sql of before) storage.sql.exec(sql).toArray();
    return FUNCTIONS["runMigrations"]!(storage, ...given);
  },
  /** Migrations while a cursor of the application is open. */
  async withCursor(storage, query, ...given) {
    const cursor = storage.sql.exec(query);
    cursor.next();
    try {
      return await FUNCTIONS["runMigrations"]!(storage, ...given);
    } finally {
      cursor.columnNames; // until here, it is not garbage
    }
  },
};

/** What a caller may give as `db`. */
const SHAPES: Record<string, (db: any, env: any, ctx: any) => unknown> = {
  binding: (db) => db,
  session: (db) => db.withSession("first-primary"),
  custom: (db) => ({ prepare: (sql: string) => db.prepare(sql), batch: (all: unknown[]) => db.batch(all) }),
  env: (_, env) => env,
  kv: (_, env) => env.KV,
  ctx: (_, _env, ctx) => ctx,
  sql: (db) => db.sql,
  instance: (_, env, ctx) => ({ ctx, env }),
  stub: (_, env) => env.Tenant.get(env.Tenant.idFromName("another")),
  statement: (db) => db.prepare("SELECT 1"),
  promise: (db) => Promise.resolve(db),
  undefined: () => undefined,
  null: () => null,
  text: () => "DB",
};

/** D1 answers a BLOB as an array of numbers. */
const cell = (value: unknown): unknown => (Array.isArray(value) ? new Uint8Array(value).buffer : value);

async function run(asked: Request_, db: unknown, given: { env: unknown; ctx?: unknown }): Promise<object[]> {
  const { call, shape, times } = asked;
  const one = async (): Promise<object> => {
    try {
      const target = SHAPES[shape]!(db, given.env, given.ctx);
      return { result: (await FUNCTIONS[call]!(target, ...asked.arguments)) ?? null };
    } catch (error) {
      return { error: described(error) };
    }
  };
  return Promise.all(Array.from({ length: times }, one));
}

/** Stop the clock of this isolate while `run` runs; it is told whenever that has waited for something. */
async function timed<T>(clock: Clock | null, run: (waited: () => void) => Promise<T>): Promise<T> {
  if (!clock) return run(() => {});
  const [date, performance_] = [Date.now, performance.now];
  let { at } = clock;
  Date.now = performance.now = () => at;
  try {
    return await run(() => (at += clock.step));
  } finally {
    [Date.now, performance.now] = [date, performance_];
  }
}

function described(error: any): object {
  const fields = error instanceof Error ? Object.getOwnPropertyNames(error) : [];
  const values = fields.filter((name) => name !== "stack").map((name) => [name, error[name]]);
  const attributes = Object.fromEntries(values);
  if (attributes.cause instanceof Error) attributes.cause = described(attributes.cause);
  const classes = Object.entries(runtime).filter(([, value]) => isError(value)) as [string, Function][];
  return {
    type: classes.find(([, value]) => error?.constructor === value)?.[0] ?? error?.name ?? typeof error,
    bases: classes.filter(([, value]) => error instanceof value).map(([name]) => name),
    message: String(error?.message ?? error),
    traceback: String(error?.stack ?? ""),
    attributes: { name: error?.name, ...attributes },
  };
}

const isError = (value: unknown): boolean =>
  typeof value === "function" && value.prototype instanceof Error;

const encoded = (value: object): string =>
  JSON.stringify(value, (_, item) => {
    if (item instanceof ArrayBuffer) return { bytes: [...new Uint8Array(item)] };
    if (typeof item === "bigint") return `${item}n`;
    return item;
  });

export class Tenant extends DurableObject<any> {
  async answer(asked: Request_): Promise<string> {
    return timed(asked.clock, async (waited) => {
      const { storage, calls } = observeStorage(this.ctx, asked.faults, waited);
      return encoded({ outcomes: await run(asked, storage, { env: this.env, ctx: this.ctx }), calls });
    });
  }

  abort(): void {
    this.ctx.abort("evicted by a test");
  }
}

export class KeyValue extends Tenant {}

const constructs = new Map<string, Construct>(); // by the id of the object

/** Migrates in its constructor, as the guides have it. */
export class Migrating extends Tenant {
  #migrated: object = {};

  constructor(ctx: any, env: unknown) {
    super(ctx, env);
    const { arguments: given, faults, clock, catch: keep } = constructs.get(ctx.id.toString())!;
    ctx.blockConcurrencyWhile(() =>
      timed(clock, async (waited) => {
        const { storage, calls } = observeStorage(ctx, faults, waited);
        try {
          this.#migrated = { result: await FUNCTIONS["runMigrations"]!(storage, ...given), calls };
        } catch (error) {
          if (!keep) throw error;
          this.#migrated = { error: described(error), calls };
        }
      }),
    );
  }

  override async alarm(): Promise<void> {
    this.ctx.storage.kv.put("versionAtAlarm", await runtime.getCurrentVersion(this.ctx.storage));
  }

  /** What its constructor did. */
  constructed(): object {
    return this.#migrated;
  }
}

async function atObject(asked: Request_, env: any): Promise<string> {
  const [className, name] = asked.database.split("/");
  const id = env[className!].idFromName(name);
  if (asked.construct) constructs.set(id.toString(), asked.construct);
  if (asked.call === "deploy") return encoded({ outcomes: [{ result: null }], calls: {} });
  const object = env[className!].get(id);
  try {
    if (asked.call === "abort") return encoded({ outcomes: [{ result: await object.abort() }], calls: {} });
    if (asked.call === "constructed")
      return encoded({ outcomes: [{ result: await object.constructed() }], calls: {} });
    return await object.answer(asked);
  } catch (error) {
    return encoded({ outcomes: [{ error: described(error) }], calls: {} } satisfies Outcomes);
  }
}

export default {
  async fetch(request: Request, env: any): Promise<Response> {
    try {
      const asked = (await request.json()) as Request_;
      if (asked.database.includes("/")) return new Response(await atObject(asked, env));
      return await timed(asked.clock, async (waited) => {
        const { binding, calls } = observe(env[asked.database], asked.faults, waited);
        return new Response(encoded({ outcomes: await run(asked, binding, { env }), calls }));
      });
    } catch (error: any) {
      return new Response(String(error?.stack ?? error), { status: 500 });
    }
  },
};
