// The one way to the service: with the key, if there is one, and with words for what goes wrong.

export const HOME = new URL("../", import.meta.url);
const KEPT = "bowerbird.key"; // in this tab only, and never in a cookie
const listeners = { refused: () => {}, away: () => {}, back: () => {}, known: () => {} };
let away = false;
let holder = null; // of the key; nobody has been asked yet, or an older server does not say

/** Be told when a key is needed, who it is of, when the server is away, and when it is back. */
export function listen(how) {
  Object.assign(listeners, how);
}

export const key = {
  get: () => sessionStorage.getItem(KEPT),
  set: (told) => sessionStorage.setItem(KEPT, told),
  forget: () => sessionStorage.removeItem(KEPT),
};

/** Why there is no answer, in words. */
export class Fault extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.offline = status === 0;
  }
}

/** What the service answers. */
export async function ask(path, options = {}) {
  const reply = await reached(path, options);
  const found = await reply.json().catch(() => ({}));
  options.signal?.throwIfAborted();
  return found;
}

/** A file that the service writes, piece by piece; `telling` hears how many bytes there are. */
export async function file(path, telling) {
  const reply = await reached(path, {});
  const [reader, parts] = [reply.body.getReader(), []];
  let size = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      parts.push(piece.value);
      telling(size += piece.value.length);
    }
  } catch {
    throw new Fault(0, "The file broke off before its end.");
  }
  return new Blob(parts, { type: reply.headers.get("Content-Type") });
}

/** The same, as numbers: 32 bits each, least significant byte first. */
export async function numbers(path) {
  return new Float32Array(await (await reached(path, {})).arrayBuffer());
}

async function reached(path, { method = "GET", body, headers = {}, signal }) {
  const told = key.get();
  if (told) headers = { ...headers, Authorization: `Bearer ${told}` };
  const file = body instanceof Blob;
  if (body !== undefined) headers = { ...headers, "Content-Type": file ? "application/octet-stream" : "application/json" };
  let reply;
  try {
    reply = await fetch(new URL(path.slice(1), HOME), {
      method, headers, body: body === undefined || file ? body : JSON.stringify(body),
      credentials: "omit", cache: "no-store", signal,
    });
  } catch (wrong) {
    if (signal?.aborted) throw wrong; // nobody waits for it any more
    if (!away) watch();
    throw new Fault(0, "The server does not answer.");
  }
  if (reply.ok) return reply;
  const found = await reply.json().catch(() => ({}));
  signal?.throwIfAborted();
  const fault = new Fault(reply.status, found.detail || `The server answered ${reply.status}.`);
  fault.field = found.field; // where in what was sent
  if (reply.status === 401 && told === key.get()) listeners.refused(Boolean(told));
  throw fault;
}

/** The same as an answer or the fault: for what may be missing without harm. */
export async function attempt(path) {
  try {
    return { found: await ask(path) };
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return { fault };
  }
}

/** Ask whose key it is: what `may` says rests on it. */
export async function identify() {
  holder = await ask("/v1/me");
  listeners.known(holder);
  return holder;
}

export const me = () => holder;

/** May this key do what asks for this scope? */
export const may = (scope) => !holder || holder.scopes.includes(scope) || holder.scopes.includes("admin");

/** Why it may not, in words; null: it may. */
export const barred = (scope) => (may(scope) ? null
  : `This key${holder.role ? ` is of the role ${holder.role} and` : ""} may not: it lacks the scope ${scope}.`);

/** A button or a set of fields as this key may use it: else it is off, and says why. */
export function allowed(scope, part) {
  const why = barred(scope);
  if (why) {
    part.disabled = true;
    part.title = why;
  }
  return part;
}

/** Until it is back, ask whether it is. */
async function watch() {
  away = true;
  listeners.away();
  for (;;) {
    await new Promise((done) => setTimeout(done, 2000));
    try {
      await fetch(new URL("v1/health/live", HOME), { cache: "no-store", credentials: "omit" });
      break;
    } catch { /* not yet */ }
  }
  away = false;
  listeners.back();
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A request as a command line. The key is not in it: it would stay in the shell's history. */
export function curl(path, body) {
  const words = ["curl -s", quoted(new URL(path.slice(1), HOME).href)];
  if (key.get()) words.push('-H "Authorization: Bearer $BOWERBIRD_KEY"');
  if (body !== undefined) {
    words.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(body))}`);
  }
  return words.join(" ");
}

/** How a part of a view is asked for as JSON. */
export const twin = (path) => ({ path: `GET ${path}`, text: () => curl(path) });

const literal = (value) => {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value && typeof value === "object") {
    return `{${Object.entries(value).map(([name, told]) => `${literal(name)}: ${literal(told)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
};

/** A list asked for with the Python client; what it has no call for, with what every Python has. */
export function python(body, path = "/v1/recommend") {
  if (path !== "/v1/recommend") return plainly(path, body);
  const more = key.get() ? ', os.environ["BOWERBIRD_KEY"]' : "";
  const told = Object.entries(body).map(([name, value]) => `${name}=${literal(value)}`);
  return [
    ...(key.get() ? ["import os", ""] : []),
    "from bowerbird import Client", "",
    `with Client(${literal(HOME.href.replace(/\/$/, ""))}${more}) as client:`,
    `    found = client.lists.recommend(${told.join(", ")})`,
  ].join("\n");
}

function plainly(path, body) {
  const secret = key.get() ? ', "Authorization": "Bearer " + os.environ["BOWERBIRD_KEY"]' : "";
  return [
    "import json", ...(key.get() ? ["import os"] : []), "import urllib.request", "",
    `asked = json.loads(${literal(JSON.stringify(body))})`,
    `request = urllib.request.Request(${literal(new URL(path.slice(1), HOME).href)}, json.dumps(asked).encode(),`,
    `    {"Content-Type": "application/json"${secret}})`,
    "found = json.load(urllib.request.urlopen(request))",
  ].join("\n");
}
