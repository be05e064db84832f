// How a REST call's SQL becomes statements.
//
// `split` goes by sqlite3_complete(), which knows where a trigger ends. `splitFragile` does what production
// is reported to: it cuts triggers whose `begin` is in lower case, with CRLF line ends, or a CASE … END
// outside parentheses (workers-sdk#10998, #14991, #4326, #4727); SQLite answers `incomplete input`.
const TOKEN = new RegExp(
  [
    /(?<space>\s+|--[^\n]*|\/\*[^]*?(?:\*\/|$))/,
    /(?<quoted>'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$))/,
    /(?<word>[A-Za-z0-9_$\u0080-\uffff]+)/,
    /(?<other>[^])/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);
const CHANGES = ["insert", "update", "delete", "replace"];
const TRIGGER = /^(explain )?create (temp |temporary )?trigger\b/;

// Every token but blanks and comments: {text, word, end}, where `word` is in lower case.
function* tokens(sql) {
  for (const { 0: text, index, groups } of sql.matchAll(TOKEN)) {
    const end = index + text.length;
    if (groups.space === undefined) yield { text, word: groups.word?.toLowerCase(), end };
  }
}

// What is left over at the end is a statement too, even a comment: D1 is to judge it.
export function split(sql) {
  const statements = [];
  let start = 0;
  let head = []; // the first words
  let last = ["", ""]; // the two tokens before
  for (const { text, word, end } of tokens(sql)) {
    const ends = text === ";" && (!TRIGGER.test(head.join(" ")) || (last[0] === ";" && last[1] === "end"));
    if (ends) {
      statements.push(sql.slice(start, end));
      [start, head, last] = [end, [], ["", ""]];
      continue;
    }
    if (head.length < 4) head.push(word ?? text);
    last = [last[1], word ?? text];
  }
  if (sql.slice(start).trim()) statements.push(sql.slice(start));
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== ";");
}

export function splitFragile(sql) {
  return split(sql).flatMap((statement) => (isTrigger(statement) ? shatter(statement) : [statement]));
}

function isTrigger(statement) {
  const head = Array.from(tokens(statement).take(4), ({ text, word }) => word ?? text);
  return TRIGGER.test(head.join(" "));
}

function shatter(trigger) {
  const pieces = [];
  let [start, depth, inBody] = [0, 0, false];
  for (const { text, word, end } of tokens(trigger)) {
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (text === "BEGIN" && !trigger.includes("\r\n")) inBody = true;
    else if (word === "end" && depth === 0) inBody = false;
    else if (text === ";" && !inBody) {
      pieces.push(trigger.slice(start, end).trim());
      start = end;
    }
  }
  return start < trigger.length ? [...pieces, trigger.slice(start).trim()] : pieces;
}

// Whether a statement is more than a read, which a token that may only read is refused. D1 calls SELECT,
// EXPLAIN and WITH read-only; of the pragmas it allows, only `optimize` writes.
export function writes(statement) {
  const words = Array.from(tokens(statement), ({ word }) => word);
  if (words[0] === "pragma") return words.includes("optimize");
  if (words[0] === "with") return words.some((word) => CHANGES.includes(word));
  return words.length > 0 && !["select", "values", "explain"].includes(words[0]);
}
