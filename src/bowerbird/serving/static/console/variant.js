// One of the two lists: which run, which scenario, its dials, and what comes of them.

import { ask, curl, key, python } from "./api.js";
import { confirmed, copier, fill, h, panel, paused } from "./dom.js";
import { funnel } from "./funnel.js";
import { gone, places } from "./listed.js";
import { withheld } from "./pictures.js";
import { figure } from "./words.js";

const DIALLED = ["for-you", "next"]; // surfaces whose popularity can be turned
const DIALS = {
  discount: { name: "Popularity held back", min: -2, max: 4, step: 0.1, help: "Below 0 the popular are helped." },
  diversity: { name: "Diversity", min: 0, max: 1, step: 0.05, help: "How much the list is spread." },
  explore: { name: "Exploration", min: 0, max: 1, step: 0.05, help: "Share of the places that are drawn." },
};
const SPREADS = ["mmr", "dpp"];

/** Where the dials stand in a scenario as it is kept. */
export function kept(table) {
  const spread = (table?.steps ?? []).find(({ step }) => SPREADS.includes(step));
  const explore = table?.explore;
  return {
    discount: table?.discount ?? 0,
    diversity: spread ? Number((1 - (spread.weight ?? 0.7)).toFixed(2)) : 0,
    explore: explore && explore.way !== "plackett-luce" ? explore.epsilon ?? 0.1 : 0,
  };
}

/** A slider with its value in words; until it is moved it stands as the scenario has it. */
function dial(id, { name, min, max, step, help }, changed) {
  const input = h("input", { type: "range", id, min, max, step, "aria-describedby": `${id}-help` });
  const out = h("output", { for: id });
  let own = null;
  const words = () => { out.textContent = `${figure(Number(input.value))}${own === null ? " · as kept" : ""}`; };
  input.addEventListener("input", () => { own = Number(input.value); words(); changed(); });
  const set = (value, base) => { own = value; input.value = value ?? base; words(); };
  const root = h("div", { class: "dial" }, h("label", { for: id }, name), out, input,
    h("small", { id: `${id}-help` }, help));
  return { root, input, set, own: () => (input.disabled ? null : own) };
}

/** A column of the view.
 *
 * `question` says what is asked, `changed` is called when a setting is, `drawn` when a list came; `other` gives
 * the list to compare with, null: none.
 */
export function variant(name, { question, changed, drawn, other, add, called, said, saved }) {
  const [small, state] = [name.toLowerCase(), { tables: {}, list: null, body: null, seed: 0, open: new Set() }];
  const part = panel(`List ${name}`, null);
  const scenario = h("select", { id: name === "A" ? "scenario" : `${small}-scenario` });
  const model = h("select", { id: `${small}-model` }, h("option", { value: "" }, "the one that answers"));
  const soon = paused(() => { changed(); }, 120);
  const dials = Object.fromEntries(Object.entries(DIALS).map(([of, told]) => [of, dial(`${small}-${of}`, told, soon)]));
  const base = () => kept(state.tables[scenario.value]);
  const fit = (values = {}) => {
    for (const [of, one] of Object.entries(dials)) one.set(values[of] ?? null, base()[of]);
    dials.discount.input.disabled = !DIALLED.includes(state.tables[scenario.value]?.surface ?? "for-you");
  };
  scenario.addEventListener("change", () => { fit(); changed(); });
  model.addEventListener("change", changed);
  const again = h("button", { type: "button", class: "plain", click: () => { state.seed += 1; changed(); } }, "Draw again");
  const reset = h("button", { type: "button", class: "plain", click: () => { fit(); changed(); } }, "As it is kept");
  part.body.before(h("div", { class: "settings" },
    h("div", {}, h("label", { for: scenario.id }, "Scenario"), scenario),
    h("div", {}, h("label", { for: model.id }, "Run"), model), Object.values(dials).map((one) => one.root),
    h("p", { class: "row" }, reset, again)));
  const own = () => Object.fromEntries([...Object.entries(dials).map(([of, one]) => [of, one.own()]),
    ["model", model.value || null], ["seed", state.seed || null]].filter(([, value]) => value !== null));
  const ready = () => {
    again.hidden = !(dials.explore.own() ?? base().explore) && !state.tables[scenario.value]?.explore;
    return { ...question(), scenario: scenario.value || "for-you", ...own() };
  };
  const draw = (list) => {
    state.list = list;
    said(`List ${name}: ${list.items.length} items, rung ${list.rung}`);
    return drawList(name, list, state, { other: other(), add, called, keep: () => keep(scenario.value, list, said, saved) });
  };
  const load = asking(part, state, draw, drawn);
  if (name !== "A") { // nobody waits for it until it is compared
    part.body.replaceChildren();
    part.body.removeAttribute("aria-busy");
  }
  return {
    root: part.root, scenario, list: () => state.list,
    show: (fields) => { state.body = ready(); return load(fields); },
    /** Something else is asked first. */
    wait: () => part.body.setAttribute("aria-busy", "true"),
    /** Drawn anew beside what the other list now holds. */
    compare: () => { if (state.list && part.body.dataset.drawn) part.body.replaceChildren(...draw(state.list)); },
    surface: () => state.tables[scenario.value]?.surface,
    /** What can be chosen; what was chosen stays, if it is there still. */
    offer: (tables, models) => {
      const [was, run] = [state.wanted ?? (scenario.value || "for-you"), state.run ?? model.value];
      const values = Object.fromEntries(Object.entries(dials).map(([of, one]) => [of, one.own()]));
      state.tables = tables;
      const names = Object.keys(tables).filter((one) => tables[one].surface !== "audience");
      scenario.replaceChildren(...names.map((one) => h("option", { value: one }, one)));
      if (names.includes(was)) scenario.value = was;
      const runs = models.filter(({ current }) => !current);
      model.replaceChildren(h("option", { value: "" }, models.find(({ current }) => current)?.name ?? "the one that answers"),
        ...runs.map((one) => h("option", { value: one.name }, `${one.name} (${one.model})`)));
      if (runs.some((one) => one.name === run)) model.value = run;
      [state.wanted, state.run] = [null, null];
      fit(state.values ?? values);
      state.values = null;
    },
    address: () => [["scenario", scenario.value], ...Object.entries(own())].filter(([, value]) => value !== "")
      .map(([of, value]) => [name === "A" ? of : `b.${of}`, String(value)]),
    set: (address) => {
      const told = (of) => address.get(name === "A" ? of : `b.${of}`);
      [state.wanted, state.run, state.seed] = [told("scenario") ?? "for-you", told("model") ?? "", Number(told("seed")) || 0];
      state.values = Object.fromEntries(Object.keys(DIALS).map((of) => [of, told(of) === null ? null : Number(told(of))]));
    },
  };
}

