// Keys: who may ask what; one is made, shown once, and revoked.

import { allowed, ask, barred, identify, key, me, twin } from "./api.js";
import { confirmed, copier, field, fill, h, light, panel, table } from "./dom.js";
import { DAY_MS, ago, moment } from "./words.js";

const ROLES = [
  ["viewer", "viewer: looks at everything"],
  ["editor", "editor: works on items, scenarios and rules, too"],
  ["admin", "admin: everything, also keys, models, retrains"],
];
const OTHERS = [
  ["usual", "a shop's own programs: all but rules and admin"],
  ["page", "a page that everybody can read: lists and events (public)"],
  ["own", "chosen one by one"],
];
const ENDS = [["", "never"], ["1", "after a day"], ["30", "after 30 days"], ["90", "after 90 days"], ["365", "after a year"]];

const names = new Map(); // of keys by id, as far as they may be known

/** Whose key it was. */
export const nameOf = (id) => (id === "open" ? "no key" : names.get(id) || `${id}…`);

/** The part of the view, and how it is filled. */
export function keyPanel(tell, after) {
  const keys = panel("Keys", twin("/v1/keys"), "Who asks with a key may do what its role or its scopes say. "
    + "Only a hash of it is kept: what opens is shown once, when it is made.");
  const once = h("div", { role: "status" });
  const make = allowed("admin", h("button", { type: "button", click: () => asked(once, done) }, "Make a key"));
  keys.body.before(h("p", {}, make), once);
  const load = async () => {
    const why = barred("admin");
    if (why) return fill(keys, async () => null, () => h("p", { class: "quiet" }, "Keys are seen by admins only."));
    return fill(keys, () => ask("/v1/keys"), (told) => drawn(told.keys, (one) => revoke(one, told.keys, done)));
  };
  const done = async (words) => {
    tell(words);
    await Promise.all([load(), after()]);
  };
  return { root: keys.root, load };
}

const open = (one, now = Date.now()) => [one.expires, one.revoked].every((end) => end === null || end > now);
const named = (one) => one.role || (one.kind === "public" ? "public" : "own scopes");

function drawn(all, choose) {
  const now = Date.now();
  const live = all.filter((one) => open(one, now)).reverse();
  const over = all.filter((one) => !open(one, now)).reverse();
  for (const one of all) names.set(one.id, one.name);
  if (!all.length) {
    return h("p", {}, "There is none yet, so everybody on this machine may do everything, and nobody else "
      + "anything. The first key ends that.");
  }
  const heads = ["Name", "May", "Made", "Last used", "Ends", ""];
  const parts = [table("Keys", heads, live.map((one) => row(one, choose)), "words")];
  if (over.length) {
    parts.push(h("details", {}, h("summary", {}, `${over.length} that ${over.length === 1 ? "opens" : "open"} nothing any more`),
      table("Keys that ended", heads, over.map((one) => row(one, null)), "words")));
  }
  return parts;
}

function row(one, choose) {
  const mine = one.id === me()?.id;
  const ends = one.revoked !== null ? `revoked ${ago(one.revoked)}` : one.expires === null ? "never" : ago(one.expires);
  return [
    [one.name, h("small", {}, `${one.id}…`, mine ? " · this tab" : "")],
    [light(one.role === "admin" ? "watched" : "quiet", named(one)),
      one.role === "admin" ? "" : h("small", {}, one.scopes.join(", "))],
    [moment(one.made).slice(0, 10), h("small", {}, one.maker ? `by ${nameOf(one.maker)}` : "on the command line")],
    one.used === null ? "never" : ago(one.used), ends,
    choose ? h("button", { type: "button", class: "plain", "aria-label": `Revoke ${one.name}`, click: () => choose(one) }, "Revoke") : "",
  ];
}

/** Ask whether, and say what it would do. */
function revoke(one, all, done) {
  const admins = all.filter((other) => open(other) && other.role === "admin");
  const notes = ["Whoever uses it is refused within seconds. It cannot be taken back; another key can be made."];
  if (one.id === me()?.id) notes.push("It is the key of this tab: you will need another one to go on.");
  if (admins.length === 1 && admins[0].id === one.id) {
    notes.push("No other may do everything: then only «bowerbird keys create» on the server's machine makes one.");
  }
  confirmed(`Shall «${one.name}» open nothing any more?`, notes.join(" "), "Revoke", async () => {
    await ask(`/v1/keys/${encodeURIComponent(one.id)}`, { method: "DELETE" });
    await done(`«${one.name}» opens nothing any more.`);
  });
}

const choice = (options) => options.map(([value, words]) => h("option", { value }, words));

/** Ask what the key shall be. */
async function asked(once, done) {
  const first = me()?.id === "open";
  const { scopes } = await ask("/v1/settings");
  const name = h("input", { required: true, maxlength: "256", autocomplete: "off", placeholder: "Ada, or shop backend" });
  const kind = h("select", {}, choice(first ? ROLES.slice(2) : [...ROLES, ...OTHERS]));
  const ends = h("select", {}, choice(ENDS));
  const boxes = scopes.map((scope) => h("input", { type: "checkbox", value: scope }));
  const own = h("fieldset", { hidden: true, class: "boxes" }, h("legend", {}, "Scopes"), boxes.map((box) => h("label", { class: "check" }, box, ` ${box.value}`)));
  kind.addEventListener("change", () => { own.hidden = kind.value !== "own"; });
  const text = first ? "It is the first: from now on nobody is answered without a key. This tab goes on with it."
    : "It is shown once. Give each person and each program its own, so that one can be revoked alone.";
  const act = async () => {
    const body = { name: name.value.trim(), kind: kind.value === "page" ? "public" : "secret" };
    if (ROLES.some(([role]) => role === kind.value)) body.role = kind.value;
    else body.scopes = chosen(kind.value, scopes, boxes);
    if (ends.value) body.expires = Date.now() + Number(ends.value) * DAY_MS;
    const made = await ask("/v1/keys", { method: "POST", body });
    shown(once, made);
    if (first) {
      key.set(made.key);
      await identify();
    }
    await done(`«${made.name}» may ask from now on.`);
    once.querySelector("button").focus();
  };
  confirmed("Make a key", text, "Make it", act, h("div", {}, field("What it is for", name),
    field("What it may do", kind), own, field("Ends", ends)));
}

function chosen(kind, scopes, boxes) {
  if (kind === "page") return ["recs:read", "events:write"];
  if (kind === "usual") return scopes.filter((scope) => scope !== "admin" && scope !== "rules:write");
  return boxes.filter((box) => box.checked).map((box) => box.value);
}

/** What opens, until somebody says that they have it. */
function shown(once, made) {
  const code = h("code", {}, made.key);
  once.replaceChildren(h("div", { class: "once" },
    h("p", {}, h("strong", {}, `The key of «${made.name}»`), " is shown this once. Keep it where nobody else "
      + "reads it: whoever has it may do what it may."),
    h("p", {}, code),
    h("p", { class: "row" }, copier("Copy the key", () => made.key, code),
      h("button", { type: "button", class: "plain", click: () => once.replaceChildren() }, "I have it"))));
}
