// Try it: two lists side by side, live while a dial is turned, why they are so, and how they came about.

import { Fault, ask, attempt } from "./api.js";
import { h } from "./dom.js";
import { shelf } from "./finder.js";
import { titleOf } from "./listed.js";
import { ready } from "./pictures.js";
import { question } from "./question.js";
import { variant } from "./variant.js";

const MOST_FIELDS = 50;

export function view() {
  const known = new Map(); // items that were seen so far, to call them by their titles
  const fault = h("p", { class: "fault", role: "alert" });
  const said = h("p", { role: "status", class: "hidden" });
  const tell = (text) => { said.textContent = text; };
  let [compared, address] = [false, null];
  const asked = question(known, () => show());
  const add = (id, fields) => { if (fields) known.set(id, { ...known.get(id), ...fields }); asked.add(id); };
  const called = (id) => titleOf(known.get(id), id);
  const options = { question: () => asked.told(), add, called, said: tell, saved: () => offer().then(show) };
  const a = variant("A", { ...options, other: () => null, changed: () => show([a]),
    drawn: () => { if (compared) b.compare(); } });
  const b = variant("B", { ...options, other: () => a.list(), changed: () => show([b]), drawn: () => {} });
  const items = shelf(known, (id) => add(id));
  const both = h("button", { type: "button", class: "plain", click: () => compare(!compared) }, "Compare with another list");
  const compare = (on, then = true) => {
    compared = on;
    b.root.hidden = !on;
    both.textContent = on ? "Only one list" : "Compare with another list";
    both.setAttribute("aria-expanded", String(on));
    if (then && on) show([b]);
    else write();
  };
  const show = (some = [a, b]) => {
    asked.fit([a, b].some((one) => one.surface() === "search"));
    write();
    return Promise.all(some.filter((one) => one === a || compared).map((one) => one.show(shown(known))));
  };
  const write = () => {
    const told = new URLSearchParams([...asked.address(), ...a.address(), ...(compared ? [...b.address(), ["b", "1"]] : [])]);
    address = `#/try?${told}`;
    if (location.hash.startsWith("#/try")) history.replaceState(null, "", address);
  };
  const offer = async () => {
    try {
      const [{ scenarios }, { found }] = await Promise.all([ask("/v1/scenarios"), attempt("/v1/models")]);
      for (const one of [a, b]) one.offer(scenarios, found?.models ?? []);
      fault.textContent = "";
    } catch (wrong) {
      if (!(wrong instanceof Fault)) throw wrong;
      fault.textContent = wrong.detail;
    }
  };
  b.root.hidden = true;
  const root = h("div", { class: "try" }, h("div", { class: "title" }, h("h1", {}, "Try it"), both), said, fault,
    h("div", { class: "trying" }, h("div", { class: "asked" },
      h("section", { class: "panel", "aria-label": "What is asked" }, asked.root), items.root),
    h("div", { class: "twins" }, a.root, b.root)));
  return { root, load: async (told = new URLSearchParams()) => {
    const given = [...told].length && location.hash !== address;
    if (given) {
      asked.set(told);
      for (const one of [a, b]) one.set(told);
    }
    a.wait();
    await Promise.all([offer(), ready()]);
    if (given) compare(told.has("b"), false);
    if (!items.loaded()) await items.load(); // they tell which columns there are
    await Promise.all([show(), named(told, known, given)]);
  } };
}

/** Titles of the items that an address names. */
async function named(told, known, given) {
  const ids = given ? told.getAll("item").filter((id) => !known.has(id)) : [];
  await Promise.all(ids.slice(0, 20).map(async (id) => {
    const { found } = await attempt(`/v1/items/${encodeURIComponent(id)}`);
    if (found) known.set(id, found.fields);
    for (const chip of document.querySelectorAll(".chips button")) {
      if (found && chip.getAttribute("aria-label") === `Take ${id} out of the history`) {
        chip.firstChild.textContent = titleOf(found.fields, id);
      }
    }
  }));
}

/** Columns that people can read: no vectors. */
function shown(items) {
  const names = new Set();
  for (const fields of items.values()) {
    for (const [name, value] of Object.entries(fields)) {
      if (!(Array.isArray(value) && typeof value[0] === "number")) names.add(name);
    }
  }
  return [...names].slice(0, MOST_FIELDS);
}
