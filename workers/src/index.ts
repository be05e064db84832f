/**
 * HUMMBL's Worker in TypeScript: it migrates its own database on request, and does not run on a schema that
 * is older than it needs.
 *
 * Routes: `POST /admin/migrate` for who has the token, `GET /health`; all others are the application's.
 */
import { runMigrations, getCurrentVersion } from './lib/migrations';
import migrations from '../migrations/index';
import { ApplyError, MigrationError, Unfinished, getPending, verifySchema } from './lib/migrations';

interface Env {
  readonly DB: D1Database;
  /** The secret of `POST /admin/migrate`; without it, the route is closed. */
  readonly ADMIN_TOKEN?: string;
}

const NEEDED = Math.max(...migrations.migrations.map((migration) => migration.version));
const SHORTEST_TOKEN = 32; // bytes

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/admin/migrate') return request.method === 'POST' ? migrate(env, request) : notAllowed('POST');
    if (pathname === '/health')
      return request.method === 'GET' || request.method === 'HEAD' ? health(env.DB) : notAllowed('GET, HEAD');
    return (await notReady(env.DB)) ?? app(pathname);
  },
} satisfies ExportedHandler<Env>;

/** Be the application: the schema is at least what this code needs. */
function app(pathname: string): Response {
  return answer(404, { error: `there is no ${pathname}` });
}

/** Apply what is pending. Nothing but the token is read from the request. */
async function migrate(env: Env, request: Request): Promise<Response> {
  const refused = await refusal(env.ADMIN_TOKEN, request.headers.get('Authorization'));
  if (refused) return refused;
  try {
    // The free plan has 50 queries in a request; the last one asks for the version.
    const { results: applied } = await runMigrations(env.DB, migrations, { maxQueries: 49 });
    return answer(200, { version: await getCurrentVersion(env.DB), applied });
  } catch (error) {
    if (error instanceof Unfinished) {
      const message = 'not all is done: send the same request again';
      return answer(202, { message, applied: error.applied, pending: error.pending });
    }
    if (!(error instanceof MigrationError)) throw error;
    console.error('migrate', error);
    const body = { error: error.message, hint: error.hint };
    if (!(error instanceof ApplyError)) return answer(500, body);
    return answer(500, { ...body, applied: error.applied, pending: error.pending, unknown: error.unknown });
  }
}

/** Say whether database and code agree; why they do not is for the log. */
async function health(database: D1Database): Promise<Response> {
  try {
    const { ok, pending, entries, differences, notCompared, currentVersion } = await verifySchema(database, migrations);
    const agrees = ok && !pending.length;
    if (!agrees) {
      const states = entries.filter(({ state }) => state !== 'applied').map(({ name, state }) => `${name} is ${state}`);
      console.error('health', JSON.stringify({ notCompared, states, differences }));
    }
    return answer(agrees ? 200 : 503, { version: currentVersion ?? 0, expected: NEEDED, agrees });
  } catch (error) {
    console.error('health', error);
    return answer(503, { version: null, expected: NEEDED, agrees: false });
  }
}

/** Return the answer while the schema is older than this code; undefined after that, and where it is newer. */
async function notReady(database: D1Database): Promise<Response | undefined> {
  let why = 'the database is not migrated yet';
  try {
    if (!(await getPending(database, migrations)).length) return undefined;
  } catch (error) {
    console.error('version', error);
    why = 'the database cannot be read';
  }
  return answer(503, { error: `${why}, try again later` }, { 'Retry-After': '10' });
}

/** Return the answer to a request without the right token, and to every one while there is no secret. */
async function refusal(secret: unknown, header: string | null): Promise<Response | undefined> {
  if (typeof secret !== 'string' || toBytes(secret).length < SHORTEST_TOKEN)
    return answer(503, { error: `the secret ADMIN_TOKEN has to be set, ${SHORTEST_TOKEN} bytes or more` });
  const [scheme = '', ...token] = (header ?? '').split(' ').filter((word) => word !== '');
  // Of hashes, which have one length: timingSafeEqual requires that, and the length of the secret stays secret.
  const [given, wanted] = await Promise.all([hash(token.join(' ')), hash(secret)]);
  if (crypto.subtle.timingSafeEqual(given, wanted) && scheme.toLowerCase() === 'bearer') return undefined;
  return answer(401, { error: 'not authorized' }, { 'WWW-Authenticate': 'Bearer' });
}

const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const hash = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', toBytes(text));

/** Return the answer to any other method. */
const notAllowed = (methods: string): Response => answer(405, { error: `the methods here: ${methods}` }, { Allow: methods });

/** Return a JSON response that nobody keeps. */
const answer = (status: number, body: object, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store', ...headers } });
