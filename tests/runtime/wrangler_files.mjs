// Wrangler's own functions, cut out of its bundle: which files are migrations, in which order, by which settings.
// stdin: {orders: [[name]], settings: [{migrationsDirRaw, migrationsPattern}], project: the folder of the settings}
// stdout: {orders: [[name]], found: [{files: [name]} or {error}]}
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const bundle = readFileSync(join(dirname(require.resolve("wrangler/package.json")), "wrangler-dist", "cli.js"), "utf8");

// In the bundle, each definition at the top level has a name of its own, and ends with a brace in column 0.
const definitions = new Map();
function define(name) {
  if (definitions.has(name)) return;
  const isModule = name.startsWith("require_");
  const start = bundle.indexOf(isModule ? `\nvar ${name} = __commonJS({` : `\nfunction ${name}(`);
  const constant = bundle.match(new RegExp(`^ +${name} = (?:"[^"]*"|__toESM\\(.*\\));$`, "m"));
  if (start < 0 && !constant) return;
  const end = isModule ? "\n});" : "\n}\n";
  const text = start < 0 ? `const ${constant[0].trim()}` : bundle.slice(start, bundle.indexOf(end, start) + end.length);
  definitions.set(name, null);
  const names = isModule ? /\brequire_\w+(?=\(\))/g : /\b(?:import_|require_|DEFAULT_)\w+|(?<![.\w])\w+(?=\()|\bcompare\w+/g;
  for (const [used] of text.matchAll(names)) define(used);
  definitions.delete(name);
  definitions.set(name, text); // after those it uses
}
["getD1MigrationFiles", "resolveMigrationsConfig"].forEach(define);
const body = [...definitions.values()].join("\n");
const node = [...new Set(body.match(/\b(?:path|fs)\d*__namespace\b/g))];
const wrangler = new Function("require", `
  const __name = (value) => value, init_import_meta_url = () => {};
  const __commonJS = (parts, module) => () => module ? module.exports : (Object.values(parts)[0](0, module = { exports: {} }), module.exports);
  const __toESM = (module) => module;
  class UserError extends Error {}
  ${node.map((name) => `const ${name} = { default: require("node:${name.match(/[a-z]+/)[0]}") };`).join("\n")}
  ${body}
  return { compareMigrationPaths, getD1MigrationFiles, resolveMigrationsConfig };
`)(require);

const { orders, settings, project } = JSON.parse(readFileSync(0, "utf8"));
const found = settings.map((databaseInfo) => {
  try {
    const config = wrangler.resolveMigrationsConfig({ databaseInfo, configPath: join(project, "wrangler.jsonc") });
    return { files: wrangler.getD1MigrationFiles(config).map((file) => file.name) };
  } catch (error) {
    return { error: `${error.constructor.name}: ${error.message}` };
  }
});
console.log(JSON.stringify({ orders: orders.map((names) => names.sort(wrangler.compareMigrationPaths)), found }));
