// Written by `d1migrate index`: the Workflow of the fleet {fleet}, by d1migrate {version}. Do not edit.
/* eslint-disable */
/**
 * Migrates the Durable Objects of a class, wave after wave, as `d1migrate fleet up` does for databases.
 *
 * The journal, a D1 database, records the state of each object. `d1migrate fleet status`, `pause`, `resume`, `stop` and
 * `retry` read and change it. An instance of this Workflow lists the objects and starts other instances, the slices.
 * A slice claims objects in the journal, calls the method `migrate()` of each, and records what it returns: the name of
 * the newest migration; or `{ current, waitingFor }` if a migration has to run as a job, until which the object waits.
 *
 * Each object applies a migration exactly once, whoever calls it. So an instance may be started twice, or die.
 */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";

import index from "{index}";

// --- What a caller uses ---------------------------------------------------------------------------------------

/** The parameters of an instance. Each has a default. */
export interface FleetParams {
  /** The objects, by name or id; those that the configured query lists without it. */
  readonly tenants?: readonly string[] | undefined;
  /** Whether a cron starts it: it leaves a run of these migrations alone that is done, or was stopped. */
  readonly scheduled?: boolean | undefined;
  /** After how many seconds without a sign of a slice its objects are given to another one; 600 without it. */
  readonly leaseSeconds?: number | undefined;
  /** How often the journal is asked, at most, in seconds; 30 without it. */
  readonly pollSeconds?: number | undefined;
  /** What this file gives the slices that it starts. */
  readonly slice?: Slice | undefined;
}

/** What an instance returns: the run, and how many objects it has in each state; of a slice, its own. */
export interface FleetResult {
  readonly run: string;
  readonly state: string;
  readonly done: number;
  readonly failed: number;
  /** Those with a migration that has to run as a job; the next instance calls them again. */
  readonly waiting: number;
  readonly left: number;
}

export class FleetWorkflow extends WorkflowEntrypoint<any, FleetParams> {
  override async run(event: Readonly<WorkflowEvent<FleetParams>>, step: WorkflowStep): Promise<FleetResult> {
    const params: FleetParams = event.payload ?? {};
    const run = `${event.instanceId}-${+event.timestamp}`; // an id can be used again after some days
    const work: Work = { env: this.env, step, params, id: event.instanceId, run };
    try {
      return await (params.slice ? migrateSlice(work, params.slice) : coordinate(work));
    } catch (error) {
      // The instance would only show that a step threw it.
      throw isFatal(error) ? new Error(messageOf(error)) : error;
    }
  }
}

// --- Constants ------------------------------------------------------------------------------------------------

/** The settings of the fleet, and how this Worker reaches what it needs. */
const FLEET: Settings = "{settings}" as any;

/** The SQL of the journal, which is that of the command line. */
const SQL: Record<string, readonly Statement[]> = "{sql}" as any;

/** Errors that a repetition would meet again: an object refuses its migrations. */
const REFUSALS: readonly string[] = "{refusals}" as any;

/** What precedes the message of an error: a step adds the first one, an older compatibility date the second one. */
const PREFIX = new RegExp(`^(?:NonRetryableError: )?(?:(?:${REFUSALS.join("|")}): )?`);

const migrations: Migrations = index;
/** The newest migration; "" if there is none. */
const TARGET = migrations.migrations.at(-1)?.name ?? "";

/** How much of an error is recorded. */
const LONGEST_ERROR: number = "{longestError}" as any;
/** How many objects are claimed, and recorded, at once. */
const CLAIM: number = "{claim}" as any;
/** How often an instance claims. 500 objects are half of the steps and calls that the free plan allows one. */
const CLAIMS = 10;
/** How many objects a query lists at once, and how many rows the journal adds. */
const [PAGE, CHUNK] = [5_000, 500];
/** How often the journal is asked: each is a step and a call, of which an instance has 10,000. */
const POLLS = 4_000;
/** After how many seconds slices that do not work are replaced: instances may be queued. */
const START_SECONDS = 20;
const ALREADY_EXISTS = 10405;
/** How often an object is called to apply a long history. */
const PARTS = 100;
/** A call that the object did not refuse is repeated. With all repetitions, it has to be shorter than a lease. */
const RETRIES = { retries: { limit: 4, delay: "2 seconds", backoff: "exponential" }, timeout: "1 minute" } as const;
/** After which share of a lease, and how many seconds, outcomes are recorded: the lease begins again. */
const [LEASE_SHARE, SLOW_SECONDS] = [1 / 3, 60];

