import { DurableObject } from 'cloudflare:workers';

import { getCurrent, runMigrations } from './lib/migrations';
import migrations from '../migrations/index';

import type { FleetParams } from './lib/fleet';
export { TenantsFleet } from './lib/fleet';

interface Env {
  DB: D1Database;
  JOURNAL: D1Database;
  TENANT: DurableObjectNamespace<Tenant>;
  FLEET: Workflow<FleetParams>;
}

export class Tenant extends DurableObject<Env> {
  async migrate(): Promise<string | null> {
    await runMigrations(this.ctx.storage, migrations);
    return getCurrent(this.ctx.storage, migrations);
  }
}

export default {
  async scheduled(_controller, env): Promise<void> {
    await env.FLEET.create({ params: { scheduled: true } });
  },
} satisfies ExportedHandler<Env>;
