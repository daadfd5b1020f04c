// One rule in a form: what it does, to which items, when, for whom; checked by the service as it is typed.

import { field, h, paused } from "./dom.js";
import { filterField } from "./filter_field.js";
import { KINDS, items, parsed } from "./rule_words.js";
import { count, moment } from "./words.js";

const PAUSE_MS = 250;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const titleOf = ({ id, fields }) => fields.title || fields.name || id;

/** The form.
 *
 * `look` tells what a rule means and what is wrong with it, `find` items for words, `typed` hears of
 * every change, `keep` takes the rule, `drop` is called when it is left.
 */
export function ruleForm({ look, find, typed, keep, drop }) {
  const parts = { ...inputs(() => changed()), chosen: chosenItems(find, () => changed()) };
  const state = { named: false, touched: false, told: {}, timer: 0, asked: 0, titles: new Map() };
  const root = layout(parts);
  const changed = () => {
    state.touched = true;
    drawn();
  };
  const drawn = () => {
    fit(parts);
    if (!state.named) parts.name.value = suggested(parts);
    typed(collected(parts, state));
    clearTimeout(state.timer);
    state.timer = setTimeout(check, PAUSE_MS);
  };
  const check = async () => {
    const number = ++state.asked;
    const found = await look(collected(parts, state));
    if (number === state.asked && found) tell(parts, found, state.touched);
    return found;
  };
  parts.name.addEventListener("input", () => { state.named = true; });
  for (const input of root.querySelectorAll("input, textarea")) {
    if (!input.closest(".builder, .finder") && input.type !== "radio" && input.tagName !== "TEXTAREA") {
      input.addEventListener("input", changed);
    }
  }
  root.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(state.timer);
    state.touched = true;
    const found = await check();
    if (!found) return;
    if (found.faults.length) root.querySelector("[aria-invalid=true]")?.focus();
    else keep(collected(parts, state));
  });
  parts.leave.addEventListener("click", drop);
  const open = (rule, columns, title) => {
    state.told = rule;
    state.named = Boolean(rule.name);
    root.querySelector("h3").textContent = title;
    parts.items.columns(columns.items);
    parts.audience.columns(columns.people);
    filled(parts, rule);
    state.touched = false; // what is empty yet is no fault yet
    drawn();
  };
  return { root, open, focus: () => root.querySelector("h3").focus(), close: () => { state.asked++; clearTimeout(state.timer); } };
}

/** All that can be typed. */
function inputs(change) {
  const text = (id, more = {}) => h("input", { id: `rule-${id}`, autocomplete: "off", spellcheck: "false", ...more });
  return {
    kind: radios("What it does", "rule-do", Object.entries(KINDS).map(([name, words]) => [name, ...words]), change),
    by_which: radios("To which items", "rule-which", [["ids", "Chosen items"], ["items", "All that a filter finds"]], change),
    items: filterField("rule-items", "Filter", "For example: category = \"chairs\" and price < 100", change),
    matches: h("p", { class: "quiet", role: "status" }),
    position: text("position", { inputmode: "numeric" }), by: text("by", { inputmode: "decimal" }),
    least: text("least", { inputmode: "numeric" }), most: text("most", { inputmode: "numeric" }),
    from: text("from", { type: "datetime-local" }), until: text("until", { type: "datetime-local" }),
    dates: h("p", { class: "quiet" }),
    audience: filterField("rule-audience", "Only for", "Empty: everybody. For example: country = \"DE\"", change),
    people: h("p", { class: "quiet" }), name: text("name", { maxlength: 200 }),
    leave: h("button", { type: "button", class: "plain" }, "Leave it"),
  };
}

function radios(legend, name, options, change) {
  const all = options.map(([value, word, more]) => h("label", { class: "choice" },
    h("input", { type: "radio", name, value, change }), h("span", {}, word, more && h("small", {}, more))));
  const root = h("fieldset", {}, h("legend", {}, legend), h("div", { class: "choices" }, all));
  const get = () => root.querySelector("input:checked")?.value;
  return { root, get, set: (value) => {
    for (const input of root.querySelectorAll("input")) input.checked = input.value === value;
  } };
}