// --- The instance that lists the objects and starts the slices ------------------------------------------------------

async function coordinate(work: Work): Promise<FleetResult> {
  const { step, params } = work;
  const run = await step.do("begin", () => begin(work));
  if (isOpen(run.state) && !run.isSealed) {
    await list(work, run.id);
    await step.do("seal", () => send(work, "seal", { run: run.id, fleet: FLEET.name }));
  } else if (isOpen(run.state)) await step.do("call again", () => callAgain(work, run.id));
  let seconds = 1;
  for (let poll = 1; ; poll++) {
    const seen = await step.do(`look ${poll}`, () => look(work, run.id));
    const { state, done, failed, waiting, left } = seen;
    const isOver = !isOpen(state) || (waiting > 0 && left === 0);
    if (isOver || poll === POLLS) return { run: run.id, state, done, failed, waiting, left };
    if (seen.slices) {
      await step.do(`start ${poll}`, () => start(work, run, seen));
      seconds = 1;
    }
    await step.sleep(`wait ${poll}`, `${seconds} seconds`);
    seconds = Math.min(seconds * 2, params.pollSeconds ?? 30);
  }
}

const isOpen = (state: string): boolean => state === "running" || state === "paused";

/** Begin a run, or continue the unfinished one of these migrations. */
async function begin(work: Work): Promise<Run> {
  const fleet = FLEET.name;
  if (!TARGET) throw new NonRetryableError("the index has no migrations");
  await send(work, "create");
  const [newest] = await send(work, "newest", { fleet });
  const isOurs = newest?.digest === migrations.digest;
  if (work.params.scheduled && isOurs && !isOpen(newest.state)) return runOf(newest);
  const waves = FLEET.waves.map(({ name, stopCount, stopPercent }) => [name, stopCount, stopPercent]);
  const [found] = await send(work, "begin", {
    run: work.run,
    request: work.run,
    fleet,
    digest: migrations.digest,
    target: TARGET,
    by: "workflow",
    waves: JSON.stringify(waves),
  });
  if (found.digest !== migrations.digest)
    throw new NonRetryableError(`a run to ${found.target} is ${found.state}: \`d1migrate fleet stop ${fleet}\` ends it`);
  if (found.waves !== JSON.stringify(waves.map(([name]) => name)))
    throw new NonRetryableError(`the run has the waves ${found.waves}: \`d1migrate fleet stop ${fleet}\` ends it`);
  return runOf(found);
}

const runOf = (row: any): Run => ({ id: row.id, number: row.n, state: row.state, isSealed: row.sealed_at !== null });

/** Let objects that wait for a job be tried again: their jobs may have ended. */
async function callAgain(work: Work, run: string): Promise<void> {
  let count = PAGE;
  while (count === PAGE) count = (await send(work, "callAgain", { run, count: PAGE }))[0].tenants;
}

/** Read the run, and claim that the next slices are started if some are needed. */
async function look(work: Work, run: string): Promise<Seen> {
  const [row] = await send(work, "look", { run, at_once: FLEET.atOnce, seconds: START_SECONDS });
  const { state, attempt, slices, done, failed, waiting, remaining } = row;
  return { state, attempt, slices, done, failed, waiting, left: remaining };
}

/** Start slices. Their ids belong to the attempt, so a repetition starts none twice. */
async function start({ env, params }: Work, run: Run, { attempt, slices }: Seen): Promise<void> {
  const digest = migrations.digest.slice(0, 12);
  const owners = Array.from({ length: slices }, (_, slice) => `${digest}-${run.number}-${attempt}-${slice}`);
  await startInstances(
    env,
    owners.map((owner) => ({
      id: owner,
      params: { leaseSeconds: params.leaseSeconds, slice: { run: run.id, owner, part: 0 } },
    })),
  );
}

async function startInstances(env: any, instances: readonly { id: string; params: FleetParams }[]): Promise<void> {
  const { errors } = await bound(env, FLEET.bindings.workflow).createBatch({ instances });
  const failed = errors.find((error: any) => error.code !== ALREADY_EXISTS);
  if (failed) throw new Error(`cannot start the slice ${failed.id}: ${failed.message} (${failed.code})`);
}

/** List all objects in the journal, a page at a step. */
async function list(work: Work, run: string): Promise<void> {
  const given = work.params.tenants;
  let page: Page = { key: null, last: null, count: 0, isLast: false };
  for (let n = 0; !page.isLast; n++) {
    const before = page;
    page = await work.step.do(`list ${n}`, async () => {
      const found = given ? pageOf(given, before) : await queried(work, before);
      await add(work, run, found.tenants, before.count);
      const { tenants, ...next } = found;
      return { ...next, count: before.count + tenants.length };
    });
  }
  if (!page.count) throw new NonRetryableError(given ? "`tenants` is empty" : "the query of the fleet lists no objects");
}