/** Asks for the list; who asks again stops what was asked before, and the last answer stays. */
function asking(part, state, draw, drawn) {
  let running = null;
  return async (fields) => {
    running?.abort();
    const mine = running = new AbortController();
    try {
      await fill(part, () => ask("/v1/try", { method: "POST", body: { ...state.body, ...(fields.length ? { fields } : {}) },
        signal: mine.signal }), draw);
      if (running === mine) drawn();
    } catch (wrong) {
      if (!mine.signal.aborted) throw wrong;
    } finally {
      if (running === mine) running = null;
      else if (running) part.body.setAttribute("aria-busy", "true");
    }
  };
}

function drawList(name, list, { body, open, tables }, { other, add, called, keep }) {
  const ranks = other && new Map(other.items.map(({ item, rank }) => [item, rank]));
  const facts = [`${list.items.length} items`, `run ${list.model}`, `${list.history} events spoke`, list.reason].filter(Boolean);
  const same = JSON.stringify(tables[body.scenario]) === JSON.stringify(list.table);
  return [
    h("p", { class: "quiet" }, "Rung ", h("strong", {}, list.rung), ` · ${facts.join(" · ")}`),
    list.items.length ? places(list, { others: ranks, open, add, called })
      : h("p", { class: "quiet" }, "Nothing is left by the filters and rules of this scenario."),
    other && gone(list, other), withheld(),
    h("details", {}, h("summary", {}, "How it came about"), funnel(`How list ${name} came about`, list.trace, list.items.length)),
    ...copies(body),
    h("p", { class: "row" }, same ? null : h("button", { type: "button", class: "plain", click: keep }, "Make it so …"),
      h("a", { href: `#/rules?scenario=${encodeURIComponent(body.scenario)}` }, `Rules of ${body.scenario}`)),
  ].filter(Boolean);
}

const OTHERWISE = ["discount", "diversity", "explore", "model", "seed"];

/** How a program asks for this list: as the shop does, or as it is tried where anything is otherwise. */
function copies(body) {
  const path = OTHERWISE.some((name) => name in body) ? "/v1/try" : "/v1/recommend";
  return [
    code("As curl", curl(path, body)), code("As Python", python(body, path)),
    key.get() && h("p", { class: "quiet" }, "The key is not copied: put it into BOWERBIRD_KEY."),
  ];
}

/** From now on everybody's lists of this scenario are so. */
function keep(name, list, said, saved) {
  const table = h("pre", { tabindex: "0" }, JSON.stringify(list.table, null, 2));
  confirmed(`Shall ${name} be so?`, "Every list of this scenario is made with these settings from now on, on all "
    + "servers. It can be taken back among the edits.", "Make it so", async () => {
    await ask(`/v1/scenarios/${encodeURIComponent(name)}`, { method: "PUT", body: list.table });
    said(`${name} is so from now on.`);
    saved();
  }, table);
}

function code(word, text) {
  const block = h("pre", { tabindex: "0" }, text);
  return h("details", {}, h("summary", {}, word), block, copier("Copy", () => text, block));
}