function layout(parts) {
  const { kind, by_which: way, items: filter, chosen, audience } = parts;
  const fault = (key) => h("p", { class: "fault", id: `rule-${key}-fault`, "data-key": key });
  const sized = [
    ["position", "Place, from 1", "Further items stand behind the first."], ["by", "By how much", "1 is from the last to the first."],
    ["least", "At least, in a list", null], ["most", "At most, in a list", null],
  ].map(([key, name, help]) => h("div", { "data-part": key }, field(name, parts[key], help), fault(key)));
  return h("form", { class: "rule", "aria-labelledby": "rule-title", novalidate: true },
    h("h3", { id: "rule-title", tabindex: "-1" }, "A rule"), kind.root, fault("do"),
    h("div", { "data-part": "which" }, way.root),
    h("div", { "data-part": "ids" }, chosen.root, fault("ids")),
    h("div", { "data-part": "items" }, filter.root, fault("items")), parts.matches,
    h("div", { class: "sizes" }, sized),
    h("div", { class: "sizes" }, h("div", {}, field("From", parts.from), fault("from")),
      h("div", {}, field("Until", parts.until), fault("until"))), parts.dates,
    audience.root, parts.people, fault("audience"),
    field("Name", parts.name, "By it lists say which rule moved an item."), fault("name"), fault(""),
    h("p", { class: "row" }, h("button", { type: "submit" }, "Into the list of rules"), parts.leave));
}

/** Show the parts that this kind of rule has. */
function fit(parts) {
  const kind = parts.kind.get();
  if (kind === "pin") parts.by_which.set("ids");
  const ids = parts.by_which.get() === "ids";
  const shown = { which: kind !== "pin", ids, items: !ids, position: kind === "pin",
    by: kind === "boost" || kind === "bury", least: kind === "quota", most: kind === "quota" };
  const root = parts.name.closest("form");
  for (const [part, there] of Object.entries(shown)) root.querySelector(`[data-part=${part}]`).hidden = !there;
  const utc = [["from", parts.from], ["until", parts.until]].filter(([, input]) => input.value)
    .map(([word, input]) => `${word} ${moment(new Date(input.value).getTime())}`);
  parts.dates.textContent = `Your time zone, ${ZONE}${utc.length ? `: ${utc.join(", ")}` : "; empty: always"}.`;
}