function pageOf(given: readonly string[], before: Page): Found {
  const tenants = given.slice(before.count, before.count + PAGE);
  return { tenants, key: null, last: null, isLast: before.count + PAGE >= given.length };
}

/** The next page of the query, in the order of its column `name`, or `id`. */
async function queried({ env }: Work, before: Page): Promise<Found> {
  const { query, bindings } = FLEET;
  if (!query) throw new NonRetryableError("nothing lists the objects: set `query` in d1migrate.toml, or pass `tenants`");
  const database = bound(env, bindings.control!);
  const key = before.key ?? (await keyOf(database, query));
  if (!key) return { tenants: [], key: null, last: null, isLast: true };
  const exact = `${key} COLLATE BINARY`; // names that differ in case are two objects
  const after = before.last === null ? "" : `WHERE ${exact} > ?1`;
  const sql = `SELECT DISTINCT ${exact} AS tenant FROM (${query}\n) ${after} ORDER BY ${exact} LIMIT ${PAGE}`;
  const asked = database.prepare(sql).bind(...(before.last === null ? [] : [before.last]));
  const tenants = (await rowsOf(database, [asked])).map(({ tenant }) => tenant);
  if (tenants.some((tenant: unknown) => tenant === null || tenant === ""))
    throw new NonRetryableError(`the query of the fleet lists an object without a ${key}`);
  return { tenants: tenants.map(String), key, last: tenants.at(-1) ?? null, isLast: tenants.length < PAGE };
}

/** Which column of the query has the objects; null if it has no rows. */
async function keyOf(database: any, query: string): Promise<"name" | "id" | null> {
  const [row] = await rowsOf(database, [database.prepare(`SELECT * FROM (${query}\n) LIMIT 1`)]);
  if (!row) return null;
  const key = (["name", "id"] as const).find((column) => column in row);
  if (!key) throw new NonRetryableError("the query of the fleet has no column `name` or `id`");
  return key;
}

async function add(work: Work, run: string, names: readonly string[], before: number): Promise<void> {
  for (let at = 0; at < names.length; at += CHUNK) {
    const rows = names.slice(at, at + CHUNK).map(async (name, n) => {
      const id = idOf(work.env, name).toString();
      return [id, name, `do:${FLEET.objects}/${name}`, await waveOf(id, name, before + at + n)];
    });
    const values = { run, fleet: FLEET.name, rows: JSON.stringify(await Promise.all(rows)) };
    const [conflict] = (await send(work, "add", values)).filter((row) => row.id !== null);
    if (conflict)
      throw new NonRetryableError(
        conflict.other_fleet === FLEET.name
          ? `${conflict.name} and ${conflict.other_name} are one object`
          : `${conflict.name} is in the fleet ${conflict.other_fleet}, too`,
      );
  }
}

/** The wave of an object, as d1migrate's `fleet.waves` has it. */
async function waveOf(id: string, name: string, place: number): Promise<number> {
  if (FLEET.canary.some((pattern) => new RegExp(pattern, "s").test(name))) return 0;
  const hash = new DataView(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id)));
  const percent = (100 * hash.getUint32(0)) / 2 ** 32;
  let before = 0;
  return FLEET.waves.findIndex((wave) => {
    before += wave.count ?? 0;
    return wave.percent === null ? place < before : percent < wave.percent;
  });
}

// --- The instances that migrate a slice ---------------------------------------------------------------------------

async function migrateSlice(work: Work, slice: Slice): Promise<FleetResult> {
  const { step, params, env } = work;
  const { run, owner, part } = slice;
  const total = { done: 0, failed: 0, waiting: 0 };
  const slow = 1_000 * Math.min(LEASE_SHARE * leaseOf(params), SLOW_SECONDS);
  let claimed: Claim;
  for (let n = 1; ; n++) {
    claimed = await step.do(`claim ${n}`, () => claim(work, slice, n));
    let pending: Outcome[] = [];
    let ms = 0;
    for (const [at, tenant] of claimed.tenants.entries()) {
      const { outcome, ms: took } = await migrate(work, owner, tenant);
      total[outcome.state]++;
      pending.push(outcome);
      ms += took;
      if (outcome.state !== "failed" && ms < slow && at + 1 < claimed.tenants.length) continue;
      const outcomes = JSON.stringify(pending);
      await step.do(`finish ${n}, ${at + 1}`, () => send(work, "finish", { run, owner, outcomes }));
      [pending, ms] = [[], 0];
    }
    if (!claimed.tenants.length || n === CLAIMS) break;
  }
  if (claimed.tenants.length) {
    const next = { params: { ...params, slice: { run, owner, part: part + 1 } }, id: `${owner}-${part + 1}` };
    await step.do("continue", () => startInstances(env, [next]));
  } else await step.do("release", () => send(work, "release", { run, owner, request: `${work.run} release` }));
  return { run, state: claimed.state, ...total, left: claimed.left - claimed.tenants.length };
}

