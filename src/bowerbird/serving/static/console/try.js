// Try it: a list of any scenario, for a person or for a history built here, and why it is so.

import { Fault, ask, curl, key, python, twin } from "./api.js";
import { copier, fill, h, panel, table } from "./dom.js";
import { figure, plain } from "./words.js";

const PAGE = 100; // items at once
const MOST_FIELDS = 50;

const titleOf = (fields, id) => {
  const told = fields.title ?? fields.name;
  return typeof told === "string" && told ? told : id;
};

export function view() {
  const state = { history: [], items: new Map(), surfaces: {}, after: "", body: null, asked: 0 };
  const form = fieldsOf();
  const answer = panel("The list", null);
  answer.body.replaceChildren(h("p", { class: "quiet" }, "Name somebody, or click some items, and ask."));
  answer.body.removeAttribute("aria-busy");
  const said = h("p", { role: "status", class: "hidden" });
  const chips = h("ol", { class: "chips", "aria-label": "History" });
  const pick = panel("Items", twin(`/v1/items?limit=${PAGE}`), "A click puts an item into the history.");
  const shelf = h("div", { class: "shelf" });
  const more = h("button", { type: "button", class: "plain", hidden: true, click: () => loadItems() },
    "More items");
  const find = h("input", { type: "search", id: "find", autocomplete: "off", input: () => drawShelf() });

  const add = (id) => { state.history.push(id); drawChips(); if (state.body) show(); };
  const drawChips = () => {
    chips.replaceChildren(...state.history.map((id, place) => h("li", {}, h("button", {
      type: "button", "aria-label": `Take ${id} out of the history`, click: () => {
        state.history.splice(place, 1);
        drawChips();
        (chips.querySelector("button") ?? find).focus();
      },
    }, titleOf(state.items.get(id) ?? {}, id), " ×"))));
    form.empty.hidden = state.history.length > 0;
  };
  const drawShelf = () => {
    const words = find.value.trim().toLowerCase();
    const fits = [...state.items].filter(([id, fields]) => !words
      || id.toLowerCase().includes(words) || titleOf(fields, id).toLowerCase().includes(words));
    shelf.replaceChildren(...(fits.length ? fits.map(([id, fields]) => h("button", {
      type: "button", class: "thing", click: () => add(id),
    }, titleOf(fields, id), h("small", {}, id))) : [h("p", { class: "quiet" }, "None of those loaded.")]));
  };
  const loadItems = () => fill(pick, async () => {
    const after = state.after ? `&after=${encodeURIComponent(state.after)}` : "";
    const found = await ask(`/v1/items?limit=${PAGE}${after}`);
    for (const { id, fields } of found.things) state.items.set(id, fields);
    state.after = found.after;
    more.hidden = found.after === null;
  }, () => {
    drawShelf();
    drawChips();
    return [h("label", { for: "find" }, "Find among those loaded"), find, shelf, more];
  });
  const loadScenarios = async () => {
    const { scenarios } = await ask("/v1/scenarios");
    const chosen = form.scenario.value || "for-you";
    const names = Object.keys(scenarios).filter((name) => scenarios[name].surface !== "audience");
    state.surfaces = scenarios;
    form.scenario.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    form.scenario.value = names.includes(chosen) ? chosen : names[0];
    form.fit(state.surfaces);
    form.fault.textContent = "";
  };
  const show = () => {
    state.body = form.body(state.history, shown(state.items));
    const number = ++state.asked;
    return fill(answer, () => ask("/v1/recommend", { method: "POST", body: state.body }),
      (list) => {
        if (number !== state.asked) return [...answer.body.childNodes]; // a later one is asked
        said.textContent = `${list.items.length} items, rung ${list.rung}`;
        return drawList(list, state, add);
      });
  };
  form.root.addEventListener("submit", (event) => { event.preventDefault(); show(); });
  form.scenario.addEventListener("change", () => form.fit(state.surfaces));
  form.history.append(chips);
  drawChips();
  const root = h("div", {}, h("h1", {}, "Try it"), said, h("div", { class: "sides" },
    h("section", { class: "panel", "aria-label": "What is asked" }, form.root), answer.root, pick.root));
  return { root, load: async () => {
    try {
      await loadScenarios();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      form.fault.textContent = fault.detail;
    }
    if (!state.items.size) await loadItems();
  } };
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

/** The form, and what it says as the body of a request. */
function fieldsOf() {
  const scenario = h("select", { id: "scenario" });
  const user = h("input", { id: "user", autocomplete: "off", spellcheck: "false", maxlength: 256 });
  const text = h("input", { id: "text", autocomplete: "off", maxlength: 500 });
  const k = h("input", { id: "k", type: "number", min: 1, max: 500, placeholder: "as the scenario says" });
  const explain = h("input", { id: "explain", type: "checkbox", checked: true });
  const words = h("div", { hidden: true }, h("label", { for: "text" }, "Words to search for"), text);
  const empty = h("p", { class: "quiet" }, "Empty: click some of the items.");
  const history = h("div", {}, h("h2", { class: "label" }, "History of this visit"), empty);
  const fault = h("p", { class: "fault", role: "alert" });
  const root = h("form", {}, fault,
    h("label", { for: "scenario" }, "Scenario"), scenario,
    h("label", { for: "user" }, "User id, if it is for somebody"), user,
    history, words, h("label", { for: "k" }, "How many"), k,
    h("label", { class: "check" }, explain, " Say why each is there"),
    h("button", { type: "submit" }, "Show the list"));
  const fit = (scenarios) => { words.hidden = scenarios[scenario.value]?.surface !== "search"; };
  const body = (items, fields) => {
    const told = { scenario: scenario.value || "for-you" };
    if (user.value.trim()) told.user = user.value.trim();
    if (items.length) told.items = [...items];
    if (!words.hidden && text.value.trim()) told.text = text.value.trim();
    if (k.value) told.k = Number(k.value);
    if (fields.length) told.fields = fields;
    if (explain.checked) told.explain = true;
    return told;
  };
  return { root, scenario, history, empty, fault, fit, body };
}

function drawList(list, { body }, add) {
  const head = h("p", {}, `${list.items.length} items · rung `, h("strong", {}, list.rung),
    ` · model ${list.model}`, list.reason ? ` · ${list.reason}` : "");
  const places = list.items.map((one) => h("li", { "data-item": one.item }, place(one, add)));
  const trace = list.trace && h("details", {}, h("summary", {}, "How it came about"), told(list.trace));
  return [
    head,
    places.length ? h("ol", { class: "list" }, places)
      : h("p", { class: "quiet" }, "Nothing is left by the filters and rules of this scenario."),
    trace, code("As curl", curl("/v1/recommend", body)), code("As Python", python(body)),
    key.get() && h("p", { class: "quiet" }, "The key is not copied: put it into BOWERBIRD_KEY."),
    h("p", { class: "quiet" }, "Kept as ", h("code", {}, list.rec_id)),
  ].filter(Boolean);
}

function place({ item, score, source, reason, moved, because, fields }, add) {
  const title = titleOf(fields, item);
  const rest = Object.entries(fields).filter(([, value]) => value !== null && value !== title);
  const ways = moved.map(({ by, from, to }) => `${by}: ${from === null ? "from outside" : `from ${from}`} to ${to}`);
  const facts = [
    ["Why", reason], ["Source", source], ["Score", figure(score)], ["Moved", ways.join("; ")],
    ["Because of", because.map((one) => `${one.item} ${Math.round(100 * one.share)} %`).join(", ")],
  ];
  return [
    h("div", { class: "title" }, h("strong", {}, title), h("button", { type: "button", class: "plain",
      "aria-label": `Add ${title} to the history`, click: () => add(item) }, "+ history")),
    h("p", { class: "quiet" }, h("code", {}, item), ...rest.map(([name, value]) => ` · ${name} ${plain(value)}`)),
    h("dl", {}, facts.filter(([, one]) => one)
      .map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one)))),
  ];
}

const told = (trace) => table("How it came about", ["What", "How many"],
  Object.entries(trace).filter(([, value]) => value !== null)
    .map(([name, value]) => [name, plain(value)]));

function code(word, text) {
  const block = h("pre", { tabindex: "0" }, text);
  return h("details", {}, h("summary", {}, word), block, copier("Copy", () => text, block));
}