/** The rule that the form says. */
function collected(parts, { told }) {
  const kind = parts.kind.get();
  const rule = { name: parts.name.value.trim(), do: kind };
  if (parts.by_which.get() === "ids") rule.ids = parts.chosen.ids();
  else rule.items = parts.items.input.value.trim();
  const keys = { pin: ["position"], boost: ["by"], bury: ["by"], quota: ["least", "most"] }[kind] ?? [];
  for (const key of keys) {
    const value = parts[key].value.trim();
    if (value) rule[key] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  for (const key of ["from", "until"]) {
    const value = parts[key].value;
    const same = value === local(told[key]); // what nobody touched stays as it was said
    if (same ? told[key] : value) rule[key] = same ? told[key] : `${new Date(value).toISOString().slice(0, 19)}Z`;
  }
  if (parts.audience.input.value.trim()) rule.audience = parts.audience.input.value.trim();
  return rule;
}

function filled(parts, rule) {
  parts.kind.set(rule.do ?? "hide");
  parts.by_which.set(rule.items === undefined ? "ids" : "items");
  parts.items.input.value = rule.items ?? "";
  parts.audience.input.value = rule.audience ?? "";
  parts.chosen.set(rule.ids ?? []);
  for (const key of ["position", "by", "least", "most"]) parts[key].value = rule[key] ?? "";
  for (const key of ["from", "until"]) parts[key].value = local(rule[key]);
  parts.name.value = rule.name ?? "";
}

/** A moment as a field of this time zone has it. */
function local(told) {
  const ms = parsed(told);
  if (Number.isNaN(ms)) return "";
  return new Date(ms - 60_000 * new Date(ms).getTimezoneOffset()).toISOString().slice(0, 16);
}

function suggested(parts) {
  const kind = parts.kind.get();
  const what = parts.by_which.get() === "ids" ? parts.chosen.ids().slice(0, 3).join(", ") : parts.items.input.value.trim();
  return what ? `${kind} ${what}`.slice(0, 100) : "";
}

/** What the service says of it, beside the fields that are meant. */
function tell(parts, { items: n, examples, people, faults }, touched) {
  const some = examples.slice(0, 3).map(titleOf).join(", ");
  parts.matches.textContent = n === null ? "" : `${items(n)} ${n === 1 ? "matches" : "match"}`
    + `${some ? `: ${some}` : ""}${n > 3 ? ", …" : "."}`;
  parts.people.textContent = people === null ? "" : `${count(people)} of the people the model knows.`;
  for (const one of examples) parts.chosen.name(one.id, titleOf(one));
  const root = parts.name.closest("form");
  for (const place of root.querySelectorAll("[data-key]")) {
    const own = !touched ? [] : faults.filter(({ field: key }) => placeOf(root, key) === place.dataset.key);
    place.textContent = own.map(({ detail }) => detail).join("; ");
    const input = root.querySelector(`#rule-${place.dataset.key || "none"}`);
    if (!input) continue;
    if (own.length) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const help = root.querySelector(`#${input.id}-help`);
    input.setAttribute("aria-describedby", [help?.id, place.id].filter(Boolean).join(" "));
  }
}

/** Where a fault is told: beside its field, if that can be seen. */
function placeOf(root, key) {
  const place = root.querySelector(`[data-key="${key ?? ""}"]`);
  if (place && !place.closest("[hidden]")) return place.dataset.key;
  return key === "items" ? "ids" : "";
}

/** Items by name or id, in their order. */
function chosenItems(find, change) {
  const state = { ids: [], names: new Map(), asked: 0 };
  const list = h("ol", { class: "chips", "aria-label": "Chosen items" });
  const found = h("div", { class: "shelf", role: "group", "aria-label": "Items found" });
  const words = h("input", { id: "rule-ids", type: "search", autocomplete: "off", spellcheck: "false", input: paused(() => search(), PAUSE_MS), keydown: (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // it is not the form that is sent
    found.querySelector("button")?.click();
  } });
  const draw = () => list.replaceChildren(...state.ids.map((id, place) => h("li", {}, h("button", {
    type: "button", "aria-label": `Take ${id} out`, click: () => {
      state.ids.splice(place, 1);
      draw();
      change();
      words.focus();
    },
  }, state.names.get(id) ?? id, " ×"))));
  const add = (one) => {
    state.names.set(one.id, titleOf(one));
    if (!state.ids.includes(one.id)) state.ids.push(one.id);
    words.value = "";
    found.replaceChildren();
    draw();
    change();
    words.focus();
  };
  const search = async () => {
    const number = ++state.asked;
    const told = words.value.trim();
    const all = told ? await find(told) : [];
    if (number !== state.asked) return;
    found.replaceChildren(...all.map((one) => h("button", { type: "button", class: "thing", click: () => add(one) },
      titleOf(one), h("small", {}, one.id))), !all.length && told ? h("p", { class: "quiet" }, "None is called so.") : "");
  };
  const root = h("div", { class: "finder" }, list, field("Find an item by its name or id", words), found);
  return { root, ids: () => [...state.ids], set: (ids) => { state.ids = [...ids]; draw(); },
    name: (id, title) => { if (state.ids.includes(id) && state.names.get(id) !== title) { state.names.set(id, title); draw(); } } };
}
