// What a caller may write, with the types of Workers: each line has to compile.
import { TenantsFleet } from './lib/fleet';
import type { FleetParams, FleetResult } from './lib/fleet';

interface Env {
  FLEET: Workflow<FleetParams>;
}

export async function start({ FLEET }: Env, names: readonly string[], scheduled?: boolean): Promise<string> {
  await FLEET.create();
  await FLEET.create({ id: 'nightly', params: {} });
  const params: FleetParams = { tenants: names, scheduled, leaseSeconds: 60, pollSeconds: 5 };
  return (await FLEET.create({ params })).id;
}

export async function look({ FLEET }: Env, id: string): Promise<string> {
  const { status, output } = await (await FLEET.get(id)).status();
  const { run, state, done, failed, left } = output as FleetResult;
  return `${status} ${run} ${state} ${done + failed + left}`;
}

/** One of an application's own, which does something before. */
export class Logged extends TenantsFleet {
  override async run(...given: Parameters<TenantsFleet['run']>): Promise<FleetResult> {
    console.log(given[0].instanceId);
    return super.run(...given);
  }
}

export async function refused({ FLEET }: Env): Promise<void> {
  // @ts-expect-error one name instead of a list
  await FLEET.create({ params: { tenants: 'acme' } });
  // @ts-expect-error a parameter that does not exist
  await FLEET.create({ params: { tenant: ['acme'] } });
}
