// People: what is held of somebody, all of it as a file, and their deletion.

import { ask, twin } from "./api.js";
import { confirmed, download, field, fill, h, panel, table } from "./dom.js";
import { ago, count, money, plain } from "./words.js";

const SHOWN = 20;
const at = (id) => `/v1/users/${encodeURIComponent(id)}`;

export function view() {
  const said = h("p", { role: "status", class: "said" });
  const input = h("input", { id: "person", autocomplete: "off", spellcheck: "false", maxlength: 256, required: true });
  const form = h("form", { class: "panel", "aria-label": "Find somebody", submit: (event) => {
    event.preventDefault();
    said.textContent = "";
    show(input.value.trim());
  } }, field("User id", input, "As your shop calls them. At rest people are keys: nobody can be found by looking around."),
  h("p", { class: "row" }, h("button", { type: "submit" }, "Look")));
  const place = h("div", {});
  let shown = null;
  const show = (id) => {
    if (!id) return null;
    if (shown?.id !== id) {
      shown = { id, panel: panel(`What is held of ${id}`, twin(`${at(id)}/export`)) };
      place.replaceChildren(shown.panel.root);
    }
    return fill(shown.panel, () => ask(`${at(id)}/export`), (all) => draw(id, all, said, show));
  };
  return { root: h("div", {}, said, form, place), load: () => (shown ? show(shown.id) : null) };
}

function draw(id, all, said, show) {
  const { done, seen, served } = all;
  const fields = Object.assign({}, ...Object.values(all.users)); // under each of their names
  const facts = [["Events", count(done.length)], ["Lists", count(served.length)], ["Seen", count(seen.length)],
    ...Object.entries(fields).map(([name, value]) => [name, plain(value)])];
  const newest = [...done].sort((a, b) => b.time - a.time).slice(0, SHOWN);
  const rows = newest.map(({ time, type, item, value, currency }) => [ago(time), type, item, money(value, currency)]);
  return [
    h("dl", {}, facts.map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one)))),
    rows.length ? table("What they did last", ["When", "What", "Item", "Value"], rows, "words")
      : h("p", { class: "quiet" }, "No event of this id came in. What a model was trained on stands in its own tables."),
    h("p", { class: "row" }, h("button", { type: "button", click: () => {
      download(`${id.replace(/[^\w.-]+/g, "_")}.json`, JSON.stringify(all, null, 2), "application/json");
      said.textContent = `All that is held of ${id} is in the file.`;
    } }, "Download all as JSON"), h("button", { type: "button", class: "plain", click: () => remove(id, said, show) },
      "Delete this person")),
  ];
}

/** Nobody is deleted by a slip: their id has to be typed. */
function remove(id, said, show) {
  const input = h("input", { id: "typed", autocomplete: "off", spellcheck: "false", required: true,
    input: () => input.setCustomValidity(input.value === id ? "" : "This is another id.") });
  input.setCustomValidity("This is another id.");
  confirmed(`Delete ${id}?`, "All their events, lists and traits go, and models forget their history at once. "
    + "This cannot be undone.", "Delete", async () => {
    const { deleted, rows } = await ask(at(id), { method: "DELETE" });
    const told = Object.entries(rows).filter(([, n]) => n).map(([name, n]) => `${name} ${count(n)}`).join(", ");
    said.textContent = deleted ? `${id} is deleted${told ? `: ${told}` : ""}.` : `Nothing was held of ${id}.`;
    await show(id);
  }, field(`Type ${id} to go on`, input));
}

