// What a test sees of `ctx.storage`, and does to it: as binding_faults.mjs, for a Durable Object.
//
// Faults are {KIND: N, do: WHAT, message?, ms?}: at call N of KIND ("exec", "transactionSync", "sync" or
// "getCurrentBookmark"), counted from 0, do
//   "throw before"  fail without doing it
//   "throw after"   do it, then fail
//   "abort"         reset the object, as an eviction between two statements does
//   "slow"          wait `ms` before doing it: the asynchronous kinds only
// and {bookmark: TEXT} is what getCurrentBookmark() answers, which only zeros do locally; {noSql: TEXT} is what
// `storage.sql` throws, as in a class without SQLite, which has it locally too.

export function observeStorage(ctx, faults, waited) {
  const calls = { exec: 0, transactionSync: 0, sync: 0, getCurrentBookmark: 0 };
  const { storage } = ctx;
  const bookmark = faults.find((fault) => fault.bookmark)?.bookmark;
  const noSql = faults.find((fault) => fault.noSql)?.noSql;

  function count(kind, run) {
    const fault = faults.find((fault) => fault[kind] === calls[kind]);
    calls[kind] += 1;
    return fault ? misbehave(ctx, fault, run) : run();
  }

  async function wait(kind, run) {
    try {
      return await count(kind, run);
    } finally {
      waited();
    }
  }

  const sql = standIn(storage.sql, { exec: (...query) => count("exec", () => storage.sql.exec(...query)) });
  const methods = {
    transactionSync: (run) => count("transactionSync", () => storage.transactionSync(run)),
    sync: () => wait("sync", () => storage.sync()),
    getCurrentBookmark: () =>
      wait("getCurrentBookmark", () => bookmark ?? storage.getCurrentBookmark()),
  };
  const values = {
    get sql() {
      if (noSql) throw new Error(noSql);
      return sql;
    },
  };
  return { storage: standIn(storage, methods, values), calls };
}

function misbehave(ctx, { do: what, message = "a fault", ms }, run) {
  if (what === "slow") return new Promise((go) => setTimeout(go, ms)).then(run);
  if (what === "abort") ctx.abort(message);
  else if (what === "throw after") run();
  else if (what !== "throw before") throw new TypeError(`no such fault: ${what}`);
  throw new Error(message);
}

// In every other respect the real object, whose methods have to be called on itself.
export function standIn(real, methods, values = {}) {
  return new Proxy(real, {
    get(_, name) {
      if (Object.hasOwn(values, name)) return values[name];
      const value = Reflect.get(real, name, real);
      if (typeof value !== "function" || name === "constructor") return value;
      return Object.hasOwn(methods, name) ? methods[name] : value.bind(real);
    },
  });
}
