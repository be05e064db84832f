// What a caller may write, with the types of Workers: each line has to compile.
import {
  ApplyError,
  HistoryError,
  MigrationError,
  MissingMigration,
  QueryError,
  Unfinished,
  getCurrent,
  getCurrentVersion,
  getPending,
  runJobs,
  runMigrations,
  verifySchema,
} from './lib/migrations';
import type { Difference, JobOptions, JobReport, Migrations, Options, Report, Verification } from './lib/migrations';
import migrations from '../migrations/index';

interface Env {
  DB: D1Database;
}

/** A binding of one's own, around D1's. */
class Logged {
  readonly database: D1Database;
  constructor(database: D1Database) {
    this.database = database;
  }
  prepare(query: string): D1PreparedStatement {
    return this.database.prepare(query);
  }
  batch<T>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    return this.database.batch(statements);
  }
}

export async function databases(env: Env, ctx: DurableObjectState): Promise<void> {
  await runMigrations(env.DB, migrations);
  await runMigrations(env.DB.withSession('first-primary'), migrations);
  await runMigrations(new Logged(env.DB), migrations);
  await runMigrations(ctx.storage, migrations);
  await getPending(ctx.storage, migrations);
  await getCurrent(env.DB.withSession(), migrations);
  await getPending(new Logged(env.DB), migrations);
}

export async function results({ DB }: Env): Promise<void> {
  const { results }: Report = await runMigrations(DB, migrations);
  for (const { version, name, action, statements, rowsRead, rowsWritten } of results) {
    const texts: [string, 'up' | 'applied meanwhile'] = [name, action];
    const numbers: (number | null)[] = [version, statements, rowsRead, rowsWritten];
    console.log(texts, numbers);
  }
  const version: number = await getCurrentVersion(DB);
  const name: string | null = await getCurrent(DB);
  const pending: readonly string[] = await getPending(DB, migrations);
  console.log(version, name, pending);
}

export async function verifying({ DB }: Env, ctx: DurableObjectState): Promise<string> {
  await verifySchema(ctx.storage, migrations);
  const found: Verification = await verifySchema(DB.withSession(), migrations);
  const differences: readonly Difference[] = found.differences;
  if (found.ok) return `${found.current} ${found.currentVersion} ${found.pending} ${found.gaps}`;
  for (const { name, version, state } of found.entries) if (state === 'changed') return `${version} ${name}`;
  return found.notCompared ?? [...found.problems.map((p) => p.message), ...differences.map((d) => `${d.kind} ${d.name}: ${d.problem}`)].join();
}

export async function jobs({ DB }: Env, ctx: DurableObjectState): Promise<string> {
  const { waitingFor } = await runMigrations(ctx.storage, migrations);
  const limits: JobOptions = { maxQueries: 4, maxSeconds: 10, by: waitingFor ?? undefined };
  await runJobs(ctx.storage, migrations, limits);
  const { name, end, job, batches, waitingFor: next }: JobReport = await runJobs(DB, migrations);
  if (end === 'done' || !job) return `${name} ${batches} ${next}`;
  const share: number | null = job.share;
  return `${job.state} ${job.rows} ${job.chunks} ${share}`;
}

export async function options({ DB }: Env, to: number | undefined, by?: string): Promise<void> {
  await runMigrations(DB, migrations, { to: 2 });
  await runMigrations(DB, migrations, { to: '002_add_api_keys_table' });
  await runMigrations(DB, migrations, { to, by }); // undefined is the same as nothing
  const all: Options = { to: 3, maxQueries: 50, maxSeconds: 30, acceptNewer: false, by: 'a deploy' };
  await runMigrations(DB, migrations, { ...all, maxMigrations: 20, maxRowsWritten: 10_000 });
}

export async function errors({ DB }: Env): Promise<string> {
  try {
    await runMigrations(DB, migrations);
    return '';
  } catch (error) {
    if (error instanceof ApplyError) {
      const line: number | null = error.line;
      const names: readonly string[] = [...error.applied, ...error.pending];
      const cause: QueryError | undefined = error.cause instanceof QueryError ? error.cause : undefined;
      return `${error.migration} ${error.file} ${line} ${error.statement} ${names} ${error.unknown} ${cause?.index}`;
    }
    if (error instanceof Unfinished) return `${error.reason}: ${error.pending.length}`;
    if (error instanceof MissingMigration || error instanceof HistoryError) return error.names.join();
    if (error instanceof MigrationError) return error.hint ?? error.name;
    throw error;
  }
}

export const index: Migrations = migrations;
