// The Worker of tests/workers/typescript/fleet with a route, which tests start and look at it by: see
// fleet_server.mjs.
import plain, { Tenant as Plain, TenantsFleet as PlainFleet } from "worker";

const calls = new Map<string, number>();
/** Of how many responses of the journal one is lost, and how many there were. */
let [lost, responses] = [0, 0];

export class TenantsFleet extends PlainFleet {
  constructor(ctx: any, env: any) {
    const batch = async (statements: any[]): Promise<unknown> => {
      const answer = await env.JOURNAL.batch(statements);
      if (lost && ++responses % lost === 0) throw new Error("Network connection lost.");
      return answer;
    };
    super(ctx, { ...env, JOURNAL: { prepare: (sql: string) => env.JOURNAL.prepare(sql), batch } });
  }
}

export class Tenant extends Plain {
  /** Migrate as the Worker does; fail in the ways that names ask for. */
  override async migrate(): Promise<any> {
    const name = this.ctx.id.name ?? "";
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    if (name.startsWith("slow-")) await new Promise((resolve) => setTimeout(resolve, 100));
    if (name.startsWith("flaky-") && call < 2) throw new Error("not yet");
    if (name.startsWith("throws-")) throw new TypeError("a mistake of the application");
    if (name.startsWith("long-") && call < 4) throw Object.assign(new Error("a limit"), { name: "Unfinished" });
    if (name.startsWith("waits-") && call < 3) return { current: "001_notes", waitingFor: "002_runs" };
    if (name.startsWith("refused-"))
      throw Object.assign(new Error("003_more.sql:2: no such table: nope"), { name: "ApplyError" });
    if (name.startsWith("behind-")) return "001_notes";
    if (name.startsWith("newer-")) return "999_later";
    if (name.startsWith("silent-")) return undefined as any;
    return super.migrate();
  }

  sql(statement: string): unknown[] {
    return this.ctx.storage.sql.exec(statement).raw().toArray();
  }
}

type Asked = Readonly<Record<string, any>>;

export default {
  async fetch(request: Request, env: any): Promise<Response> {
    const { create, status, database, object, sql, cron, lose }: Asked = await request.json();
    try {
      if (create) return Response.json(await Promise.all(create.map((one: object) => env.FLEET.create(one))));
      if (status) return Response.json(await (await env.FLEET.get(status)).status());
      if (database) return Response.json(await env[database].prepare(sql).raw());
      if (object) return Response.json(await env.TENANT.getByName(object).sql(sql));
      if (cron) return Response.json((await plain.scheduled({} as any, env)) ?? null);
      if (lose) return Response.json((lost = lose));
      return Response.json(Object.fromEntries(calls));
    } catch (error: any) {
      return Response.json({ error: `${error.name}: ${error.message}` }, { status: 500 });
    }
  },
};
