// Written by `d1migrate index`: the runtime of d1migrate {version}. Do not edit.
/* eslint-disable */
/**
 * Applies migrations that `d1migrate index` compiled, in a Worker: to a D1 binding, or to the storage of a
 * SQLite-backed Durable Object.
 *
 *   import { runMigrations, getCurrentVersion } from './lib/migrations';
 *   import migrations from '../migrations/index';
 *
 *   await runMigrations(env.DB, migrations);
 *   ctx.blockConcurrencyWhile(() => runMigrations(ctx.storage, migrations)); // in an object's constructor
 *
 * All SQL was written, checked and planned when the index was compiled. This file reads the history, compares
 * it with the index, and sends batches.
 */

// --- What a caller uses ---------------------------------------------------------------------------------------

/** A D1 binding, `env.DB`, or what its `withSession()` returns. */
export interface D1Like {
  prepare(sql: string): any;
  batch(statements: any[]): Promise<any[]>;
}

/** The storage of a SQLite-backed Durable Object, `ctx.storage`. */
export interface StorageLike {
  readonly sql: { exec(sql: string, ...values: any[]): any };
  transactionSync<T>(run: () => T): T;
  sync(): Promise<void>;
  getCurrentBookmark?(): Promise<string>;
}

export type Database = D1Like | StorageLike;

/** What `d1migrate index` compiled: the default export of the index. */
export interface Migrations {
  readonly format: number;
  /** The migrations table, and the table that would hold the history otherwise. */
  readonly table: { readonly shape: string; readonly name: string; readonly other: string };
  readonly digest: string;
  readonly seal: string;
  /** The checksum of a file without a statement, which identifies no file. */
  readonly nothing: string;
  /** What the log notes of a step, and of the one that completes the index in an object. */
  readonly notes: readonly string[];
  readonly queries: Readonly<Record<string, string>>;
  /** What is wrong, and what to do, for each refusal. */
  readonly messages: Readonly<Record<string, readonly string[]>>;
  /** [pattern, hint, text to show instead]: what to do about an error of the database that has the pattern. */
  readonly advice: readonly (readonly string[])[];
  /** What the database says if it refused the SQL, and what a batch says if another runner was faster. */
  readonly patterns: Readonly<Record<string, string>>;
  /** The statements that create the history tables, by their names. */
  readonly setup: Readonly<Record<string, string>>;
  readonly texts: readonly string[];
  /** The queries of a history for each answer of the verdict, and the usual answer. */
  readonly reads: Readonly<Record<string, readonly Planned[] | undefined>>;
  readonly usual: string;
  readonly layouts: Readonly<Record<string, Layout | undefined>>;
  readonly migrations: readonly Migration[];
}

/** What precedes and follows the statements of a migration, for one state of the migrations table. */
export interface Layout {
  readonly first: readonly Planned[];
  readonly later: readonly Planned[];
  readonly last: readonly Planned[];
  readonly full: readonly Planned[];
}

/** The position of a text, then its parameters: a value after `=`, or the name of one. */
export type Planned = readonly (string | number)[];

/** One compiled migration. */
export interface Migration {
  readonly name: string;
  readonly version: number | null;
  readonly checksum: string;
  readonly digest?: string;
  readonly rollback?: string;
  readonly rollbackDigest?: string;
  /** Its SQL could change the history, so all of the history is compared after it. */
  readonly full?: boolean;
  /** It creates a table with the name of wrangler's. */
  readonly alike?: boolean;
  /** The position of its first statement about deferred keys, and whether it drops anything: for objects. */
  readonly defers?: number;
  readonly drops?: boolean;
  /** What it declares about a job. */
  readonly job?: Job;
  /** The migrations that it was squashed from. */
  readonly replaces?: readonly string[];
  readonly lines: readonly number[];
  readonly sql: readonly string[];
  /** What it changes, as "DIGEST KIND NAME", with `-` for what it drops; undefined if that is not known. */
  readonly schema?: readonly string[];
}

/** A compiled job. Of an online rebuild, only the kind. */
export interface Job {
  readonly kind: string;
  readonly directive?: string;
  /** How long to wait after a chunk, as a multiple of its time. */
  readonly pause?: string;
  /** Aborts the migration as one batch if the table has more rows than one chunk. */
  readonly fits?: Planned;
  /** The batches that begin and end it, for each state of the migrations table. */
  readonly begin?: Readonly<Record<string, readonly Planned[]>>;
  readonly end?: Readonly<Record<string, readonly Planned[]>>;
  /** The chunks, for each state of the job. */
  readonly chunks?: Readonly<Record<string, readonly Planned[]>>;
  /** The batches that end it if the migration was recorded elsewhere, and that set the size of the next chunk. */
  readonly close?: readonly Planned[];
  readonly resize?: readonly Planned[];
}

export interface Options {
  /** The last migration to apply, by number or name; all without it. */
  readonly to?: number | string | undefined;
  /** How many calls to D1 this may make, 4 or more; 50 without it, the limit of the free plan for one invocation. */
  readonly maxQueries?: number | undefined;
  /** After how many seconds no other migration begins; 25 without it: D1 ends a query after 30, and an event may take as long. */
  readonly maxSeconds?: number | undefined;
  /** In an object: how many migrations this may apply in one event; 500 without it. */
  readonly maxMigrations?: number | undefined;
  /** In an object: after how many written rows no other migration begins; 500,000 without it. */
  readonly maxRowsWritten?: number | undefined;
  /** Whether the database may have newer migrations than the index; true without it. */
  readonly acceptNewer?: boolean | undefined;
  /** The actor in the log; "worker" without it. */
  readonly by?: string | undefined;
}

/** What a run did. */
export interface Report {
  /** The migrations that were applied, in order; none if nothing was pending. */
  readonly results: readonly StepResult[];
  /**
   * The migration whose job has to run before any other migration, see `runJobs`: the one whose job is open, or whose
   * table is too large for one batch. null if all migrations up to `to` are applied.
   */
  readonly waitingFor: string | null;
}

export interface StepResult {
  readonly version: number | null;
  readonly name: string;
  /** Applied by this call, or by another one while it ran. */
  readonly action: "up" | "applied meanwhile";
  readonly statements: number | null;
  readonly rowsRead: number | null;
  readonly rowsWritten: number | null;
}

/**
 * Apply pending migrations, each exactly once, completely or not at all.
 *
 * With nothing to do, it is one query of one row. Requests and isolates may call it at the same time.
 *
 * @returns a report with a result for each migration that was applied.
 * @throws ApplyError: a migration failed; `applied`, `pending` and `unknown` describe the state.
 * @throws Unfinished: a limit was reached between two migrations; call it again in another request.
 * @throws HistoryError: the index and the database disagree; a subclass says how. Nothing was run.
 * @throws UsageError: an argument is wrong. Nothing was run.
 */
export async function runMigrations(
  db: Database,
  migrations: Migrations,
  options: Options = {},
): Promise<Report> {
  const index = checked(migrations);
  const { by, acceptNewer = true, maxQueries = 50 } = options;
  if (!(maxQueries >= FEWEST))
    throw new UsageError(...worded(index, "fewQueries", { most: maxQueries, fewest: FEWEST }));
  const wanted = upTo(index, options.to);
  const driver = open(db, index, maxQueries);
  const known = await readState(driver, index);
  if (known.applied === COMPLETE || (known.applied && isDone(index, wanted, known.applied, acceptNewer)))
    return { results: [], waitingFor: null };
  const refuseIfSpent = limits(index, Boolean(driver.sync), options);
  const run: Run = {
    driver,
    index,
    wanted,
    acceptNewer,
    by: `${by || "worker"}`,
    refuseIfSpent,
    restorePoint: null,
    done: [],
  };
  try {
    return await migrate(run, known);
  } catch (error) {
    await driver.sync?.(); // an error that leaves a constructor undoes what is not committed
    throw error;
  }
}

async function migrate(run: Run, known: Known): Promise<Report> {
  const { driver, index } = run;
  const first = await readHistory(driver, index, known);
  let history = first;
  let todo = plan(run, history);
  if (todo.length) {
    await checkSeal(index);
    run.restorePoint = (await driver.bookmark?.()) ?? null;
  } else if (history.missing.join() === LOG) await createLog(driver, index);
  let waitingFor: string | undefined;
  for (;;) {
    if (todo.length && history.hasJob && (waitingFor = (await readJob(driver, index))?.[0] as string)) break;
    const stopped = await apply(run, history, todo);
    if (!stopped?.failure) {
      waitingFor = stopped?.migration.name;
      break;
    }
    try {
      history = await readHistory(
        driver,
        index,
        { own: stopped.isLogged, log: stopped.isLogged },
        stopped.token,
      );
      if (history.hasToken)
        run.done.push(result(stopped.migration)); // the request was delayed, and arrived
      else if (fingerprint(history.state, true) === fingerprint(stopped.state, true)) throw stopped.failure; // so there was no other runner
      todo = plan(run, history);
    } catch (error) {
      throw withProgress(index, error, run.done, todo);
    }
  }
  const ours = new Map(run.done.map((step) => [step.name, step]));
  const results = index.migrations.flatMap((m): StepResult | [] => {
    const isMeanwhile = history.applied.has(keyOf(index, m)) && !first.applied.has(keyOf(index, m));
    return (
      ours.get(m.name) ?? (isMeanwhile ? { ...result(m), action: "applied meanwhile", statements: null } : [])
    );
  });
  return { results, waitingFor: waitingFor ?? null };
}

