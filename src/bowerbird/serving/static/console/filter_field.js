// A filter over columns: typed, or put together from column, question and value.

import { field, h } from "./dom.js";
import { figure, moment } from "./words.js";

const MOST = 100; // values offered
const NUMBERS = ["<", "<=", "=", ">=", ">", "!=", "between"];
const QUESTIONS = {
  category: ["=", "!=", "in"], url: ["contains", "=", "!="], text: ["contains", "=", "!="],
  list: ["contains", "in"], number: [...NUMBERS, "in"], time: NUMBERS,
};
const NONE = ["is none", "is not none"];
const WORDS = {
  "=": "is", "!=": "is not", in: "is one of", contains: "contains", between: "is between", "<": "is less than",
  "<=": "is at most", ">=": "is at least", ">": "is more than", "is none": "is not known", "is not none": "is known",
};

/** A word in quotes, as filters have it. */
export const quoted = (word) => `"${word.replace(/[\\"]/g, "\\$&")}"`;

/** One question of a filter. */
export function question(name, kind, test, told) {
  if (NONE.includes(test)) return `${name} ${test}`;
  const value = (word) => (kind === "number" ? word : quoted(word));
  const parts = told.split(",").map((one) => one.trim()).filter(Boolean);
  if (test === "in") return `${name} in (${parts.map(value).join(", ")})`;
  if (test === "between") return `${name} between ${parts.slice(0, 2).map(value).join(" and ")}`;
  return `${name} ${test} ${value(told.trim())}`;
}

/** The field; `change` is called when it says something else. */
export function filterField(id, name, help, change) {
  const text = h("textarea", { id, rows: 2, spellcheck: "false", autocomplete: "off", maxlength: 4000, input: change });
  const column = h("select", { change: () => fit() });
  const test = h("select", { change: () => fit(false) });
  const offered = h("datalist", { id: `${id}-values` });
  const value = h("input", { list: offered.id, autocomplete: "off" });
  const range = h("small", {});
  const known = new Map();
  const add = h("button", { type: "button", class: "plain", click: () => {
    const told = question(column.value, known.get(column.value).kind, test.value, value.value);
    text.value = text.value.trim() ? `${text.value.trim()} and ${told}` : told;
    value.value = "";
    change();
    text.focus();
  } }, "Add to the filter");
  const valued = field("Value", value);
  const fit = (anew = true) => {
    const one = known.get(column.value) ?? { kind: "text", values: [] };
    if (anew) {
      test.replaceChildren(...[...(QUESTIONS[one.kind] ?? []), ...NONE]
        .map((told) => h("option", { value: told }, WORDS[told])));
      offered.replaceChildren(...one.values.slice(0, MOST).map((told) => h("option", { value: told })));
    }
    valued.hidden = NONE.includes(test.value);
    range.textContent = ranged(one, test.value);
  };
  const build = h("details", { class: "builder" }, h("summary", {}, "Put it together"),
    h("div", { class: "builds" }, field("Column", column), field("Question", test), valued, add), range, offered);
  const columns = (all) => {
    known.clear();
    for (const one of all) known.set(one.name, one);
    column.replaceChildren(...all.map((one) => h("option", { value: one.name }, one.name)));
    build.hidden = !all.length;
    fit();
  };
  const root = h("div", {}, field(name, text, help), build);
  return { root, input: text, columns };
}

/** What stands in a column. */
function ranged({ kind, low, high, values }, test) {
  const several = test === "in" ? "Several with commas. " : test === "between" ? "Two with a comma. " : "";
  if (kind === "number" && low !== null) return `${several}From ${figure(low)} to ${figure(high)}.`;
  if (kind === "time" && low !== null) return `${several}From ${moment(low * 1000)} to ${moment(high * 1000)}.`;
  return several + (values?.length ? `As ${values.slice(0, 5).join(", ")}.` : "");
}
