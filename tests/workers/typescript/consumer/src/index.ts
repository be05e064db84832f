import { DurableObject } from 'cloudflare:workers';

import { runMigrations, getCurrentVersion } from './lib/migrations';
import migrations from '../migrations/index';

interface Env {
  DB: D1Database;
  TENANT: DurableObjectNamespace<Tenant>;
}

export class Tenant extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(() => runMigrations(ctx.storage, migrations));
  }

  version(): Promise<number> {
    return getCurrentVersion(this.ctx.storage);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { results } = await runMigrations(env.DB, migrations);
    const tenant = env.TENANT.get(env.TENANT.idFromName(new URL(request.url).pathname));
    return Response.json({
      applied: results.map(({ name }) => name),
      version: await getCurrentVersion(env.DB),
      tenant: await tenant.version(),
    });
  },
} satisfies ExportedHandler<Env>;