/**
 * Run chunks of the open job, or begin that of the next pending migration; for a cron.
 *
 * `runMigrations` waits for a migration whose table is too large for one batch. This continues its job as far as the
 * limits of one invocation allow; the next invocation continues. When a job has ended, the next one begins, if all
 * migrations before it are applied. Any number of invocations, of the command line and of other runtimes may do so at
 * the same time: every row is done once. A job that was cancelled is not begun again: `d1migrate up` does that. It also
 * runs the job of an online rebuild, which a Worker in TypeScript leaves waiting.
 *
 * @returns how the last job ended.
 * @throws ApplyError: a chunk was refused, for example because of a constraint; the job stays open.
 * @throws AmbiguousError: the database did not respond, several times; the job stays open.
 * @throws ChecksumMismatch: the file was edited since its job began.
 * @throws HistoryError, UsageError: as `runMigrations`.
 */
export async function runJobs(
  db: Database,
  migrations: Migrations,
  options: JobOptions = {},
): Promise<JobReport> {
  const index = checked(migrations);
  const { by, maxQueries = 40, maxSeconds = 20 } = options;
  if (!(maxQueries >= FEWEST))
    throw new UsageError(...worded(index, "fewQueries", { most: maxQueries, fewest: FEWEST }));
  await checkSeal(index);
  const [driver, until] = [open(db, index, Infinity), Date.now() + 1_000 * maxSeconds];
  let batches = 0;
  const refuseIfSpent = (ms: number): void => {
    if (batches >= maxQueries || !(Date.now() + ms <= until)) throw new Spent();
  };
  const counted =
    <A extends unknown[], R>(send: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> => {
      refuseIfSpent(0);
      batches++;
      return send(...given);
    };
  const run: JobRun = {
    driver: { ...driver, read: counted(driver.read), write: counted(driver.write) },
    index,
    by: `${by || "worker"}`,
    async pause(seconds) {
      refuseIfSpent(1_000 * seconds);
      if (seconds) await new Promise((go) => (globalThis as any).setTimeout(go, 1_000 * seconds));
    },
    report: { name: "", end: "none", job: null, waitingFor: null },
  };
  try {
    while (await runNextJob(run));
  } catch (error) {
    if (!(error instanceof Spent)) throw error;
  }
  return { ...run.report, batches };
}

export interface JobOptions {
  /** How many calls to D1 this may make, 4 or more; 40 without it. In an object, how many transactions. */
  readonly maxQueries?: number | undefined;
  /** After how many seconds no other chunk begins; 20 without it. It does not wait longer, either. */
  readonly maxSeconds?: number | undefined;
  /** The actor in the log; "worker" without it. */
  readonly by?: string | undefined;
}

/** What a run of jobs did. */
export interface JobReport {
  /** The migration whose job ran last; empty if there was no job to run. */
  readonly name: string;
  /** How it ended: "elsewhere" if it was recorded meanwhile, as by wrangler; "stopped" if chunks are left. */
  readonly end: "done" | "elsewhere" | "cancelled" | "paused" | "stopped" | "none";
  /** The job as it was last read; null if it was never read. */
  readonly job: OpenJob | null;
  /** How many batches this sent. */
  readonly batches: number;
  /** The migration whose job must still be done before later ones; null if there is none. */
  readonly waitingFor: string | null;
}

/** The open job. */
export interface OpenJob {
  readonly name: string;
  readonly kind: string;
  readonly table: string;
  /** What the next chunk does. */
  readonly state: string;
  readonly paused: boolean;
  /** What was done. */
  readonly rows: number;
  readonly chunks: number;
  /** The rows of the last chunk, at most. */
  readonly size: number;
  /** How far it is, from 0 to 1; null if that is not known. */
  readonly share: number | null;
}

/**
 * Return the name of the applied migration that comes last in wrangler's order; null if none is applied.
 *
 * @param migrations the index. Without it, only a history in `schema_migrations` or `d1_migrations` is found: pass
 *   it if a configuration names another table.
 */
export async function getCurrent(db: Database, migrations?: Migrations): Promise<string | null> {
  return (await readApplied(open(db), migrations)).at(-1)?.name ?? null;
}

/** Return the number of the last applied migration that has one; 0 if there is none. Arguments as `getCurrent`. */
export async function getCurrentVersion(db: Database, migrations?: Migrations): Promise<number> {
  const numbered = (await readApplied(open(db), migrations)).filter((row) => row.version !== null);
  return numbered.at(-1)?.version ?? 0;
}

/** Return the names of migrations that are not applied. Newer migrations and edited files do not matter here. */
export async function getPending(db: Database, migrations: Migrations): Promise<string[]> {
  const index = checked(migrations);
  const driver = open(db);
  const known = await readState(driver, index);
  const pending = (isApplied: (key: Key) => unknown): string[] =>
    index.migrations.filter((m) => !isApplied(keyOf(index, m))).map((m) => m.name);
  if (known.applied === COMPLETE) return [];
  const lines = known.applied;
  if (lines) return pending((key) => lines[key]);
  const history = await readHistory(driver, index, known);
  refusePartial(index, history);
  if (!history.applied.size) refuseProblems(index, history);
  return pending((key) => history.applied.has(key));
}

/**
 * Compare the index with the history, and the live schema with the digests in the index; two queries.
 *
 * The digests are of the texts in `sqlite_schema`, without white space, comments, capitals, and quotes that no name
 * needs. If a table is only spelled in another way than the migrations spell it, this reports a difference, and
 * `d1migrate verify` does not.
 *
 * @throws HistoryError: the history cannot be read.
 */
export async function verifySchema(db: Database, migrations: Migrations): Promise<Verification> {
  const index = checked(migrations);
  const driver = open(db);
  const history = await readHistory(driver, index, NOTHING_KNOWN, undefined, [[OBJECTS]]);
  const entries = compareWithHistory(index, history);
  let notCompared = whyNotCompared(entries);
  let differences = notCompared === null ? await compareWithSchema(index, entries, history.more[0]!) : [];
  const late = differences.length && (await findLate(driver, index, history, entries));
  if (late) [notCompared, differences] = [LATE.replace("{name}", () => late), []];
  const problems = problemsOf(index, history);
  const isOk = entries.every(({ state }) => state === "applied" || state === "pending");
  const last = entries.filter((entry) => entry.row).at(-1);
  return {
    entries: entries.map(({ name, version, state }) => ({ name, version, state })),
    gaps: gapsOf(index),
    differences,
    notCompared,
    problems,
    ok: isOk && !differences.length && notCompared === null && !problems.length,
    current: last?.name ?? null,
    currentVersion: last?.version ?? null,
    pending: entries
      .filter(({ state }) => state === "pending" || state === "out_of_order")
      .map(({ name }) => name),
  };
}

/** What `verifySchema` found. */
export interface Verification {
  readonly entries: readonly Entry[];
  /** Numbers without a migration between the first and the last one; not for timestamps. */
  readonly gaps: readonly number[];
  /** Where the live schema differs from what the applied migrations build. */
  readonly differences: readonly Difference[];
  /** Why the schemas could not be compared; null if they were. */
  readonly notCompared: string | null;
  /** What else is wrong with the history. */
  readonly problems: readonly Problem[];
  /** Whether index, history and schema agree and there is no problem; pending migrations do not count. */
  readonly ok: boolean;
  /** The name of the last applied migration, in wrangler's order; null if none is applied. */
  readonly current: string | null;
  /** The number of that migration; null if it has none. */
  readonly currentVersion: number | null;
  readonly pending: readonly string[];
}

/** A migration, and how the index and the history compare. */
export interface Entry {
  readonly name: string;
  readonly version: number | null;
  readonly state: "pending" | "applied" | "changed" | "missing" | "out_of_order" | "renamed" | "partial";
}

/** An object of the schema that is not as expected. */
export interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly problem: "missing" | "extra" | "different";
}

/** Something wrong with a database. */
export interface Problem {
  readonly kind: "history";
  readonly name: string;
  readonly message: string;
}

// --- Errors: the names and fields of d1migrate's ------------------------------------------------------------------

/** The root of all errors; `hint` is what to do about it. */
export class MigrationError extends Error {
  override readonly name: string = "MigrationError"; // as text, because a bundler may rename classes
  declare readonly hint: string | null;
  constructor(message: string, hint: string | null | undefined = null, fields: object = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, { hint: hint || null }, fields);
  }
}

/** A wrong argument; nothing was run. */
export class UsageError extends MigrationError {
  override readonly name: string = "UsageError";
}

/** The index and the database disagree, or the history is another tool's; nothing was run. */
export class HistoryError extends MigrationError {
  override readonly name: string = "HistoryError";
  /** The migrations on which they disagree. */
  declare readonly names: readonly string[];
}

/** Applied files were edited since. */
export class ChecksumMismatch extends HistoryError {
  override readonly name: string = "ChecksumMismatch";
}

/** Applied files are missing or were renamed. */
export class MissingMigration extends HistoryError {
  override readonly name: string = "MissingMigration";
}

/** Pending migrations come before one that is already applied. */
export class OutOfOrder extends HistoryError {
  override readonly name: string = "OutOfOrder";
}

/** Migrations began and did not finish. */
export class PartiallyApplied extends HistoryError {
  override readonly name: string = "PartiallyApplied";
}

