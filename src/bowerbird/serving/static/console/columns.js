// What the columns of a table mean: guessed, with the reason, and corrected by whoever knows.

import { h, table as drawn } from "./dom.js";
import { steps } from "./steps.js";
import { plain } from "./words.js";

const ROLES = {
  user: "User: who", item: "Item: what", timestamp: "Time: when", type: "Type: what happened",
  value: "Money or quantity", rating: "Rating", weight: "Weight", order: "Order within a user",
  context: "Circumstance: device, country …", "": "Not used",
};
const KINDS = { text: "Text", category: "Category", list: "List of words", number: "Number", time: "Time", url: "Address" };
const NAMES = { events: "Events", items: "Items", users: "Users" };

/** The first choices, as the look found it. */
export function guessed(table, look) {
  const columns = look?.columns ?? [];
  if (table === "events") {
    const told = columns.filter(({ role }) => role).map(({ name, role }) => [role, name]);
    return { columns: Object.fromEntries(told), context: [] };
  }
  const id = columns.find(({ role }) => role === "id")?.name ?? null;
  return { [table]: { id, kinds: Object.fromEntries(columns.filter(({ name, kind }) => name !== id && kind in KINDS)
    .map(({ name, kind }) => [name, kind])), ignore: [] } };
}

/** All tables, each with a line a column. */
export function drawColumns(state, save) {
  const parts = Object.entries(NAMES).filter(([table]) => state.looks[table]?.columns.length)
    .flatMap(([table, name]) => one(table, name, state, save));
  return [steps(2, "What the columns mean", parts)];
}

function one(table, name, state, save) {
  const { columns, rows, notes, encoding, separator, format } = state.looks[table];
  const choose = table === "events" ? eventColumn : thingColumn;
  const lines = columns.map((column) => [
    column.name, choose(column, table, state, save), h("small", {}, column.reason),
    h("span", { class: "examples" }, column.examples.join(" · ")),
  ]);
  const between = { "\t": "tab", ",": "comma", ";": "semicolon" }[separator] ?? separator;
  const way = [format.toUpperCase(), encoding, separator && `separator ${between}`].filter(Boolean).join(", ");
  return [
    h("h4", {}, name, " ", h("small", {}, way)),
    notes.map((note) => h("p", { class: "watched note" }, note)),
    drawn(`${name}: columns`, ["Column", "Meaning", "Why", "Examples"], lines, "words columns"),
    h("details", {}, h("summary", {}, `The first rows of ${name.toLowerCase()}`), drawn(`${name}: first rows`,
      columns.map((column) => column.name), rows.map((row) => row.map(plain)), "words")),
  ];
}

function chooser(id, name, options, value, change) {
  const made = h("select", { id, "aria-label": `Meaning of ${name}`, change: () => change(made.value) },
    Object.entries(options).map(([key, words]) => h("option", { value: key }, words)));
  made.value = value;
  return made;
}

function eventColumn({ name }, table, state, save) {
  const { choices } = state;
  const role = Object.entries(choices.columns ?? {}).find(([, column]) => column === name)?.[0]
    ?? (choices.context?.includes(name) ? "context" : "");
  return chooser(`c-events-${name}`, name, ROLES, role, (chosen) => {
    const columns = Object.fromEntries(Object.entries(choices.columns ?? {})
      .filter(([key, column]) => column !== name && key !== chosen)); // each meaning is one column's
    choices.context = (choices.context ?? []).filter((other) => other !== name);
    if (chosen === "context") choices.context.push(name);
    else if (chosen) columns[chosen] = name;
    choices.columns = columns;
    save();
  });
}

function thingColumn({ name, kind }, table, state, save) {
  const told = state.choices[table] ?? { id: null, kinds: {}, ignore: [] };
  const value = told.id === name ? "id" : told.ignore?.includes(name) ? "" : told.kinds?.[name] ?? kind;
  const options = { id: "Id", ...KINDS, ...(kind in KINDS ? {} : { [kind]: kind }), "": "Not used" };
  return chooser(`c-${table}-${name}`, name, options, value, (chosen) => {
    const kinds = { ...told.kinds };
    delete kinds[name];
    const ignore = (told.ignore ?? []).filter((other) => other !== name);
    if (chosen === "id") delete told.id;
    if (!chosen) ignore.push(name);
    else if (chosen !== "id" && chosen in KINDS) kinds[name] = chosen;
    const id = chosen === "id" ? name : told.id === name ? null : told.id ?? null;
    state.choices[table] = { id, kinds, ignore };
    save();
  });
}
