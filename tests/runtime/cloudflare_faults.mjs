// What goes wrong, as a test says:
//   {"match": {"method": "POST", "path": REGEX, "body": REGEX, "nth": K, "every": N}, "do": WHAT, …}
// Everything in `match` may be left out; `nth` counts the requests that match otherwise, from 1; of them,
// `every` means the first of each N. Without either all are meant. Of several faults the first that is meant happens. WHAT is
//   to the work    "timeout"     D1's 30 seconds are over: rolled back
//                  "not atomic"  the statements run one by one, and a failing one leaves the earlier ones
//   to the answer  "drop"        the connection is closed instead, before the work
//                  "lose reply"  … after the work
//                  "late"        … and the work is done when the test says so, see /late
//                  "cut reply"   … in the middle of the answer
//                  "garbage"     after the work, half of the JSON, as if it were all
//                  "hang"        no answer until the client goes, and no work; with "after": true, work
//   instead        "429" (with "retry_after": seconds), "500", "503", "413", "firewall" (403 and a page),
//                  "bare" ({"error", "code"}), "answer" (with "status", "body" and "headers");
//                  with "after": true the work is done first
import crypto from "node:crypto";

import { ApiError } from "./cloudflare_errors.mjs";

const CONNECTION = ["timeout", "not atomic", "drop", "lose reply", "late", "cut reply", "garbage", "hang"];
const MATCH = ["method", "path", "body", "nth", "every"];
const JSON_TYPE = { "content-type": "application/json; charset=UTF-8" };
const HTML = { "content-type": "text/html; charset=UTF-8" };
const PAGE = `<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1></body></html>`;

const INSTEAD = {
  429: ({ retry_after: seconds = 1 }) => error(429, 971, THROTTLE, { "retry-after": String(seconds) }),
  500: () => error(500, 7500, `internal error; reference = e_${crypto.randomUUID().replaceAll("-", "")}`),
  503: () => error(503, 7009, "Upstream service unavailable"),
  413: () => ({ status: 413, headers: HTML, body: "<h1>413 Payload Too Large</h1>" }),
  firewall: () => ({ status: 403, headers: HTML, body: PAGE }),
  bare: () => ({ status: 500, headers: JSON_TYPE, body: '{"error":"Internal error","code":7500}' }),
  answer: ({ status = 200, headers = {}, body = "" }) => ({ status, headers, body }),
};
export const THROTTLE = "Please wait and consider throttling your request speed";

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
