// What is written on an item: changed column by column, taken out of lists, put back.

import { Fault, ask } from "./api.js";
import { confirmed, field, h } from "./dom.js";

const LONG = 60; // signs from which on a text has lines

/** The fields of an item to write in; `done` is told what was done. */
export function editing({ item }, columns, done) {
  const kinds = new Map(columns.map(({ name, kind }) => [name, kind]));
  const names = [...new Set([...columns.map(({ name }) => name), ...Object.keys(item.fields)])]
    .filter((name) => kinds.get(name) !== "vector" && !vector(item.fields[name]));
  const inputs = new Map(names.map((name) => [name, input(name, kinds.get(name), item.fields[name])]));
  const fault = h("p", { class: "fault", role: "alert" });
  const save = h("button", { type: "submit" }, "Save");
  const form = h("form", { class: "edit", submit: async (event) => {
    event.preventDefault();
    await saved(item, inputs, kinds, fault, done);
  } }, h("div", { class: "fields" }, names.map((name) => field(name, inputs.get(name), HELP[kinds.get(name)]))), fault,
  h("p", { class: "row" }, save, item.state === "hidden" && item.why.includes("taken out") ? back(item, fault, done) : out(item, done)));
  return form;
}

const HELP = { list: "Separated by commas.", time: "As 2026-11-28 or 2026-11-28T12:00:00Z.", number: null };
const vector = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");
const written = (value) => (value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value));

function input(name, kind, value) {
  const told = written(value);
  if (kind === "text" && told.length > LONG) {
    const made = h("textarea", { rows: 3, name });
    made.value = told;
    return made;
  }
  const made = h("input", { name, autocomplete: "off", ...(kind === "number" ? { inputmode: "decimal" } : {}) });
  made.value = told;
  return made;
}

/** What somebody wrote, as the column holds it; null where there is nothing. */
function meant(text, kind, before) {
  const told = text.trim();
  if (!told) return null;
  if (kind === "list") return told.split(",").map((one) => one.trim()).filter(Boolean);
  const number = kind === "number" || (!kind && typeof before === "number");
  if (number && Number.isFinite(Number(told))) return Number(told); // else the server says what is wrong
  return !kind && typeof before === "boolean" ? told === "true" : told;
}

const address = (item) => `/v1/items/${encodeURIComponent(item.id)}`;

async function saved(item, inputs, kinds, fault, done) {
  const changed = [...inputs].filter(([name, one]) => one.value.trim() !== written(item.fields[name]).trim());
  fault.textContent = changed.length ? "" : "Nothing was changed.";
  for (const one of inputs.values()) one.removeAttribute("aria-invalid");
  if (!changed.length) return;
  const fields = Object.fromEntries(changed.map(([name, one]) => [name, meant(one.value, kinds.get(name), item.fields[name])]));
  try {
    await ask(address(item), { method: "PATCH", body: { fields } });
  } catch (wrong) {
    if (!(wrong instanceof Fault)) throw wrong;
    const name = /\.fields\.(.*)$/.exec(wrong.field ?? "")?.[1];
    fault.textContent = name ? `${name}: ${wrong.detail}` : wrong.detail;
    inputs.get(name)?.setAttribute("aria-invalid", "true");
    inputs.get(name)?.focus();
    return;
  }
  await done(`Saved: ${Object.keys(fields).join(", ")} of ${item.title}. Lists know it within seconds.`);
}

function out(item, done) {
  return h("button", { type: "button", class: "plain", click: () => confirmed(`Take ${item.title} out of lists?`,
    "From now on it is in no list of any scenario, whoever asks. What people did with it stays, and it can be put back.",
    "Take it out", async () => {
      await ask(address(item), { method: "DELETE" });
      await done(`${item.title} is in no list any more.`);
    }) }, "Take it out of lists");
}

function back(item, fault, done) {
  return h("button", { type: "button", class: "plain", click: async () => {
    const fields = Object.fromEntries(Object.entries(item.fields).filter(([, value]) => value !== null));
    try {
      await ask(address(item), { method: "PUT", body: { fields } });
    } catch (wrong) {
      if (!(wrong instanceof Fault)) throw wrong;
      fault.textContent = wrong.detail;
      return;
    }
    await done(`${item.title} is back. Lists know it within seconds.`);
  } }, "Put it back into lists");
}
