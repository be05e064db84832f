// The main module around a bundle: it asks the Worker as a test wants it, and reports what the Worker did. See
// bundle_server.mjs for the questions.
import worker from "./bundle.js";
import { observe } from "./binding_faults.mjs";

export * from "./bundle.js"; // its classes of Durable Objects

export default {
  async fetch(question, env) {
    const { sql, method, url, headers, body, database, faults, vars } = await question.json();
    if (sql) return Response.json(await env[database].prepare(sql).run());
    const { binding, calls } = observe(env[database], faults);
    const request = new Request(url, { method, headers, body });
    const { answer, log } = await logged(() => worker.fetch(request, { ...env, ...vars, DB: binding }));
    return Response.json({
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      text: await answer.text(),
      log,
      body_used: request.bodyUsed,
      calls,
    });
  },
};

// What `run` returns, and what it writes to the Worker's log.
async function logged(run) {
  const { error } = console;
  const lines = [];
  console.error = (...values) => lines.push(values.map(String).join(" "));
  try {
    return { answer: await run(), log: lines.join("\n") };
  } finally {
    console.error = error;
  }
}