const leaseOf = ({ leaseSeconds = 600 }: FleetParams): number => leaseSeconds;

/** Claim objects. The number makes a repetition return the same ones. */
async function claim({ params, ...work }: Work, { run, owner, part }: Slice, number: number): Promise<Claim> {
  const rows = await send(work, "claim", {
    run,
    owner,
    claim: part * CLAIMS + number,
    count: CLAIM,
    seconds: leaseOf(params),
    last_wave: FLEET.waves.length - 1,
  });
  const tenants = rows.filter((row) => row.id !== null).map(({ id, name }) => ({ id, name }));
  return { tenants, state: rows[0].state, left: rows[0].remaining };
}

/** Migrate an object in steps of its own: if they fail, no other does. */
async function migrate(work: Work, owner: string, { id, name }: Claimed): Promise<{ outcome: Outcome; ms: number }> {
  let [requests, ms] = [0, 0];
  try {
    for (let part = 1; part <= PARTS; part++) {
      if (part > 1) await work.step.do(`extend ${id}, ${part}`, () => send(work, "extend", { owner }));
      const step = part > 1 ? `migrate ${id}, ${part}` : `migrate ${id}`;
      const called = await work.step.do(step, RETRIES, ({ attempt }) => call(work.env, name, attempt));
      requests += called.attempt;
      ms += called.ms;
      const { current, waitingFor } = called;
      const fine = { id, current, requests, error: null, place: null };
      if (waitingFor !== null) return { outcome: { ...fine, state: "waiting", waiting_for: waitingFor }, ms };
      if (current !== null) return { outcome: { ...fine, state: "done" }, ms };
    }
    throw new Error(`not migrated after ${PARTS} calls, each of which reached a limit of runMigrations`);
  } catch (error) {
    const equal = messageOf(error).replaceAll(id, "the object"); // so that equal errors are equal
    const text = equal.slice(0, LONGEST_ERROR) || "no reason given";
    const failed = { state: "failed", current: null, error: text, place: placeOf(text) } as const;
    return { outcome: { id, requests: requests + 1, ...failed }, ms };
  }
}

/** Call an object: the name of its newest migration; null if it has to be called again. */
async function call(env: any, name: string, attempt: number): Promise<Called> {
  const began = Date.now();
  const called = (current: string | null, waitingFor: string | null = null): Called => ({
    current,
    waitingFor,
    attempt,
    ms: Date.now() - began,
  });
  try {
    const found = await stubOf(env, name).migrate();
    const waitingFor = found?.waitingFor;
    return typeof waitingFor === "string" ? called(found.current ?? null, waitingFor) : called(checked(found));
  } catch (error) {
    const kind = kindOf(error);
    if (kind === "Unfinished") return called(null); // a limit of one event was reached: the next one continues
    if (REFUSALS.includes(kind) && !(error as any).unknown) throw new NonRetryableError(messageOf(error));
    throw error;
  }
}

/** Refuse what an object returns if it is not migrated. A name that the index lacks is newer. */
function checked(current: unknown): string {
  if (current !== null && typeof current !== "string")
    throw new NonRetryableError(
      `${FLEET.objects}.migrate() returned ${typeof current}: it has to return getCurrent(this.ctx.storage, migrations)`,
    );
  if (current === null || (current !== TARGET && migrations.migrations.some((each) => each.name === current)))
    throw new Error(`the object is at ${current}, not at ${TARGET}: it runs older code, or migrate() does not migrate`);
  return current as string;
}

/** Whether a name is an id: 64 hexadecimal digits. */
const isId = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

/** The id of an object; by its name, if it has one, so that `ctx.id.name` has it, too. */
function idOf(env: any, name: string): any {
  const namespace = bound(env, FLEET.bindings.objects);
  return isId(name) ? namespace.idFromString(name) : namespace.idFromName(name);
}

const stubOf = (env: any, name: string): any => bound(env, FLEET.bindings.objects).get(idOf(env, name));

