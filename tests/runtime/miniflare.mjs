// Workers in workerd, which miniflare starts, on a loopback port.
import { createRequire } from "node:module";

/** Return `PREFIX-0` … `PREFIX-N`. */
export const names = (prefix, count) => Array.from({ length: Number(count) }, (_, n) => `${prefix}-${n}`);

/** Return the D1 databases `d1-0` … `d1-N`, each bound under its name; they cost nothing until they are used. */
export const databases = (count) => Object.fromEntries(names("d1", count).map((id) => [id, id]));

/** Return Workers after one that sends them what is posted to `/0` … `/N`. */
export const routed = (workers) => [
  {
    name: "router",
    modules: true,
    script: `export default {
      fetch: (request, env) => env["isolate-" + new URL(request.url).pathname.slice(1)].fetch(request),
    };`,
    serviceBindings: Object.fromEntries(workers.map((_, n) => [`isolate-${n}`, `isolate-${n}`])),
  },
  ...workers.map((worker, n) => ({ name: `isolate-${n}`, ...worker })),
];

/**
 * Start miniflare, print {"port": N} once it answers, and stop it when standard input ends.
 *
 * @param nodeModules where miniflare is installed.
 * @param options miniflare's, of version 4.
 * @param warmUp gets the url, and is awaited before the port is printed.
 */
export async function serve(nodeModules, options, warmUp = async () => {}) {
  const { Miniflare, convertV4MiniflareOptions } = createRequire(`${nodeModules}/`)("miniflare");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      handleStructuredLogs: ({ message }) => console.error(message), // standard output is for the port
      ...options,
    }),
  );
  const { port } = await miniflare.ready;
  await warmUp(`http://127.0.0.1:${port}`);
  console.log(JSON.stringify({ port: Number(port) }));

  process.stdin.resume();
  process.stdin.on("end", async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
