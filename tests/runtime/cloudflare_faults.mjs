// What goes wrong, as a test says:
//   {"match": {"method": "POST", "path": REGEX, "body": REGEX, "nth": K, "every": N}, "do": WHAT, …}
// Everything in `match` may be left out; `nth` counts the requests that match otherwise, from 1; of them,
// `every` means the first of each N. Without either all are meant. Of several faults the first that is meant happens. WHAT is
//   to the work    "timeout"     D1's 30 seconds are over: rolled back
//                  "not atomic"  the statements run one by one, and a failing one leaves the earlier ones
//   to the answer  "drop"        the connection is closed instead, before the work
//                  "lose reply"  … after the work
//                  "late"        … and the work is done when the test says so, see /late; with "past": N, by
//                                itself, after N more requests
//                  "twice"       the work is done twice, as by a proxy that repeats what it was not answered;
//                                "answer": "first" or "second" is passed on
//                  "again"       … and the second time after "past": N more requests
//                  "cut reply"   … in the middle of the answer
//                  "garbage"     after the work, half of the JSON, as if it were all
//                  "hang"        no answer until the client goes, and no work; with "after": true, work
//                  "edit"        the answer is changed before it is sent: "how", see EDITS
//                  "wire"        the answer is no proper HTTP, or never ends: "how", see cloudflare_wire.mjs; with
//                                "after": false, without the work
//   instead        "7429" (429 for the CPU time of one database), "401", "429" (with "retry_after": seconds), "500", "503", "413", "firewall" (403 and a page),
//                  "bare" ({"error", "code"}), "answer" (with "status", "body" and "headers");
//                  with "after": true the work is done first
import crypto from "node:crypto";

import { ApiError } from "./cloudflare_errors.mjs";

const CONNECTION = [
  ...["timeout", "not atomic", "drop", "lose reply", "late", "cut reply", "garbage", "hang"],
  ...["twice", "again", "edit", "wire"],
];
const MATCH = ["method", "path", "body", "nth", "every"];
const JSON_TYPE = { "content-type": "application/json; charset=UTF-8" };
const HTML = { "content-type": "text/html; charset=UTF-8" };
const PAGE = `<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1></body></html>`;

const INSTEAD = {
  429: ({ retry_after: seconds = 1 }) => error(429, 971, THROTTLE, { "retry-after": String(seconds) }),
  7429: () => error(429, 7429, "D1 DB exceeded its CPU time limit and was reset."),
  401: () => error(401, 10000, "Authentication error"),
  500: () => error(500, 7500, `internal error; reference = e_${crypto.randomUUID().replaceAll("-", "")}`),
  503: () => error(503, 7009, "Upstream service unavailable"),
  413: () => ({ status: 413, headers: HTML, body: "<h1>413 Payload Too Large</h1>" }),
  firewall: () => ({ status: 403, headers: HTML, body: PAGE }),
  bare: () => ({ status: 500, headers: JSON_TYPE, body: '{"error":"Internal error","code":7500}' }),
  answer: ({ status = 200, headers = {}, body = "" }) => ({ status, headers, body }),
};
export const THROTTLE = "Please wait and consider throttling your request speed";

// What a proxy, or another version of the API, may make of an envelope.
export const EDITS = {
  "first result": (envelope) => ({ ...envelope, result: some(envelope.result).slice(0, 1) }),
  "one result more": (envelope) => ({ ...envelope, result: [...some(envelope.result), { success: true }] }),
  "no result": ({ result, ...rest }) => rest,
  "no meta": (envelope) => ({ ...envelope, result: some(envelope.result).map(({ meta, ...rest }) => rest) }),
  "rows as objects": (envelope) => each(envelope, ({ rows }) => ({ columns: [], rows: rows?.map((row) => ({ ...row })) })),
  "rows of other columns": (envelope) => each(envelope, ({ rows }) => ({ columns: ["a"], rows: rows?.map(() => [1, 2]) })),
  "rows as text": (envelope) => each(envelope, () => "rows"),
  "success as text": (envelope) => ({ ...envelope, success: "true" }),
  "a failure in it": (envelope) => ({ ...envelope, result: some(envelope.result).map((one) => ({ ...one, success: false })) }),
  "errors as an object": (envelope) => ({ ...envelope, success: false, errors: { code: 7500 } }),
  "errors as text": (envelope) => ({ ...envelope, success: false, errors: "oops" }),
  "errors of null": (envelope) => ({ ...envelope, success: false, errors: [null, [], 7] }),
  "codes as text": (envelope) => ({ ...envelope, success: false, errors: [{ code: "seven", message: { a: 1 } }] }),
};

function some(result) {
  return Array.isArray(result) ? result : [result ?? {}];
}

function each(envelope, change) {
  return { ...envelope, result: some(envelope.result).map((one) => ({ ...one, results: change(one?.results ?? {}) })) };
}

export class Faults {
  #faults = [];

  set(faults) {
    for (const { do: what, match } of faults) {
      if (!CONNECTION.includes(what) && !INSTEAD[what]) throw new Error(`no such fault: ${what}`);
      const unknown = Object.keys(match ?? {}).filter((key) => !MATCH.includes(key));
      if (unknown.length) throw new Error(`no such match: ${unknown}`);
    }
    this.#faults = faults.map((fault) => ({ ...fault, seen: 0 }));
  }

  // The fault that is meant for this request, if any. It is counted for all.
  pick({ method, path, body }) {
    const meant = this.#faults.filter((fault) => {
      const { match = {} } = fault;
      if (match.method && match.method !== method) return false;
      if (match.path && !new RegExp(match.path).test(path)) return false;
      if (match.body && !new RegExp(match.body).test(body)) return false;
      fault.seen += 1;
      if (match.every !== undefined) return fault.seen % match.every === 1;
      return match.nth === undefined || match.nth === fault.seen;
    });
    return meant[0];
  }
}

// {status, headers, body} instead of an answer, or undefined.
export function instead(fault) {
  return fault && INSTEAD[fault.do]?.(fault);
}

function error(status, code, message, headers = {}) {
  const { envelope } = new ApiError(status, code, message);
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(envelope) };
}
