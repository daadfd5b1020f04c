// What is asked of both lists: for whom, after which history, with which words, how many.

import { field, h, paused } from "./dom.js";
import { past, people } from "./finder.js";
import { titleOf } from "./listed.js";

/** «land=de, age=30» as columns of who asks. */
export function traitsOf(text) {
  const told = {};
  for (const pair of text.split(",")) {
    const at = pair.indexOf("=");
    if (at < 1) continue;
    const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (name && value) told[name] = Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return told;
}

/** The form, the history of this visit, and what both say as a question. */
export function question(known, changed) {
  const text = (attributes) => h("input", { autocomplete: "off", spellcheck: "false", ...attributes });
  const [user, visitor, words, filter, traits] = [
    text({ id: "user", maxlength: 256 }), text({ id: "visitor", maxlength: 256 }),
    text({ id: "text", maxlength: 500 }), text({ id: "filter", maxlength: 4000 }),
    text({ id: "traits", maxlength: 500, placeholder: "land=de, device=phone" }),
  ];
  const k = h("input", { id: "k", type: "number", min: 1, max: 500, placeholder: "as the scenario says" });
  const items = [];
  const chips = h("ol", { class: "chips", "aria-label": "History" });
  const empty = h("p", { class: "quiet" }, "Empty: click some of the items.");
  const did = past(known);
  const soon = paused(changed, 300);
  const about = () => (user.value.trim() ? did.load("user", user.value.trim()) : did.load("visitor", visitor.value.trim()));
  const knows = paused(about, 300);
  const chosen = (id) => { user.value = id; visitor.value = ""; about(); changed(); };
  user.addEventListener("input", () => { visitor.value = ""; knows(); soon(); });
  visitor.addEventListener("input", () => { user.value = ""; knows(); soon(); });
  for (const input of [words, filter, traits, k]) input.addEventListener("input", soon);
  const searched = h("div", { hidden: true }, field("Words to search for", words));
  const draw = () => {
    chips.replaceChildren(...items.map((id, place) => h("li", {}, h("button", { type: "button",
      "aria-label": `Take ${id} out of the history`, click: () => {
        items.splice(place, 1);
        draw();
        (chips.querySelector("button") ?? root.querySelector("button")).focus();
        changed();
      } }, titleOf(known.get(id), id), " ×"))));
    empty.hidden = items.length > 0;
  };
  const more = h("details", {}, h("summary", {}, "More: visitor, columns of who asks, filter"),
    field("Visitor id", visitor, "What a browser is called, in place of a user."),
    field("What is known of who asks", traits, "Columns of the run's people, for these lists only."),
    field("Filter", filter, "As in price < 20 and category = 'shoes'."));
  const root = h("form", { submit: (event) => { event.preventDefault(); about(); changed(); } },
    h("label", { for: "user" }, "User id, if it is for somebody"), user, people(user, chosen), did.root,
    h("h2", { class: "label" }, "History of this visit"), empty, chips, searched, field("How many", k), more,
    h("button", { type: "submit" }, "Show the list"));
  draw();
  const told = () => {
    const body = {};
    if (user.value.trim()) body.user = user.value.trim();
    else if (visitor.value.trim()) body.visitor = visitor.value.trim();
    if (items.length) body.items = [...items];
    if (!searched.hidden && words.value.trim()) body.text = words.value.trim();
    if (Object.keys(traitsOf(traits.value)).length) body.traits = traitsOf(traits.value);
    if (filter.value.trim()) body.filter = filter.value.trim();
    if (Number(k.value) >= 1) body.k = Number(k.value);
    return body;
  };
  return {
    root, told,
    add: (id) => { items.push(id); draw(); changed(); },
    /** Words are asked for where a scenario searches. */
    fit: (searches) => { searched.hidden = !searches; },
    /** As an address says it. */
    address: () => [["user", user.value.trim()], ["visitor", visitor.value.trim()], ...items.map((id) => ["item", id]),
      ["text", searched.hidden ? "" : words.value.trim()], ["traits", traits.value.trim()], ["filter", filter.value.trim()],
      ["k", k.value]].filter(([, value]) => value),
    set: (address) => {
      for (const [name, input] of Object.entries({ user, visitor, text: words, traits, filter, k })) {
        input.value = address.get(name) ?? "";
      }
      more.open = Boolean(visitor.value || traits.value || filter.value);
      items.splice(0, items.length, ...address.getAll("item"));
      draw();
      about();
    },
  };
}
