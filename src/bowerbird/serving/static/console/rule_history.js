// Who changed which rules, and when; the last change can be taken back.

import { allowed, ask, attempt, may, twin } from "./api.js";
import { confirmed, fill, h, light, panel } from "./dom.js";
import { differences } from "./rule_words.js";
import { ago, moment } from "./words.js";

const LIMIT = 50;
const OPEN = "open"; // who asks a server that needs no key

export const editsOf = (name, limit = LIMIT) => `/v1/edits?scenario=${encodeURIComponent(name)}&limit=${limit}`;

/** Names of keys, as far as this key may see them. */
export async function keyNames() {
  const { found } = may("admin") ? await attempt("/v1/keys") : {};
  return new Map((found?.keys ?? []).map(({ id, name }) => [id, name]));
}

/** Who that is, in words. */
export function whose(id, names) {
  if (id === OPEN) return "somebody without a key";
  return names.has(id) ? `${names.get(id)} (${id}…)` : `the key ${id}…`;
}

/** What an edit changed; where it says nothing, the recipe holds. */
export function linesOf({ before, after }, recipe) {
  const lines = differences(before ?? recipe, after ?? recipe);
  if (before === null && recipe === null) lines.unshift("+ the scenario");
  if (after === null) lines.unshift(recipe === null ? "− the scenario" : "as the recipe has it");
  return lines.length ? lines : ["nothing that differs from the recipe"];
}

/** The part of the view; `state` tells the scenario and its recipe, `done` hears of what was taken back. */
export function history(state, done) {
  const part = panel("Who changed what", twin("/v1/edits"));
  const undo = (last) => confirmed("Take the last change back?",
    `Edit ${last.number} of ${state.name}, ${ago(last.at)}. Lists are as before it from the next one on; what you have not saved stays here.`,
    "Take it back", async () => {
      const path = `/v1/edits/undo?scenario=${encodeURIComponent(state.name)}`;
      await ask(path, { method: "POST", headers: { "If-Match": `"${state.now.edit}"` } });
      await done(`Edit ${last.number} is taken back.`);
    }, h("ul", { class: "lines" }, linesOf(last, state.now.recipe).map((line) => h("li", {}, line))));
  const load = () => fill(part, async () => {
    const [{ edits }, names] = await Promise.all([ask(editsOf(state.name)), keyNames()]);
    return { edits, names };
  }, ({ edits, names }) => drawn(edits, names, state.now?.recipe ?? null, undo));
  return { part, root: part.root, load };
}

function drawn(edits, names, recipe, undo) {
  if (!edits.length) return h("p", { class: "quiet" }, "Nobody has changed this scenario while a service ran.");
  const undone = new Set(edits.map(({ undoes }) => undoes).filter(Boolean));
  const last = edits.find(({ number, undoes }) => undoes === null && !undone.has(number));
  const entries = edits.map((one) => h("li", { "data-edit": one.number },
    h("div", {}, h("strong", {}, `Edit ${one.number}`), ` · ${ago(one.at)}, ${moment(one.at)} · ${whose(one.who, names)} `,
      undone.has(one.number) ? light("quiet", "taken back") : null,
      one.undoes === null ? null : light("quiet", `takes edit ${one.undoes} back`)),
    h("ul", { class: "lines" }, linesOf(one, recipe).map((line) => h("li", {}, line)))));
  const button = last && h("p", {}, allowed("rules:write",
    h("button", { type: "button", class: "plain", click: () => undo(last) }, "Take the last change back")));
  return [button, h("ol", { class: "edits" }, entries)].filter(Boolean);
}
