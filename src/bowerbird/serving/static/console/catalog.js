// Catalog: how it stands with each item, what lists did for it, and one of them with all there is to say.

import { ask, twin } from "./api.js";
import { LIGHTS, blank, card } from "./catalog_card.js";
import { fill, h, light, panel, paused } from "./dom.js";
import { ready, thumb, withheld } from "./pictures.js";
import { ago, count, share } from "./words.js";

const PAGE = 50;
const TYPED_MS = 250; // after the last key
const LATER_MS = 2500; // by then lists know of a change
const AGAIN = 3; // times it is asked whether all is counted
const MEANINGS = {
  warm: "met in training, and in somebody's list",
  cold: "nobody had met it when the model was trained",
  new: "came after the model was trained",
  dead: "could be shown, and is in nobody's list",
  hidden: "not to be had now, taken out, or hidden by a rule",
};
const SORTS = { catalog: "As in the catalog", newest: "Newest first", interactions: "Most met in training",
  served: "Most shown", seen: "Most seen", clicks: "Most clicked", purchases: "Most bought",
  "served-": "Least shown", "clicks-": "Least clicked" };
const COUNTS = [["interactions", "met", "interactions that the model learned from"], ["served", "shown", "places in lists"],
  ["seen", "seen", "places that somebody saw"], ["clicks", "clicked", "places that were clicked"],
  ["purchases", "bought", "purchases credited to a list"]];

export function view() {
  const state = { items: [], page: null, state: "", open: null, asked: 0, again: AGAIN };
  const search = h("input", { type: "search", autocomplete: "off", id: "catalog-search", placeholder: "id, title, texts" });
  const filter = h("input", { autocomplete: "off", spellcheck: "false", id: "catalog-filter", placeholder: "price < 20 and kind = 'a'" });
  const sort = h("select", { id: "catalog-sort" }, Object.entries(SORTS).map(([value, word]) => h("option", { value }, word)));
  const chips = h("div", { class: "states", role: "group", "aria-label": "State" });
  const said = h("p", { role: "status", class: "said" });
  const list = panel("Items", twin(`/v1/catalog?limit=${PAGE}`));
  const more = h("button", { type: "button", class: "plain", hidden: true, click: () => load(state.page.skip) }, "More items");
  list.body.after(h("p", { class: "row" }, more));

  const path = (skip) => {
    const told = new URLSearchParams({ limit: PAGE, sort: sort.value.replace("-", "") });
    if (sort.value.endsWith("-")) told.set("ascending", "true");
    for (const [name, value] of [["search", search.value], ["filter", filter.value], ["state", state.state]]) {
      if (value.trim()) told.set(name, value.trim());
    }
    if (skip) told.set("skip", skip);
    return `/v1/catalog?${told}`;
  };
  const load = (skip = 0) => {
    const number = ++state.asked;
    return fill(list, async () => {
      await ready();
      return ask(path(skip));
    }, (page) => {
      if (number !== state.asked) return [...list.body.childNodes]; // a later one is asked
      state.items = skip ? [...state.items, ...page.items] : page.items;
      state.page = page;
      more.hidden = page.skip === null;
      drawChips(chips, state, (name) => { state.state = name; load(); });
      if ((page.as_of === null || page.people === null) && state.again-- > 0) setTimeout(() => load(), LATER_MS);
      return drawn(state);
    });
  };
  const soon = paused(() => load(), TYPED_MS);
  for (const input of [search, filter]) input.addEventListener("input", soon);
  sort.addEventListener("change", () => load());
  const changed = (words) => {
    said.textContent = words;
    setTimeout(load, LATER_MS);
  };
  const one = card({ changed, columns: () => state.page?.columns ?? [] });
  const asks = h("form", { role: "search", class: "wanted", submit: (event) => { event.preventDefault(); load(); } },
    [["Find", search], ["Filter", filter], ["Order", sort]].map(([name, input]) => h("div", { class: "field" },
      h("label", { for: input.id }, name), input)));
  list.body.before(asks, chips);
  const split = h("div", { class: "catalog" }, list.root, one.root);
  const root = h("div", {}, h("h1", {}, "Catalog"), said, split);
  return { root, load: (told) => {
    const id = told?.get("item");
    if (told?.has("state") && told.get("state") in MEANINGS) state.state = told.get("state");
    if (id !== state.open) said.textContent = "";
    state.open = id;
    state.again = AGAIN;
    split.classList.toggle("opened", Boolean(id));
    marked(list.body, id);
    return Promise.all([load(), one.open(id)]);
  } };
}

/** Which row is the one that is open. */
function marked(body, id) {
  for (const link of body.querySelectorAll("[data-item]")) {
    if (link.dataset.item === id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function drawChips(chips, state, choose) {
  const at = document.activeElement?.dataset.state;
  const all = [["", "all", state.page.items_all], ...Object.entries(state.page.states).map(([name, n]) => [name, name, n])];
  chips.replaceChildren(...all.map(([name, word, n]) => h("button", { type: "button", class: "plain", "data-state": name,
    "aria-pressed": String(state.state === name), title: MEANINGS[name] ?? "whatever their state", click: () => choose(name),
  }, name ? light(LIGHTS[name], word) : word, h("small", {}, count(n)))));
  if (at !== undefined) chips.querySelector(`[data-state="${at}"]`)?.focus();
}

function drawn(state) {
  const { page, items, open } = state;
  const head = h("p", { class: "quiet" }, `${count(page.found)} ${page.found === 1 ? "item" : "items"}`,
    state.state && ` · ${state.state}: ${MEANINGS[state.state]}`, page.as_of === null ? " · lists are not counted yet"
      : ` · lists of ${page.days} days, counted ${ago(page.as_of)}`);
  const rows = items.map((item) => h("li", {}, row(item)));
  const body = rows.length ? h("ul", { class: "items" }, rows) : h("p", {}, "No item fits. Take a word out, or another state.");
  const shown = [head, body, withheld(), about(page)].filter(Boolean);
  marked(body, open);
  return shown;
}

const about = ({ people, places, dead_by_chance: chance, model }) => h("p", { class: "quiet" }, people === null
  ? "Who is in somebody's list is not known: it is being counted, or the model shows everybody the same."
  : `Dead: ${model} was asked for ${count(people)} people, none has it among the first ${count(places)}, and no list held it; `
    + `of lists drawn at random ${share(chance)} of the items would be dead.`);

function row(item) {
  const counts = { interactions: item.interactions, ...item.counts };
  return h("a", { href: `#/catalog?item=${encodeURIComponent(item.id)}`, "data-item": item.id },
    thumb(item.fields, "") ?? blank(item.title),
    h("span", { class: "what" }, h("strong", {}, item.title), h("small", {}, item.id, item.type && ` · ${item.type}`)),
    light(LIGHTS[item.state], item.state),
    h("span", { class: "counts" }, COUNTS.map(([name, word, title]) => h("span", { title }, h("b", {}, count(counts[name])), ` ${word}`))));
}