/** The class of an error. With an older compatibility date, it is only in the text, `Name: message`. */
const kindOf = (error: any): string =>
  error?.name && error.name !== "Error" ? error.name : (/^(\w+): /.exec(textOf(error))?.[1] ?? "");

const isFatal = (error: any): boolean =>
  error?.name === "NonRetryableError" || textOf(error).startsWith("NonRetryableError: ");

const messageOf = (error: unknown): string => textOf(error).replace(PREFIX, "");

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** File and line, with which the text of a failed migration begins. */
const placeOf = (text: string): string | null => /^\S+\.sql(:\d+)?(?=: )/.exec(text)?.[0] ?? null;

/** What the configuration binds. */
function bound(env: any, name: string): any {
  if (!env[name]) throw new NonRetryableError(`this Worker has no binding ${name}: run \`d1migrate index\``);
  return env[name];
}

// --- The journal --------------------------------------------------------------------------------------------------

/** Send an operation as one transaction, and return the rows of its last statement. */
async function send({ env }: Pick<Work, "env">, operation: string, values: Values = {}): Promise<any[]> {
  const database = bound(env, FLEET.bindings.journal);
  const statements = SQL[operation]!.map(([sql, names]) =>
    database.prepare(sql).bind(...names.map((name) => values[name]!)),
  );
  return rowsOf(database, statements);
}

/** The rows of the last statement of a transaction. What D1 refuses, it would refuse again. */
async function rowsOf(database: any, statements: readonly any[]): Promise<any[]> {
  try {
    return (await database.batch(statements)).at(-1).results;
  } catch (error) {
    const text = textOf(error).replace(/^.*D1_ERROR: /s, "");
    throw new RegExp(migrations.patterns.refusal).test(text) ? new NonRetryableError(text) : error;
  }
}

// --- Types --------------------------------------------------------------------------------------------------------

/** What this file reads of the index. */
interface Migrations {
  readonly digest: string;
  readonly patterns: { readonly refusal: string };
  readonly migrations: readonly { readonly name: string }[];
}

/** SQL, and the names of its parameters. */
type Statement = readonly [sql: string, names: readonly string[]];

type Values = Readonly<Record<string, string | number>>;

interface Settings {
  readonly name: string;
  /** The class. */
  readonly objects: string;
  readonly query: string | null;
  readonly waves: readonly Wave[];
  /** Regular expressions of the names in the first wave. */
  readonly canary: readonly string[];
  /** How many slices run at the same time. */
  readonly atOnce: number;
  readonly bindings: {
    readonly objects: string;
    readonly workflow: string;
    readonly journal: string;
    readonly control: string | null;
  };
}

/** How far a wave reaches, and how many failures do not stop the run: each a number or a percentage. */
interface Wave {
  readonly name: string;
  readonly count: number | null;
  readonly percent: number | null;
  readonly stopCount: number | null;
  readonly stopPercent: number | null;
}

/** An instance: what it has, its id, and the id of the run that it may begin. */
interface Work {
  readonly env: any;
  readonly step: WorkflowStep;
  readonly params: FleetParams;
  readonly id: string;
  readonly run: string;
}

interface Run {
  readonly id: string;
  readonly number: number;
  readonly state: string;
  readonly isSealed: boolean;
}

/** A run, and how many slices this instance has to start as which attempt. */
interface Seen extends Omit<FleetResult, "run"> {
  readonly attempt: number;
  readonly slices: number;
}

/** What a step of the list returns: its column, the last value, and how many objects were listed up to here. */
interface Page {
  readonly key: "name" | "id" | null;
  readonly last: string | number | null;
  readonly count: number;
  readonly isLast: boolean;
}

interface Found extends Omit<Page, "count"> {
  readonly tenants: readonly string[];
}

/** What a slice works on. If it has claimed often enough, another instance continues it as the next part. */
interface Slice {
  readonly run: string;
  readonly owner: string;
  readonly part: number;
}

interface Claimed {
  readonly id: string;
  readonly name: string;
}

interface Claim {
  readonly tenants: readonly Claimed[];
  readonly state: string;
  readonly left: number;
}

interface Called {
  readonly current: string | null;
  /** The migration that has to run as a job before anything else. */
  readonly waitingFor: string | null;
  readonly attempt: number;
  readonly ms: number;
}

interface Outcome {
  readonly id: string;
  readonly state: "done" | "waiting" | "failed";
  readonly current: string | null;
  readonly requests: number;
  readonly error: string | null;
  readonly place: string | null;
  readonly waiting_for?: string;
}