/** A migration failed and had no effect; those in `applied` are applied, and stay so. */
export class ApplyError extends MigrationError {
  override readonly name: string = "ApplyError";
  declare readonly migration: string;
  declare readonly file: string | null;
  declare readonly line: number | null;
  declare readonly statement: string | null;
  /** The names that this call applied before it. */
  declare readonly applied: readonly string[];
  /** The names that were not run, the failed one first. */
  declare readonly pending: readonly string[];
  /** Whether it may have been applied all the same: the response was lost, and the log could not be read. */
  declare unknown: boolean;
}

/** A limit stopped the run between two migrations; nothing failed. Call it again in another request. */
export class Unfinished extends MigrationError {
  override readonly name: string = "Unfinished";
  declare readonly reason: string;
  declare readonly applied: readonly string[];
  declare readonly pending: readonly string[];
}

/** The database refused a statement; its batch was rolled back completely. */
export class QueryError extends MigrationError {
  override readonly name: string = "QueryError";
  /** The position in the batch of the query that failed; null if it is not known. */
  declare readonly index: number | null;
}

/** The database could not be reached; nothing was done. */
export class UnavailableError extends MigrationError {
  override readonly name: string = "UnavailableError";
}

/** A batch was sent, but no response came: it may or may not have happened. */
export class AmbiguousError extends MigrationError {
  override readonly name: string = "AmbiguousError";
}

/** A batch that writes was too much for D1, or D1 was too busy: it may or may not have happened. */
export class OverloadedError extends AmbiguousError {
  override readonly name: string = "OverloadedError";
}

const disagreement = (
  message: string,
  hint: string | null | undefined,
  names: readonly string[] = [],
): HistoryError => new HistoryError(message, hint, { names });

// --- Constants ------------------------------------------------------------------------------------------------------

/** What every Worker has, whether or not its types are installed. */
const { crypto, TextEncoder }: any = globalThis;

const FORMAT = 1;
/** What the log has for the tool. */
const TOOL = "d1migrate {version}";
const LOG = "d1migrate_log";
/** Two queries to read an empty database, one to write, one to look up a lost response. */
const FEWEST = 4;
/** The queries for a database whose index is not given. */
const USUAL = {
  versions: "{versions}",
  names: "{names}",
  logged: "{logged}",
};

// --- The index ----------------------------------------------------------------------------------------------------------

/** What identifies a migration in its table: the version, or the name with `.sql`. */
type Key = number | string;

function checked(index: Migrations): Migrations {
  const given: any = index;
  if (given?.format === FORMAT && given.migrations?.length) return index;
  const kind = given?.then
    ? "a promise"
    : given?.default
      ? "a module"
      : given?.format
        ? `format ${given.format}, ${given.migrations?.length} migrations`
        : typeof given;
  throw new UsageError(
    `the migrations are not a compiled index of format ${FORMAT}: ${kind}`,
    "run `d1migrate index`, and pass the default export of the index",
  );
}

/** Return a message of the index and its hint, with words for the places in them. */
function worded(
  index: Migrations,
  message: string,
  words: Record<string, string | number> = {},
): [string, string] {
  const fill = (text: string): string =>
    Object.entries(words).reduce((all, [key, word]) => all.replaceAll(`{${key}}`, () => `${word}`), text);
  const [problem, hint] = index.messages[message]!;
  return [fill(problem!), fill(hint!)];
}

/** Refuse an index that was edited by hand, before any of it is applied. */
async function checkSeal(index: Migrations): Promise<void> {
  const { seal, ...content } = index;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(content)));
  if (hex(new Uint8Array(hash)) !== seal) throw new UsageError(...worded(index, "edited"));
}

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const isNames = (index: Migrations): boolean => index.table.shape === "names";

const keyOf = (index: Migrations, { version, name }: Numbered): Key =>
  isNames(index) ? `${name}.sql` : version!;

/** Return the migrations up to the one that is meant, by its name, or by its number if only one has it. */
function upTo(index: Migrations, to: number | string | undefined): readonly Migration[] {
  const all = index.migrations;
  if (to === undefined) return all;
  if (typeof to !== "number" && typeof to !== "string")
    throw new UsageError(...worded(index, "noSelector", { to: typeof to }));
  const named = all.filter((m) => m.name === `${to}` || `${m.name}.sql` === to);
  const found =
    named.length || !/^-?\d+$/.test(`${to}`) ? named : all.filter((m) => m.version === Number(to));
  if (found.length !== 1)
    throw new UsageError(
      ...worded(index, found.length ? "several" : "noSuch", {
        to,
        names: found.map((m) => m.name).join(", "),
      }),
    );
  return all.slice(0, all.indexOf(found[0]!) + 1);
}

/** The number that wrangler orders a name by; null if there is none. */
function numberOf(name: string): number | null {
  const number = Number.parseInt(name.split("/")[0]!.split("_")[0]!, 10);
  return Number.isNaN(number) ? null : number;
}

