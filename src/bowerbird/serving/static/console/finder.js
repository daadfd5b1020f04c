// Somebody and something to ask for: people by the beginning of their id, items of the whole catalog.

import { Fault, ask, twin } from "./api.js";
import { fill, h, panel, paused } from "./dom.js";
import { titleOf } from "./listed.js";
import { thumb } from "./pictures.js";
import { ago, count } from "./words.js";

const PEOPLE = 8;
const ITEMS = 24;
const PAUSE_MS = 150; // between two letters

/** People whose id begins as the field says; a click takes one. */
export function people(field, taken) {
  const found = h("div", { class: "shelf people" });
  const said = h("p", { class: "quiet", role: "status" });
  let asked = 0;
  const show = (told) => {
    found.replaceChildren(...told.people.map(({ id, events, last }) => h("button", { type: "button",
      class: "thing", click: () => { found.replaceChildren(); said.textContent = ""; taken(id); } }, id,
    h("small", {}, `${count(events)} events${last ? `, ${ago(last)}` : ""}`))));
  };
  const look = async (path) => {
    const number = ++asked;
    try {
      const told = await ask(path);
      if (number !== asked) return null;
      said.textContent = told.people.length ? "" : "Nobody's id begins so. Who is new since the run was "
        + "trained is found by the whole id.";
      return told;
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      if (number === asked) said.textContent = fault.detail;
      return null;
    }
  };
  field.addEventListener("input", paused(async () => {
    const prefix = field.value.trim();
    if (!prefix) { asked += 1; found.replaceChildren(); said.textContent = ""; return; }
    const told = await look(`/v1/users?limit=${PEOPLE}&prefix=${encodeURIComponent(prefix)}`);
    if (told) show({ people: told.people.filter(({ id }) => id !== prefix) });
  }, PAUSE_MS));
  const random = h("button", { type: "button", class: "plain", click: async () => {
    const told = await look(`/v1/users?limit=1&draw=${Math.floor(Math.random() * 2 ** 31)}`);
    if (told?.people.length) { found.replaceChildren(); taken(told.people[0].id); }
  } }, "Somebody at random");
  return h("div", {}, random, said, found);
}

/** What somebody did last, with titles. */
export function past(known) {
  const body = h("div", { class: "past" });
  let whose = "";
  const load = async (kind, id) => {
    const now = id ? `${kind}=${encodeURIComponent(id)}` : "";
    if (now === whose) return;
    whose = now;
    if (!now) { body.replaceChildren(); return; }
    try {
      const { events, newest } = await ask(`/v1/history?${now}&limit=20&fields=title,name`);
      if (now !== whose) return;
      for (const { item, fields } of newest) if (!known.has(item)) known.set(item, fields);
      body.replaceChildren(h("details", {}, h("summary", {}, events ? `What they did: ${count(events)} events`
        : "Nothing is known of them"), h("ol", { class: "quiet plainly" }, newest.map(({ item, type, time, fields }) =>
        h("li", {}, [type, titleOf(fields, item), time && ago(time)].filter(Boolean).join(" · "))))));
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      whose = "";
      body.replaceChildren(h("p", { class: "quiet" }, fault.detail));
    }
  };
  return { root: body, load };
}

/** Items by words of their title or id, in the whole catalog; a click adds one. */
export function shelf(known, add) {
  const part = panel("Items", twin(`/v1/catalog?limit=${ITEMS}`), "A click puts an item into the history.");
  const found = h("div", { class: "shelf" });
  const find = h("input", { type: "search", id: "find", autocomplete: "off", maxlength: 200,
    input: paused(() => load(true), PAUSE_MS) });
  const more = h("button", { type: "button", class: "plain", hidden: true, click: () => load(false) }, "More items");
  let [skip, asked] = [0, 0];
  const load = (anew) => {
    const number = ++asked;
    return fill(part, async () => {
      const words = encodeURIComponent(find.value.trim());
      const told = await ask(`/v1/catalog?limit=${ITEMS}&skip=${anew ? 0 : skip}&search=${words}`);
      if (number !== asked) return;
      for (const { id, fields } of told.items) known.set(id, fields);
      skip = told.skip ?? 0;
      more.hidden = !skip;
      const drawn = told.items.map(({ id, fields }) => h("button", { type: "button", class: "thing",
        click: () => add(id) }, thumb(fields, ""), titleOf(fields, id), h("small", {}, id)));
      if (anew) found.replaceChildren();
      found.append(...drawn);
      if (!found.children.length) found.append(h("p", { class: "quiet" }, "No item has these words."));
    }, () => [h("label", { for: "find" }, "Find in the whole catalog"), find, found, more]);
  };
  return { root: part.root, load: () => load(true), loaded: () => found.querySelector(".thing") !== null,
    focus: () => find.focus() };
}
