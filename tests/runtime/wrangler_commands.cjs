// The real wrangler, one command after the other in one process: node wrangler_commands.cjs WRANGLER/wrangler-dist/cli.js
// Loading wrangler takes a second, most of what a command takes. Its `main` is not exported, so this file exports it.
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const file = process.argv[2];
const cli = new Module(file, module);
cli.filename = file;
cli.paths = Module._nodeModulePaths(path.dirname(file));
cli._compile(`${fs.readFileSync(file, "utf8")}\nexports.main = main;`, file);

const answer = process.stdout.write.bind(process.stdout);

async function run({ folder, command }) {
  let output = "";
  process.stdout.write = process.stderr.write = (chunk) => {
    output += chunk;
    return true;
  };
  process.chdir(folder);
  try {
    await cli.exports.main(command);
    return { failed: false, output };
  } catch (error) {
    return { failed: true, output: `${output}\n${error.message}` };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    answer(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
  }
  process.exit(0); // not the exit code that a failed command set
})();