/** Compare names as wrangler does: segment by segment, by number, those without a number last, then as text. */
function compareNames(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [one, other] = [left[i]!, right[i]!];
    const [n, m] = [numberOf(one) ?? Infinity, numberOf(other) ?? Infinity];
    if (n !== m) return n < m ? -1 : 1;
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

// --- Reading the history --------------------------------------------------------------------------------------------------

interface Numbered {
  readonly name: string;
  readonly version: number | null;
}

/** An applied migration. */
interface Applied extends Numbered {
  readonly checksum: string | null;
  readonly digest: string | null;
}

interface History {
  readonly applied: ReadonlyMap<Key, Applied>;
  /** The migrations that began and did not finish. */
  readonly began: readonly Numbered[];
  /** The history tables that do not exist. */
  readonly missing: readonly string[];
  /** The application's objects, if no migration is recorded. */
  readonly unmanaged: string | null;
  readonly state: State;
  /** Why it is only read, and which message has the hint. */
  readonly problems: readonly string[];
  readonly refusal: string;
  /** What only the migrations table records, and what only the other one does. */
  readonly oneSided: readonly (readonly string[])[];
  readonly hasJob: boolean;
  readonly hasToken: boolean;
  /** The answers to what was asked with it. */
  readonly more: readonly Rows[];
}

/** A state of the history, in the form that a batch compares. */
interface State {
  readonly layout: string;
  readonly versions: readonly number[];
  /** The ids and names in a table of names, and the highest id that it ever used. */
  readonly ids: readonly number[];
  readonly names: readonly unknown[];
  readonly counter: number | null;
  /** The token of the newest row of the log. */
  readonly head: string;
}

/** Return the text with which a batch compares a state; one that is not full may miss a changed row. */
function fingerprint({ layout, versions, ids, names, counter, head }: State, full: boolean): string {
  let beside = `${ids.length} ${ids.at(-1) ?? 0}${counter === null ? "" : ` ${counter}`}`;
  if (full || counter === null) beside += ` ${names.filter((name) => typeof name === "string").join("\n")}`;
  if (hasVersions(layout)) {
    const masked = versions.map((version) => ((version % MASK) + MASK) % MASK); // exact, as versions are below 2**53
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    const sums = full
      ? `${sum(masked)} ${sum(masked.map((v) => (v % 65521) * (v % 65519)))}`
      : Math.max(0, ...versions);
    if (layout === "alone" || layout === "alike") beside = "0";
    beside = `${versions.length} ${sums} ${beside}`;
  }
  return `${beside} ${head}`;
}

/** Return the state after a migration was recorded by the batch with a token. */
function plus(state: State, { alike, name, version }: Migration, head: string): State {
  const { layout, versions, ids, names, counter } = state;
  const next: State = { ...state, head, layout: alike && layout === "alone" ? "alike" : layout };
  const recorded: State = hasVersions(layout) ? { ...next, versions: [...versions, version!] } : next;
  if (hasVersions(layout) && layout !== "mirrored") return recorded;
  const id = Math.max(ids.at(-1) ?? 0, counter ?? 0) + 1;
  return {
    ...recorded,
    ids: [...ids, id],
    names: [...names, `${name}.sql`],
    counter: counter === null ? null : id,
  };
}

const hasVersions = (layout: string): boolean => !layout.endsWith("counted");

const MASK = 2 ** 32;

/** What is read of a history, in the order of the index; then the answers to what was asked with it. */
type Answers = readonly [
  rows: Rows,
  odd: Rows,
  second: Rows,
  sides: Rows,
  began: Rows,
  head: Rows,
  hasToken: Rows,
  ...rest: Rows[],
];

/** What is read where no history table exists. */
const EMPTY: Answers = [[], [[null]], [], [["[]", "[]"]], [], [], [[0]]];

/**
 * Read the history.
 *
 * @param known which tables exist: if they are all that do, one request is enough.
 * @param token that of a batch to look up in the log.
 * @param more queries for the last request.
 */
async function readHistory(
  driver: Driver,
  index: Migrations,
  known: Known,
  token = "",
  more: readonly Statement[] = [],
): Promise<History> {
  const files = JSON.stringify(index.migrations.map((m) => [m.version, m.name]));
  const reads = (state: string): Statement[] => fill(index, index.reads[state] ?? [], { files, token });
  const usual = `${index.usual} ${known.own ? 1 : 0}0${known.log ? 1 : 0}`;
  let verdict: Rows | undefined;
  let answers: Rows[];
  try {
    [verdict, ...answers] = await driver.read([[index.queries["verdict"]!], ...reads(usual)]);
  } catch (error) {
    // A table has other columns; then the verdict alone shows whose it is.
    if (known.own && isAbsent(error)) return readHistory(driver, index, NOTHING_KNOWN, token, more);
    throw error;
  }
  const [state, error, hint, problem, unmanaged, job] = verdict![0] as (string | null)[];
  if (error) throw disagreement(error, hint);
  if (more.length || state !== usual) answers = await driver.read([...reads(state!), ...more]);
  if (!index.reads[state!]) answers.unshift(...EMPTY);
  const [rows, odd, second, sides, began, head, hasToken, ...rest] = answers as unknown as Answers;
  const [newest = "", damage] = (head[0] ?? []) as [unknown?, string?];
  if (damage) throw disagreement(...worded(index, "damaged", { damage }));
  const [layout, tables] = state!.split(" ") as [string, string];
  const [names, versions] = isNames(index) ? [rows, second] : [second, rows];
  const recorded = readRows(rows, isNames(index));
  const [hasOwn, isLogged] = [tables.startsWith("1"), tables.endsWith("1")];
  const elsewhere = ids(second).length > 0;
  if (!hasOwn && newest && !elsewhere) throw disagreement(...worded(index, "alone"));
  const problems = [odd[0]![0], problem].filter((one) => one).map(String);
  const refusal = problems.length ? "mendable" : "onlyRead";
  if (elsewhere && !ids(rows).length) problems.unshift(index.messages["onlyRead"]![0]!);
  return {
    applied: new Map(recorded.map((row) => [keyOf(index, row), row])),
    began: began.map(([name, version]) => ({ name: `${name}`, version: version as number | null })),
    missing: [...(hasOwn ? [] : [index.table.name]), ...(isLogged ? [] : [LOG])],
    unmanaged: recorded.length || newest ? null : unmanaged!,
    state: {
      layout: layout === "beside" && elsewhere ? "mirrored" : layout,
      versions: ids(versions),
      ids: ids(names),
      names: names.map(([, name]) => name),
      counter: names.length ? (names[0]![4] as number | null) : layout === "uncounted" ? null : 0,
      head: `${newest}`,
    },
    problems,
    refusal,
    oneSided: elsewhere ? sides[0]!.map((side) => JSON.parse(`${side}`)) : [[], []],
    hasJob: Boolean(job),
    hasToken: Boolean(hasToken[0]![0]),
    more: rest,
  };
}

/** The ids of rows; an empty table of names has one row without an id, for its counter. */
const ids = (rows: Rows): number[] => rows.map(([id]) => id as number).filter((id) => id !== null);

/** Return what rows record, of a table of names or of versions. */
const readRows = (rows: Rows, areNames: boolean): Applied[] =>
  rows
    .filter(([id, name]) => id !== null && (!areNames || `${name}`.endsWith(".sql")))
    .map(([id, name, checksum, digest]) => ({
      name: areNames ? `${name}`.slice(0, -4) : `${name}`,
      version: areNames ? numberOf(`${name}`) : (id as number),
      checksum: checksum as string | null,
      digest: digest as string | null,
    }));

const fold = (name: unknown): string => String(name).replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Return the applied migrations in wrangler's order, or in that of their versions. */
async function readApplied(driver: Driver, migrations?: Migrations): Promise<Numbered[]> {
  if (migrations) {
    const index = checked(migrations);
    const { applied } = await readHistory(driver, index, NOTHING_KNOWN);
    return isNames(index) ? inOrder([...applied.values()]) : [...applied.values()];
  }
  let stranger = ""; // a table of another tool
  const read = async (query: string, table: string): Promise<Rows | undefined> => {
    try {
      return (await driver.read([[query]]))[0];
    } catch (error) {
      if (!isAbsent(error)) throw error;
      if (/column/.test(text(error))) stranger ||= table;
      return undefined;
    }
  };
  const versions = await read(USUAL.versions, "schema_migrations");
  if (versions?.length) return readRows(versions, false);
  const names = await read(USUAL.names, "d1_migrations");
  if (stranger && !names?.length)
    throw disagreement(`the table ${stranger} is not d1migrate's`, "`d1migrate status` shows whose it is");
  if (!versions && !names && (await read(USUAL.logged, LOG))?.length)
    throw disagreement(
      `the table schema_migrations is missing, but ${LOG} is not empty`,
      "pass the index if the table has another name; else restore it from a backup",
    );
  return inOrder(readRows(names ?? [], true));
}

const inOrder = <T extends Numbered>(rows: T[]): T[] =>
  rows.sort((a, b) => compareNames(`${a.name}.sql`, `${b.name}.sql`));

/** Whether one row of the history shows that exactly these migrations are applied, unchanged, or all and newer ones. */
function isDone(
  index: Migrations,
  wanted: readonly Migration[],
  applied: AppliedLines,
  acceptNewer: boolean,
): boolean {
  const isApplied = (m: Migration): unknown => {
    const line = applied[keyOf(index, m)];
    return line && (!line[0] || hasContentOf({ checksum: line[0], digest: line[1] }, m));
  };
  const [all, keys] = [Object.keys(applied), new Set(index.migrations.map((m) => `${keyOf(index, m)}`))];
  if (acceptNewer && index.migrations.every(isApplied))
    return all.every((key) => keys.has(key) || isAfter(index, key));
  return all.length === wanted.length && wanted.every(isApplied);
}

/** Whether a key comes after the last migration of the index in wrangler's order. */
function isAfter(index: Migrations, key: Key): boolean {
  const last = index.migrations.at(-1)!;
  if (!isNames(index)) return Number.isSafeInteger(Number(key)) && Number(key) > last.version!;
  return `${key}`.endsWith(".sql") && compareNames(`${key}`, `${last.name}.sql`) > 0;
}

// --- Planning --------------------------------------------------------------------------------------------------------------

/** Return what is to be applied, or throw why nothing may be. */
function plan({ index, wanted, acceptNewer }: Pick<Run, "index" | "wanted" | "acceptNewer">, history: History): Migration[] {
  const { applied } = history;
  const isApplied = (m: Migration): boolean => applied.has(keyOf(index, m));
  const keys = new Set(index.migrations.map((m) => keyOf(index, m)));
  const missing = [...applied.values()].filter((row) => !keys.has(keyOf(index, row)));
  if (isNames(index)) inOrder(missing);
  const gone = new Set(missing.map((row) => row.name));
  const pending = index.migrations.filter((m) => !isApplied(m));
  const changed = index.migrations.filter((m) => {
    const row = applied.get(keyOf(index, m));
    return row?.checksum && !hasContentOf(row, m);
  });
  refuseProblems(index, history);
  refuseOneSided(index, history);
  if (history.unmanaged && !history.began.length)
    throw disagreement(index.messages["unmanaged"]![0] + history.unmanaged, index.messages["unmanaged"]![1]);
  if (
    acceptNewer &&
    ![...pending, ...changed, ...history.began].length &&
    missing.every((row) => isAfter(index, keyOf(index, row)))
  )
    return [];
  refusePartial(index, history);
  refuseRenamed(index, [...missing, ...changed.map((m) => applied.get(keyOf(index, m))!)], pending);
  refuse(
    index,
    "squashed",
    MissingMigration,
    index.migrations.filter(
      (m) => m.replaces && (changed.includes(m) || m.replaces.some((name) => gone.has(name))),
    ),
  );
  refuse(
    index,
    "changed",
    ChecksumMismatch,
    changed.map((m) => named(index, history, m)),
  );
  refuse(index, pending.length ? "missingOrPending" : "missing", MissingMigration, missing, {
    pending: pending[0]?.name ?? "",
  });
  const todo = pending.filter((m) => wanted.includes(m));
  refuseLate(index, todo, applied);
  return todo;
}

/** A migration under the name of its file, and the name that is recorded if that is another one. */
interface Named {
  readonly name: string;
  readonly was?: string | undefined;
}

function named(index: Migrations, { applied }: History, row: Numbered): Named {
  const key = keyOf(index, row);
  const was = applied.get(key)?.name;
  const name = (index.migrations.find((m) => keyOf(index, m) === key) ?? applied.get(key) ?? row).name;
  return { name, was: was === name ? undefined : was };
}

/** Throw the error that one of the index's messages describes, if it concerns any migration. */
function refuse(
  index: Migrations,
  message: string,
  kind: typeof HistoryError,
  found: readonly Named[],
  words: Record<string, string> = {},
): void {
  if (!found.length) return;
  const [problem, hint] = worded(index, message, { was: found[0]!.was ?? "", ...words });
  const shown = found.map(({ name, was }) => (was ? `${name} (applied as ${was})` : name)).join(", ");
  const head = problem.includes("{name}") ? problem.replace("{name}", () => shown) : `${shown}: ${problem}`;
  throw new kind(
    head,
    hint.replaceAll("{name}", () => found[0]!.name),
    { names: found.map((m) => m.name) },
  );
}

function refuseProblems(index: Migrations, { problems, refusal }: History): void {
  if (problems.length) throw disagreement(problems.join("; "), index.messages[refusal]![1]);
}

function refusePartial(index: Migrations, history: History): void {
  refuse(
    index,
    "partial",
    PartiallyApplied,
    history.began.map((row) => named(index, history, row)),
  );
}

/** Refuse a history of which two tables record different parts. */
function refuseOneSided(index: Migrations, { oneSided }: History): void {
  const { name, other } = index.table;
  if (isNames(index))
    return refuse(
      index,
      "unmoved",
      HistoryError,
      oneSided[1]!.map((lost) => ({ name: lost })),
    );
  const shown = [name, other].flatMap((table, side) =>
    oneSided[side]!.length ? `only ${table} records ${oneSided[side]!.join(", ")}` : [],
  );
  if (shown.length) throw disagreement(shown.join("; "), worded(index, "oneSided")[1], oneSided.flat());
}

/** Refuse files that are applied under another name: their content is that of a row without a file of that content. */
function refuseRenamed(index: Migrations, rows: readonly Applied[], pending: readonly Migration[]): void {
  const was = new Map(
    rows
      .filter((row) => row.checksum && row.checksum !== index.nothing)
      .map((row) => [row.checksum, row.name]),
  );
  const renamed = pending.map(({ name, checksum }) => {
    const found = { name, was: was.get(checksum) };
    was.delete(checksum);
    return found;
  });
  refuse(
    index,
    "renamed",
    MissingMigration,
    renamed.filter((file) => file.was !== undefined),
  );
}

/** Refuse to apply what comes before an applied migration; names with a number and those without are apart. */
function refuseLate(index: Migrations, todo: readonly Migration[], applied: History["applied"]): void {
  const after = (m: Migration): Migration | undefined =>
    index.migrations
      .slice(index.migrations.indexOf(m))
      .filter(
        (one) =>
          (numberOf(one.name) === null) === (numberOf(m.name) === null) && applied.has(keyOf(index, one)),
      )
      .at(-1);
  const late = todo.filter(after);
  refuse(index, "late", OutOfOrder, late, {
    is: late.length === 1 ? "is" : "are",
    was: late[0] ? after(late[0])!.name : "",
  });
}

// --- Applying ---------------------------------------------------------------------------------------------------------------

interface Run {
  readonly driver: Driver;
  readonly index: Migrations;
  readonly wanted: readonly Migration[];
  readonly acceptNewer: boolean;
  readonly by: string;
  /** Throws Unfinished if no other migration may begin. */
  readonly refuseIfSpent: (done: readonly StepResult[]) => void;
  restorePoint: string | null;
  /** What this run has applied. */
  readonly done: StepResult[];
}

/** A transaction that is not done because another run was faster, or its response was lost; or it is too large. */
interface Stopped {
  /** undefined if the migration has to run as a job. */
  readonly failure?: ApplyError;
  readonly migration: Migration;
  readonly token: string;
  /** Whether there is a log, and so a migrations table. */
  readonly isLogged: boolean;
  /** The state of the history before it. */
  readonly state: State;
}

function spentError(index: Migrations, message: string, words: Record<string, number>): Unfinished {
  const [reason, hint] = worded(index, message, words);
  return new Unfinished(reason, hint, { reason, applied: [], pending: [] });
}

/** Return what throws Unfinished if a limit of the call is reached. */
function limits(
  index: Migrations,
  inObject: boolean,
  { maxMigrations = 500, maxRowsWritten = 500_000, maxSeconds = 25 }: Options,
): Run["refuseIfSpent"] {
  const started = Date.now();
  let [last, slowest] = [started, 0];
  return (done) => {
    const now = Date.now(); // it changes only while a Worker waits
    slowest = Math.max(slowest, done.length && now - last);
    last = now;
    const rows = done.reduce((all, step) => all + (step.rowsWritten ?? 0), 0);
    const refuseIf = (isSpent: boolean, message: string, used: number): void => {
      if (isSpent) throw spentError(index, message, { used });
    };
    // A limit that is no number is spent at once.
    refuseIf(inObject && !(done.length < maxMigrations), "migrationsUsed", done.length);
    refuseIf(inObject && !(rows <= maxRowsWritten), "rowsUsed", rows);
    refuseIf(!(now - started + slowest <= maxSeconds * 1000), "secondsUsed", maxSeconds);
  };
}

/** Apply migrations, one transaction each; returns why it stopped, if another runner may have intervened. */
async function apply(run: Run, history: History, todo: readonly Migration[]): Promise<Stopped | undefined> {
  const { driver, index, by, done, restorePoint } = run;
  const completes = driver.sync && history.applied.size + todo.length === index.migrations.length;
  let state = history.state;
  for (const [at, migration] of todo.entries()) {
    const token = crypto.randomUUID().replaceAll("-", "");
    const after = plus(state, migration, token);
    const values = {
      ...migration,
      file: `${migration.name}.sql`,
      token,
      who: by,
      tool: TOOL,
      at: Math.floor(Date.now() / 1000),
      restorePoint,
      notes: index.notes[completes && at === todo.length - 1 ? 1 : 0]!,
      before: fingerprint(state, false),
      beforeFull: fingerprint(state, true),
      after: fingerprint(after, false),
      afterFull: fingerprint(after, true),
    };
    const create = (at ? [] : history.missing).map((table): Statement => [index.setup[table]!]);
    const layout = index.layouts[state.layout]!;
    const opening = [...create, ...fill(index, at ? layout.later : layout.first, values)];
    const closing = fill(index, index.layouts[after.layout]![migration.full ? "full" : "last"], values);
    const fits = migration.job?.fits;
    if (fits) opening.push(...fill(index, [fits], {}));
    const batch = [...opening, ...migration.sql.map((sql): Statement => [sql]), ...closing];
    const pending = todo.slice(at).map((m) => m.name);
    try {
      await driver.sync?.(MUCH);
      run.refuseIfSpent(done);
      const { cost } = await driver.write(batch, migration, opening.length);
      done.push({ ...result(migration), ...cost });
    } catch (error) {
      if (error instanceof Unfinished || error instanceof UsageError)
        throw withProgress(index, error, done, todo.slice(at));
      const isLogged = true;
      if (migration.job && matches(index, "large", error)) return { migration, token, state, isLogged };
      const failure = applyError(
        index,
        error,
        migration,
        opening.length,
        done.map((step) => step.name),
        pending,
      );
      if (!(error instanceof AmbiguousError) && !matches(index, "races", error)) throw failure;
      const isThere = await isCommitted(driver, index, token, failure);
      if (!isThere) return { failure, migration, token, state, isLogged: isThere !== undefined };
      done.push(result(migration));
    }
    state = after;
  }
  return undefined;
}

const result = ({ version, name, sql }: Migration): StepResult => ({
  version,
  name,
  action: "up",
  statements: sql.length,
  rowsRead: null,
  rowsWritten: null,
});

/** Return queries of a layout with values. Numbers are text, which the columns convert: D1 binds REAL. */
const fill = (index: Migrations, queries: readonly Planned[], values: Record<string, unknown>): Statement[] =>
  queries.map(([at, ...names]) => [
    index.texts[at as number]!,
    ...names.map((name) =>
      `${name}`.startsWith("=") ? `${name}`.slice(1) : values[name] == null ? null : `${values[name]}`,
    ),
  ]);

/** Whether the log has a batch that was refused, or whose response was lost; undefined if there is no log. */
async function isCommitted(
  driver: Driver,
  index: Migrations,
  token: string,
  failure: ApplyError,
): Promise<boolean | undefined> {
  try {
    const [[row]] = (await driver.read([[index.queries["done"]!, token]])) as [[unknown[]]];
    return Boolean(row[0]);
  } catch (error) {
    if (/no such table/.test(text(error))) return undefined;
    const hint = "check `d1migrate status` when the database can be reached, then run the command again";
    throw Object.assign(failure, { unknown: true, hint });
  }
}

/** Create the log where only wrangler has migrated, so that the next call needs one query. */
async function createLog(driver: Driver, index: Migrations): Promise<void> {
  await driver.write([[index.setup[LOG]!]]);
}

/** Return the error that ends a run, with what was done before it and what is pending. */
function withProgress(
  index: Migrations,
  error: unknown,
  done: readonly StepResult[],
  rest: readonly Migration[],
): unknown {
  const [applied, pending] = [done.map((step) => step.name), rest.map((m) => m.name)];
  if (error instanceof Unfinished) {
    const { reason } = error;
    return new Unfinished(
      ...worded(index, "unfinished", { reason, applied: applied.length, pending: pending.length }),
      { reason, applied, pending },
    );
  }
  if (!done.length || !rest.length || error instanceof ApplyError || !(error instanceof MigrationError))
    return error;
  return failed(error.message, error.hint, NOWHERE, applied, pending, error);
}

const failed = (
  message: string,
  hint: string | null,
  at: Failed,
  applied: readonly string[],
  pending: readonly string[],
  cause: unknown,
): ApplyError =>
  new ApplyError(
    message,
    hint,
    {
      migration: pending[0],
      file: at.statement === null ? null : `${pending[0]}.sql`,
      ...at,
      applied,
      pending,
      unknown: false,
    },
    cause,
  );

interface Failed {
  readonly line: number | null;
  readonly statement: string | null;
}
const NOWHERE: Failed = { line: null, statement: null };

function applyError(
  index: Migrations,
  error: unknown,
  m: Migration,
  before: number,
  applied: readonly string[],
  pending: readonly string[],
): ApplyError {
  const at = failedAt(error, m, before);
  let said = text(error);
  const [pattern, advice = null, instead] = (index.advice.find(([pattern]) => RegExp(pattern!).test(said)) ??
    []) as [string?, (string | null)?, string?];
  if (instead) said = said.replace(RegExp(`^.*${pattern}.*$`, "s"), instead);
  const [message, hint] =
    !pattern && error instanceof AmbiguousError ? worded(index, "lost", { error: said }) : [said, advice];
  return failed(
    `${m.name}${at.line === null ? "" : `.sql:${at.line}`}: ${message}`,
    hint,
    at,
    applied,
    pending,
    error,
  );
}

/** Whether an error has a text that a pattern of the index describes. */
const matches = (index: Migrations, pattern: string, error: unknown): boolean =>
  new RegExp(index.patterns[pattern]!).test(text(error));

/** Return the statement that failed: an object says which it was; of D1's errors, some name a token of it. */
function failedAt(error: unknown, m: Migration, before: number): Failed {
  if (!(error instanceof QueryError)) return NOWHERE;
  const offset = Number(/ at offset (\d+)/.exec(error.message)?.[1] ?? NaN);
  let found = [error.index! - before];
  if (error.index === null) {
    const token = bytes(NAMED.exec(error.message)?.slice(1).join("") ?? "");
    const texts = m.sql.map(bytes);
    found = [...texts.keys()].filter(
      (at) =>
        token && texts[at]!.startsWith(token, offset >= 0 ? offset : Math.max(texts[at]!.indexOf(token), 0)),
    );
  }
  const statement = m.sql[found[0]!];
  if (found.length !== 1 || statement === undefined) return NOWHERE;
  return {
    statement,
    line:
      m.lines[found[0]!]! +
      bytes(statement)
        .slice(0, offset || 0)
        .split("\n").length -
      1,
  };
}

/** The token that an error of D1 names. */
const NAMED =
  /^(?:near "(.+)": syntax error|[a-z ]+: (\S+)|\w+ (\S+) already exists)(?: at offset \d+)?: SQLITE_ERROR/s;

/** A text with a character for each byte of its UTF-8, as SQLite counts offsets; in lower case. */
const bytes = (sql: string): string =>
  [...new TextEncoder().encode(fold(sql))].map((byte) => String.fromCharCode(byte)).join("");

// --- Jobs ---------------------------------------------------------------------------------------------------------------------

interface JobRun {
  /** It sends nothing after the limits of the call. */
  readonly driver: Driver;
  readonly index: Migrations;
  readonly by: string;
  /** Wait, unless the call would end first. */
  readonly pause: (seconds: number) => Promise<void>;
  report: Omit<JobReport, "batches">;
}

/** The row of the job. */
interface JobRow extends OpenJob {
  readonly directive: string;
  readonly checksum: string;
  readonly token: string;
}

/** A limit of the call is reached. */
class Spent extends Error {}

/** What a chunk should take, because every other request may wait as long. */
const SECONDS = "{seconds}";
/** How many chunks in a row may have no answer. */
const MOST_LOSSES = 6;

/** Run the open job, or begin the next one, until it has ended; whether another one may follow. */
async function runNextJob(run: JobRun): Promise<boolean> {
  const { driver, index } = run;
  let row = (await readOpenJob(run)) ?? (await beginJob(run));
  if (!row) return false;
  run.report = { name: row.name, end: row.paused ? "paused" : "stopped", job: shown(row), waitingFor: row.name };
  const migration = index.migrations.find(({ name }) => name === row!.name);
  const job = migration?.job;
  if (!migration && row.kind === "batch") refuse(index, "jobMissing", MissingMigration, [row]);
  if (!migration || !job?.chunks || row.paused) return false; // the job of an online rebuild needs a planner
  if (row.checksum !== migration.checksum || row.directive !== job.directive)
    refuse(index, "jobEdited", ChecksumMismatch, [row]);
  let { size } = row;
  for (let losses = 0; ; ) {
    const began = Date.now();
    try {
      const chunk = job.chunks[row.state] ?? job.end![(await readHistory(driver, index, BOTH)).state.layout]!;
      const { answers } = await driver.write(fill(index, chunk, valuesOf(run, migration, row, size)));
      await driver.sync?.();
      const ms = answers.reduce((all, { meta }) => all + (meta?.duration ?? 0), 0);
      const took = (driver.sync ? Date.now() - began : ms) / 1_000;
      if (!(row.state in job.chunks)) {
        run.report = { ...run.report, end: "done", waitingFor: null };
        return true;
      }
      row = readRow(answers);
      run.report = { ...run.report, job: shown(row) };
      losses = 0;
      if (took) size = Math.max(1, Math.floor(size * Math.min(2, Math.max(0.5, SECONDS / took))));
      await run.pause(took * Number(job.pause));
    } catch (error) {
      if (error instanceof QueryError) return settle(run, migration, row, error);
      if (!(error instanceof AmbiguousError)) throw error;
      const isOverloaded = matches(index, "overloaded", error);
      if (isOverloaded) {
        // The next call can read it only from the row.
        const values = valuesOf(run, migration, row, size >> 1 || 1);
        await driver.write(fill(index, job.resize!, values)).catch(() => {});
        return false;
      }
      if (++losses === MOST_LOSSES) throw error;
      await run.pause(2 ** (losses - 1)); // then the next chunk, whichever that is: no answer is looked up
    }
  }
}

/** Find out why a chunk was refused; whether another job may follow. */
async function settle(run: JobRun, migration: Migration, row: JobRow, error: QueryError): Promise<boolean> {
  const { driver, index } = run;
  const ended = (end: JobReport["end"]): void => {
    run.report = { ...run.report, end, waitingFor: end === "cancelled" ? row.name : null };
  };
  if (matches(index, "elsewhere", error)) {
    // Its row is still there. Another runner may be faster to remove it.
    await driver.write(fill(index, migration.job!.close!, valuesOf(run, migration, row))).catch((lost: unknown) => {
      if (!matches(index, "moved", lost)) throw lost;
    });
    ended("elsewhere");
    return true;
  }
  if (!matches(index, "moved", error)) throw chunkError(index, error, migration, index.messages["jobOpen"]![1]);
  if ((await readOpenJob(run))?.token === row.token) return true; // it is in another state, or paused
  const { applied } = await readHistory(driver, index, BOTH);
  const isDone = applied.has(keyOf(index, migration));
  ended(isDone ? "done" : "cancelled");
  return isDone;
}

/** Begin the job of the next pending migration; null if that has none, or if somebody cancelled it. */
async function beginJob(run: JobRun): Promise<JobRow | null> {
  const { driver, index } = run;
  const history = await readHistory(driver, index, BOTH);
  const [migration] = plan({ index, wanted: index.migrations, acceptNewer: true }, history);
  if (!migration?.job) return null;
  const waiting = { name: migration.name, job: null, waitingFor: migration.name };
  if (!migration.job.begin) {
    run.report = { ...waiting, end: "stopped" };
    return null;
  }
  const before = { beforeFull: fingerprint(history.state, true) };
  try {
    const { answers } = await driver.write([
      ...history.missing.map((table): Statement => [index.setup[table]!]),
      ...fill(index, migration.job.begin[history.state.layout]!, { ...valuesOf(run, migration), ...before }),
    ]);
    return readRow(answers);
  } catch (error) {
    if (matches(index, "cancelled", error)) {
      run.report = { ...waiting, end: "cancelled" };
      return null;
    }
    const isRace = matches(index, "races", error) || matches(index, "exists", error);
    if (error instanceof QueryError && !isRace) throw chunkError(index, error, migration);
    if (!isRace && !(error instanceof AmbiguousError)) throw error;
    return readOpenJob(run);
  }
}

/** The values of a batch of a job. */
function valuesOf(run: JobRun, migration: Migration, row?: JobRow, size = 0): Record<string, unknown> {
  const counted = `"rows": ${row?.rows}, "chunks": ${row?.chunks}`;
  return {
    ...migration,
    file: `${migration.name}.sql`,
    token: crypto.randomUUID().replaceAll("-", ""),
    who: run.by,
    tool: TOOL,
    at: Math.floor(Date.now() / 1000),
    job: row?.token,
    size,
    detail: `{${counted}}`,
    elsewhere: `{"applied": "elsewhere", ${counted}}`,
  };
}

async function readOpenJob({ driver, index }: JobRun): Promise<JobRow | null> {
  const row = await readJob(driver, index);
  return row ? rowOf(row) : null;
}

const readRow = (answers: readonly Answer[]): JobRow => rowOf(rowsOf(answers.at(-1)!)[0]!);

function rowOf(row: readonly unknown[]): JobRow {
  const [name, , kind, directive, checksum, token, state, paused, table, at, first, last, size, , rows, chunks] =
    row as any[];
  const isNumber = [at, first, last].every((end) => typeof end === "number");
  const place = last > first ? Math.min(1, Math.max(0, (at - first) / (last - first))) : 1;
  const share = !["running", "copy", "verify"].includes(state) ? 1 : isNumber ? place : chunks ? null : 0;
  const shown = { name, kind, table, state, paused: Boolean(paused), rows, chunks, size, share };
  return { ...shown, directive, checksum, token };
}

const shown = ({ directive, checksum, token, ...job }: JobRow): OpenJob => job;

function chunkError(
  index: Migrations,
  error: QueryError,
  { name, sql, lines }: Migration,
  more?: string,
): ApplyError {
  const said = text(error);
  const advice = index.advice.find(([pattern]) => RegExp(pattern!).test(said))?.[1];
  const hint = [advice, more].filter((one) => one).join("; ");
  const at = { line: lines[0] ?? null, statement: sql[0] ?? null };
  return failed(`${name}.sql:${at.line}: ${said}`, hint, at, [], [name], error);
}

// --- Verifying --------------------------------------------------------------------------------------------------------------

/** The query for what a schema has. */
const OBJECTS = "{objects}";
/** The query for the newest row of the log for each migration. */
const LATEST = "{latest}";
/** The history tables of other tools, and what they keep beside them. */
const OTHER_TOOLS = "{otherTools}";
/** The words that mean something else in quotes. */
const LITERALS = "{literals}";
const WITHOUT_FILE = "{withoutFile}";
const WITHOUT_DIGESTS = "{withoutDigests}";
const SKIPPED = "{skipped}";
const LATE = "{late}";

/** A migration as compared: with its file, and with what is recorded. */
interface Compared extends Entry {
  readonly file?: Migration;
  readonly row?: Applied | undefined;
}

/** Whether a row has the text, or at least the meaning, of a file. */
const hasContentOf = (row: Pick<Applied, "checksum" | "digest">, { checksum, digest }: Migration): boolean =>
  row.checksum === checksum ||
  row.checksum === `b1:${digest}` ||
  (row.digest !== null && row.digest === digest);

/** Compare the index with the history, in wrangler's order. */
function compareWithHistory(index: Migrations, history: History): Compared[] {
  const { applied } = history;
  const partial = new Map(history.began.map((one) => [keyOf(index, one), one]));
  const renamed = findRenamed(index, applied, partial);
  const entries = index.migrations.map((file): Compared => {
    const key = keyOf(index, file);
    const row = renamed.get(file) ?? applied.get(key);
    const isChanged = row && row.checksum !== null && !hasContentOf(row, file);
    const known = !row ? "pending" : renamed.has(file) ? "renamed" : isChanged ? "changed" : "applied";
    return { name: file.name, version: file.version, state: partial.has(key) ? "partial" : known, file, row };
  });
  const explained = new Set([...index.migrations, ...renamed.values()].map((one) => keyOf(index, one)));
  for (const [key, one] of new Map<Key, Numbered>([...partial, ...applied])) {
    const state = partial.has(key) ? "partial" : "missing";
    if (!explained.has(key))
      entries.push({ name: one.name, version: one.version, state, row: applied.get(key) });
  }
  const path = (one: Compared): string =>
    `${one.file || isNames(index) ? "" : `${one.version}_`}${one.name}.sql`;
  if (entries.length > index.migrations.length) entries.sort((a, b) => compareNames(path(a), path(b)));
  // A number that is not exact is null.
  const hasNumber = (one: Compared): boolean => one.version !== null || numberOf(one.name) !== null;
  const newest = (isNumbered: boolean): number =>
    entries.reduce((found, one, at) => (one.row && hasNumber(one) === isNumbered ? at : found), -1);
  const [numbered, others] = [newest(true), newest(false)];
  return entries.map((one, at) =>
    one.state === "pending" && at < (hasNumber(one) ? numbered : others)
      ? { ...one, state: "out_of_order" }
      : one,
  );
}

/** Return the files whose content was applied under a name, or a number, that no file has. */
function findRenamed(
  index: Migrations,
  applied: History["applied"],
  partial: ReadonlyMap<Key, unknown>,
): Map<Migration, Applied> {
  const files = new Map(index.migrations.map((m) => [keyOf(index, m), m]));
  const without = new Map<string, Applied>();
  for (const [key, row] of applied) {
    const file = files.get(key);
    if (row.checksum && row.checksum !== index.nothing && !(file && hasContentOf(row, file)))
      without.set(row.checksum, row);
  }
  const found = new Map<Migration, Applied>();
  for (const [key, file] of files) {
    const row = applied.has(key) || partial.has(key) ? undefined : without.get(file.checksum);
    if (row && without.delete(file.checksum)) found.set(file, row);
  }
  return found;
}

/** Return why the schema cannot be compared; null if it can. */
function whyNotCompared(entries: readonly Compared[]): string | null {
  const applied = entries.filter(({ row }) => row);
  const gone = applied.filter(({ file }) => !file).map(({ name }) => name);
  if (gone.length) return WITHOUT_FILE.replace("{name}", () => gone.join(", "));
  const unknown = applied.find(({ file }) => !file!.schema);
  if (unknown) return WITHOUT_DIGESTS.replace("{name}", () => unknown.name);
  const skipped = entries.find(({ state }) => state === "out_of_order");
  return skipped ? SKIPPED.replace("{name}", () => skipped.name) : null;
}

/** Compare the schema that the applied migrations build with the rows of `OBJECTS`. */
async function compareWithSchema(
  index: Migrations,
  entries: readonly Compared[],
  rows: Rows,
): Promise<Difference[]> {
  const wanted = new Map<string, string>();
  for (const { row, file } of entries)
    for (const line of row ? file!.schema! : []) {
      const [digest, key] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
      if (digest === "-") wanted.delete(key);
      else wanted.set(key, digest);
    }
  const { name, other } = index.table;
  const hidden = new Set([...OTHER_TOOLS.split(" "), fold(name), ...(isNames(index) ? [] : [fold(other)])]);
  if (!wanted.has("table schema_migrations")) hidden.add("schema_migrations");
  const isOurs = (table: unknown): boolean => !hidden.has(fold(table)) && !fold(table).startsWith("{helper}");
  const found: Difference[] = [];
  for (const [kind, name, table, sql] of rows as readonly (readonly string[])[]) {
    const expected = wanted.get(`${kind} ${fold(name)}`);
    wanted.delete(`${kind} ${fold(name)}`);
    if (sql === null || !isOurs(table) || !isOurs(name)) continue;
    if (expected !== (await digestOf(sql!)))
      found.push({ kind: kind!, name: name!, problem: expected ? "different" : "extra" });
  }
  for (const key of wanted.keys()) {
    const [kind, name] = [key.slice(0, key.indexOf(" ")), key.slice(key.indexOf(" ") + 1)];
    if (isOurs(name)) found.push({ kind, name, problem: "missing" });
  }
  return found;
}

async function digestOf(sql: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(spelled(sql)));
  return hex(new Uint8Array(hash).subarray(0, 8));
}

