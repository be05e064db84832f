// What a test sees of a D1 binding, and does to it: a stand-in that counts the calls and misbehaves at
// chosen ones.
//
// Faults are {KIND: N, do: WHAT, message?, ms?, batches?}: at call N of KIND ("batch", "exec", "dump" or "statement",
// which is all/first/raw/run of a prepared one), counted from 0, do
//   "throw before"  fail as D1 does, without asking it
//   "lose answer"   ask D1, wait until it is done, then fail: what a broken connection looks like
//   "slow"          wait `ms` before asking
//   "others first"  first run `batches`, lists of [SQL, value…]: what another client does in between
const EXECUTE = ["all", "first", "raw", "run"];
const LOST = "Network connection lost.";

const stoodFor = new WeakMap(); // stand-in → the real object, which is what D1 has to be given

// `waited` is called whenever an answer of D1 came.
export function observe(database, faults, waited = () => {}) {
  const calls = { batch: 0, prepare: 0, exec: 0, dump: 0, statement: 0 };

  // Not an async function: what the real method throws at once, this throws at once.
  function count(kind, ask) {
    const fault = faults.find((fault) => fault[kind] === calls[kind]);
    calls[kind] += 1;
    const answer = fault ? misbehave(fault, ask, database) : ask();
    if (kind !== "prepare") answer.then(waited, waited);
    return answer;
  }

  const statement = (real) =>
    standIn(real, {
      bind: (...values) => statement(real.bind(...values)),
      ...Object.fromEntries(
        EXECUTE.map((name) => [name, (...options) => count("statement", () => real[name](...options))]),
      ),
    });

  const binding = (real) =>
    standIn(real, {
      prepare: (sql) => count("prepare", () => statement(real.prepare(sql))),
      batch: (statements) => count("batch", () => batch(real, statements)),
      exec: (sql) => count("exec", () => real.exec(sql)),
      dump: () => count("dump", () => real.dump()),
      withSession: (...constraint) => binding(real.withSession(...constraint)),
    });

  return { binding: binding(database), calls };
}

// `map`, since that is all D1 asks of the list: a Python list that is not converted has it too.
async function batch(database, statements) {
  return database.batch(statements.map((statement) => stoodFor.get(statement) ?? statement));
}

async function misbehave({ do: what, message = LOST, ms, batches }, ask, database) {
  if (what === "others first") {
    const bound = ([sql, ...values]) => (values.length ? database.prepare(sql).bind(...values) : database.prepare(sql));
    for (const statements of batches) await database.batch(statements.map(bound)).catch(() => {});
    return ask();
  }
  if (what === "slow") {
    await new Promise((go) => setTimeout(go, ms));
    return ask();
  }
  if (what === "lose answer") await Promise.resolve(ask()).catch(() => {}); // an error is an answer too
  else if (what !== "throw before") throw new TypeError(`no such fault: ${what}`);
  throw new Error(`D1_ERROR: ${message}`, { cause: new Error(message) });
}

// In every other respect the real object: its constructor, which the Workers SDK goes by, and its private
// fields, for which methods have to be called on the object itself.
function standIn(real, methods) {
  const proxy = new Proxy(real, {
    get(_, name) {
      const value = Reflect.get(real, name, real);
      if (typeof value !== "function" || name === "constructor") return value;
      return Object.hasOwn(methods, name) ? methods[name] : value.bind(real);
    },
  });
  stoodFor.set(proxy, real);
  return proxy;
}
