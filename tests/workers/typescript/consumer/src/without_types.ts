// A project without the types of Workers, whose bindings have types of their own.
import { getCurrentVersion, runMigrations } from './lib/migrations';
import migrations from '../migrations/index';

interface Statement {
  bind(...values: (string | number | null)[]): Statement;
  all(): Promise<{ results: object[] }>;
}
interface Database {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<{ results: object[]; meta: Record<string, unknown> }[]>;
}
interface Storage {
  sql: { exec(sql: string, ...values: unknown[]): Iterable<object> };
  transactionSync<T>(closure: () => T): T;
  sync(): Promise<void>;
}

export async function fetch(env: { DB: Database }, ctx: { storage: Storage }): Promise<number> {
  await runMigrations(env.DB, migrations, { to: 2 });
  await runMigrations(ctx.storage, migrations);
  // @ts-expect-error the whole of `env`
  await runMigrations(env, migrations);
  // @ts-expect-error
  await runMigrations(undefined, migrations);
  return getCurrentVersion(env.DB);
}