/** A token of SQL, as SQLite reads it, in the first group; or white space, or a comment. */
const TOKEN =
  /[ \t\r\n\f\ufeff]+|--[^\n]*|\/\*[^]*?\*\/|((['"`])(?:(?!\2)[^]|\2\2)*\2(?!\2)|\[[^\]]*\]|x'[^']*'|[a-z_\x80-\uffff][\w$\x80-\uffff]*|(?:0x[\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?[\d_]+)?)[\w$\x80-\uffff]*|\?\d*|[:@#$][\w$\x80-\uffff]+|->>?|\|\||<<|>>|[<>=!]=|<>|[^])/gi;

const BEFORE_NAMES = /^(?:table|view|index|trigger|references|constraint|into|update|join|\.)$/;

/** Return the tokens of a CREATE statement, in the form of which an index has digests. */
function spelled(sql: string): string {
  const tokens = [...sql.matchAll(TOKEN)].flatMap(([, token]) => (token ? [token] : []));
  if (/^create virtual$/i.test(tokens.slice(0, 2).join(" "))) return tokens.join(" "); // its module reads the text
  return tokens
    .map((token, at) => {
      const [before, after] = [fold(tokens[at - 1] ?? ""), tokens[at + 1]];
      const isDefault = before === "default"; // a name after it is a string
      const [quote] = token;
      if (quote === "'") return token;
      if (!/^["`[]./s.test(token))
        return isDefault && !LITERALS.includes(` ${fold(token)} `) ? token : fold(token);
      const inner =
        quote === "[" ? token.slice(1, -1) : token.slice(1, -1).replaceAll(quote! + quote, quote!);
      // Where SQLite does not expect a name, it takes "…" for a string if there is no such name.
      const isName = quote !== '"' || BEFORE_NAMES.test(before) || after === "." || after === "(";
      const name = isName && !isDefault ? fold(inner) : inner;
      return /^[a-z_\x80-\uffff][a-z\d_\x80-\uffff]*$/.test(name) && !LITERALS.includes(` ${name} `)
        ? name
        : `"${name.replaceAll('"', '""')}"`;
    })
    .join(" ");
}

/** Return a migration that was applied after a newer one: digests follow the order of the index. */
async function findLate(
  driver: Driver,
  index: Migrations,
  { applied, missing }: History,
  entries: readonly Compared[],
): Promise<string | undefined> {
  const order = new Map([...applied.keys()].map((key, at) => [key, at + 1]));
  if (!isNames(index)) {
    const rows = missing.includes(LOG) ? [] : (await driver.read([[LATEST]]))[0]!;
    const logged = rows.filter(
      ([, , , event, action]) => event === "done" && (action === "up" || action === "restore"),
    );
    const ids = new Map(logged.map(([version, , id]) => [version, id as number]));
    for (const key of order.keys()) order.set(key, ids.get(key) ?? 0);
  }
  let newest = 0;
  const rows = entries
    .filter(({ row }) => row)
    .map(({ name, row }) => {
      const at = order.get(keyOf(index, row!)) || newest;
      newest = Math.max(newest, at);
      return { name, at };
    });
  const inOrder = [...rows].sort((a, b) => a.at - b.at);
  return rows.find((row, at) => row !== inOrder[at])?.name;
}

function problemsOf(index: Migrations, history: History): Problem[] {
  const found = (name: string, message: string): Problem => ({
    kind: "history",
    name,
    message: `\`up\` and \`down\` refuse: ${message}`,
  });
  if (history.problems.length) return history.problems.map((problem) => found(index.table.name, problem));
  try {
    refuseOneSided(index, history);
    return [];
  } catch (error) {
    const { names, message, hint } = error as HistoryError;
    return [found(names.join(", "), `${message}; ${hint}`)];
  }
}

function gapsOf(index: Migrations): number[] {
  const versions = new Set(index.migrations.flatMap(({ version }) => (version === null ? [] : [version])));
  const [first, last] = [Math.min(...versions), Math.max(...versions)];
  if (!versions.size || last - first > 10 * versions.size + 100) return []; // timestamps
  return Array.from({ length: last - first }, (_, n) => first + n).filter(
    (version) => !versions.has(version),
  );
}

// --- Databases ---------------------------------------------------------------------------------------------------------------

type Statement = readonly [sql: string, ...values: readonly (string | null)[]];
type Rows = readonly (readonly unknown[])[];
/** [checksum, digest] of each applied migration by its key; empty where they are not known. */
type AppliedLines = Readonly<Record<Key, readonly [string, string] | undefined>>;
/** Exactly the migrations of the index are applied. */
const COMPLETE = "complete";
/** What one query shows: whether the migrations table and the log exist, and what is applied, if no migration is partial. */
interface Known {
  readonly own: boolean;
  readonly log: boolean;
  readonly applied?: AppliedLines | typeof COMPLETE;
}
const NOTHING_KNOWN: Known = { own: false, log: false };
const BOTH: Known = { own: true, log: true };
interface Written {
  readonly cost: { readonly rowsRead: number; readonly rowsWritten: number };
  /** As D1 answers; an object answers only the last statement, and reports no time. */
  readonly answers: readonly Answer[];
}
interface Answer {
  readonly results: readonly object[];
  readonly meta?: { readonly duration?: number };
}

interface Driver {
  read(statements: readonly Statement[]): Promise<Rows[]>;
  /** Run all of them as one transaction, or none. */
  write(statements: readonly Statement[], migration?: Migration, before?: number): Promise<Written>;
  /** In an object: commit what the event has written; with `least`, only if that is so much. */
  sync?(least?: number): Promise<void>;
  /** In an object: commit, and return the restore point of now; null if the platform keeps none, as locally. */
  bookmark?(): Promise<string | null>;
}

function open(db: Database, index?: Migrations, maxQueries = 50): Driver {
  const given: any = db;
  let kind: string = given?.then ? "a promise" : typeof given;
  try {
    if (given.prepare && given.batch && !given.batch.then) return openD1(given, index, maxQueries);
    // The stub of an object has a promise by every name.
    if (given.transactionSync && !given.transactionSync.then) {
      kind = "the storage of a class without SQL";
      if (given.sql.exec) return openObject(given, index);
    }
  } catch {
    // null; or the storage of a class without SQL, where `sql` throws or is undefined.
  }
  throw new UsageError(
    `neither a D1 binding nor the storage of a SQLite-backed Durable Object: ${kind}`,
    "pass env.DB, or the ctx.storage of a class in new_sqlite_classes",
  );
}

/** Ask what is needed to see that there is nothing to do. */
async function readState(driver: Driver, index: Migrations): Promise<Known> {
  const exist = { own: true, log: true };
  try {
    if (driver.sync) {
      // Only d1migrate writes there, so its newest note is true; and it takes the same time for any number of migrations.
      const [newest] = (await driver.read([[index.queries["newestNotes"]!]]))[0]!;
      if (`${newest}`.includes(`"index": "${index.digest}"`)) return { ...exist, applied: COMPLETE };
    }
    const [json, rows, partial] = (await driver.read([[index.queries["state"]!]]))[0]![0]!;
    const applied: AppliedLines = JSON.parse(`${json}`);
    // A name may be there twice.
    return rows && !partial && Object.keys(applied).length === rows ? { ...exist, applied } : exist;
  } catch (error) {
    if (!isAbsent(error)) throw error;
    // SQLite resolves names in order: if the log was missing, the table before it exists.
    return { own: text(error).includes(LOG), log: false };
  }
}

/** Read the row of the open job; undefined if none is open. */
async function readJob(driver: Driver, index: Migrations): Promise<readonly unknown[] | undefined> {
  try {
    return (await driver.read([[index.queries["job"]!]]))[0]![0];
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return undefined;
  }
}

/** Whether a query failed because a table, or a column that it should have, does not exist. */
const isAbsent = (error: unknown): boolean => /no such (table|column)/.test(text(error));

/** Return the error of a batch that writes which was not refused: it may have been committed. */
const unanswered = (index: Migrations | undefined, error: unknown): AmbiguousError =>
  new (index && matches(index, "overload", error) ? OverloadedError : AmbiguousError)(text(error), null, {}, error);

/** Return the error if the database refused the SQL. With any other text, a batch may have been committed. */
const refused = (index: Migrations | undefined, error: unknown, at: number | null): QueryError | undefined =>
  (index ? matches(index, "refusal", error) : isAbsent(error))
    ? new QueryError(text(error), null, { index: at }, error)
    : undefined;

function openD1(db: D1Like, index: Migrations | undefined, most: number): Driver {
  let used = 0;
  const send = async (statements: readonly Statement[], lost: (error: unknown) => Error): Promise<any[]> => {
    used++;
    try {
      return await db.batch(
        statements.map(([sql, ...values]) =>
          values.length ? db.prepare(sql).bind(...values) : db.prepare(sql),
        ),
      );
    } catch (error) {
      throw refused(index, error, null) ?? lost(error);
    }
  };
  return {
    async read(statements) {
      const answers = statements.length ? await send(statements, unavailable) : [];
      return answers.map(rowsOf);
    },
    async write(statements) {
      if (used + 2 > most) throw spentError(index!, "queriesUsed", { used, most }); // one more looks up a lost response
      const answers = await send(statements, (error) => unanswered(index, error));
      const sum = (of: string): number => answers.reduce((all, { meta }) => all + (meta[of] ?? 0), 0);
      const cost = { rowsRead: sum("rows_read"), rowsWritten: sum("rows_written") };
      return { cost, answers };
    },
  };
}

const rowsOf = ({ results }: Answer): Rows => results.map((row) => Object.values(row));

/** After how much a run waits for the disk: rows read and written, and a thousand for each migration. */
const MUCH = 10_000;

function openObject(storage: StorageLike, index: Migrations | undefined): Driver {
  let uncommitted = 0;
  const query = (
    [sql, ...values]: Statement,
    at: number | null = null,
  ): { rows: unknown[][]; cursor: any } => {
    try {
      const cursor = storage.sql.exec(sql, ...values);
      return { rows: [...cursor.raw()], cursor }; // a statement that is not drained is not run to its end
    } catch (error) {
      throw refused(index, error, at) ?? (at === null ? unavailable(error) : unanswered(index, error));
    }
  };
  const value = (sql: string): number => query([sql]).rows[0]?.[0] as number;
  const orphans = (): number => value(index!.queries["orphans"]!);
  const sync = async (least = 0): Promise<void> => {
    if (uncommitted < least) return;
    uncommitted = 0;
    await storage.sync().catch((error: unknown) => {
      throw unanswered(index, error);
    });
  };
  return {
    sync,
    async read(statements) {
      return statements.map((statement) => query(statement).rows);
    },
    async write(statements, migration, before = 0) {
      const [defers, drops] = [migration?.defers, migration?.drops];
      const deferrable = value(index!.queries["deferrable"]!) > 0;
      const isChecked = deferrable || defers !== undefined;
      if (isChecked) await sync(); // should its commit fail, it fails alone
      value("PRAGMA foreign_keys = ON"); // other code of the object may have switched them off
      if (!value("PRAGMA foreign_keys")) throw new UsageError(...worded(index!, "keysOff"));
      const cost = { rowsRead: 0, rowsWritten: 0 };
      let last: Rows = [];
      try {
        storage.transactionSync(() => {
          let known = 0;
          try {
            if (isChecked) known = orphans();
          } catch {
            // A key refers to columns that are no key; perhaps the migration corrects that.
          }
          // SQLite counts the rows that refer to a dropped table, also if a table is renamed to it. OFF resets the
          // count, but only of what ON has deferred.
          if (deferrable && drops) value("PRAGMA defer_foreign_keys = ON");
          try {
            for (const [at, statement] of statements.entries()) {
              const { cursor, rows } = query(statement, at);
              last = rows;
              cost.rowsRead += cursor.rowsRead;
              cost.rowsWritten += cursor.rowsWritten;
            }
            // At the commit it would be no exception: the object would be reset.
            if (isChecked && orphans() > known)
              throw new QueryError(worded(index!, "violated")[0], null, {
                index: defers === undefined ? null : before + defers,
              });
          } finally {
            value("PRAGMA defer_foreign_keys = OFF");
          }
        });
      } catch (error) {
        throw error instanceof MigrationError ? error : unanswered(index, error);
      }
      uncommitted += isChecked ? MUCH : 1_000 + cost.rowsRead + cost.rowsWritten;
      return { cost, answers: [{ results: last }] };
    },
    async bookmark() {
      await sync(); // foreign keys cannot be switched on after a write of the caller
      try {
        const bookmark = await storage.getCurrentBookmark!();
        return /-0+$/.test(bookmark) ? null : bookmark;
      } catch {
        return null;
      }
    },
  };
}

const unavailable = (error: unknown): UnavailableError => new UnavailableError(text(error), null, {}, error);

/** What the database said, without the prefixes that bindings put before it. */
const text = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/^.*D1_ERROR: /s, "");
