// What the types refuse: without an error on the line after it, `@ts-expect-error` is one itself.
import { getCurrentVersion, getPending, runJobs, runMigrations, verifySchema } from './lib/migrations';
import migrations from '../migrations/index';

interface Env {
  DB: D1Database;
  KV: KVNamespace;
  BUCKET: R2Bucket;
  OPTIONAL?: D1Database;
  TENANT: DurableObjectNamespace;
}

export async function databases(env: Env, ctx: DurableObjectState): Promise<void> {
  // @ts-expect-error the whole of `env`
  await runMigrations(env, migrations);
  // @ts-expect-error
  await runMigrations(undefined, migrations);
  // @ts-expect-error
  await runMigrations(null, migrations);
  // @ts-expect-error a binding that an environment may lack
  await runMigrations(env.OPTIONAL, migrations);
  // @ts-expect-error a promise
  await runMigrations(Promise.resolve(env.DB), migrations);
  // @ts-expect-error
  await runMigrations(env.KV, migrations);
  // @ts-expect-error
  await runMigrations(env.BUCKET, migrations);
  // @ts-expect-error a namespace of objects
  await runMigrations(env.TENANT, migrations);
  // @ts-expect-error the state of an object instead of its storage
  await runMigrations(ctx, migrations);
  // @ts-expect-error
  await runMigrations(ctx.storage.sql, migrations);
  // @ts-expect-error
  await runMigrations(env.DB.prepare('SELECT 1'), migrations);
  // @ts-expect-error the name of a binding
  await runMigrations('DB', migrations);
  // @ts-expect-error
  await getCurrentVersion(env);
  // @ts-expect-error
  await getPending(env.KV, migrations);
  // @ts-expect-error
  await verifySchema(ctx, migrations);
}

export async function indexes({ DB }: Env): Promise<void> {
  // @ts-expect-error no index
  await runMigrations(DB);
  // @ts-expect-error files
  await runMigrations(DB, [{ name: '001_a', sql: 'SELECT 1' }]);
  // @ts-expect-error a module instead of its default export
  await runMigrations(DB, await import('../migrations/index'));
  // @ts-expect-error a module that is still loading
  await runMigrations(DB, import('../migrations/index'));
}

export async function options({ DB }: Env): Promise<void> {
  // @ts-expect-error
  await runMigrations(DB, migrations, { to: true });
  // @ts-expect-error
  await runMigrations(DB, migrations, { maxQueries: '50' });
  // @ts-expect-error
  await runMigrations(DB, migrations, { acceptNewer: 1 });
  // @ts-expect-error an option that does not exist
  await runMigrations(DB, migrations, { allowNewer: true });
  // @ts-expect-error a name where the options belong
  await runMigrations(DB, migrations, '002_add_api_keys_table');
}

export async function jobs({ DB }: Env): Promise<void> {
  // @ts-expect-error an option of runMigrations
  await runJobs(DB, migrations, { to: 2 });
  // @ts-expect-error there may be no job
  console.log((await runJobs(DB, migrations)).job.share);
}

export async function results({ DB }: Env): Promise<void> {
  // @ts-expect-error `await` is forgotten
  const version: number = getCurrentVersion(DB);
  // @ts-expect-error `await` is forgotten
  for (const step of runMigrations(DB, migrations).results) console.log(step);
  const [first] = (await runMigrations(DB, migrations)).results;
  // @ts-expect-error there may be no first one
  console.log(version, first.name);
}
