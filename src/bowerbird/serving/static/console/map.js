// Map: where items lie, as the model sees them; what is truly nearest; a person's way; old against new.

import { Fault, ask, numbers, twin } from "./api.js";
import { confirmed, field, fill, h, light, panel, paused } from "./dom.js";
import { legendOf, paletteOf, styleOf } from "./map_colours.js";
import { movedMost, neighbours, oneOf, things, wayOf } from "./map_lists.js";
import { scatter } from "./scatter.js";
import { ago, count, share } from "./words.js";

const POLL_MS = 1000;
const HOVER_MS = 60;
const TYPED_MS = 200;
const FOUND = 8;
const MOVED = 10;
const STEPS = 25; // of a person's way; more are a tangle

export function view() {
  const it = { facts: null, key: "", places: null, before: null, colours: null, only: new Set(), titles: new Map(),
    chosen: -1, other: "", told: null, ...parts() };
  it.plot = scatter(it.plane, {
    picked: (row) => { if (row >= 0) choose(it, row); },
    pointed: (row, x, y) => pointed(it, row, x, y),
    moved: () => { it.tip.hidden = true; },
  });
  it.nothing.hidden = it.plot.supported;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => painted(it));
  it.plane.addEventListener("focus", () => it.plot.mark({ cross: it.plane.matches(":focus-visible") }));
  it.plane.addEventListener("blur", () => it.plot.mark({ cross: false }));
  listening(it);
  it.there = h("div", { hidden: true }, h("div", { class: "map-beside" }, it.drawn, it.item.root),
    h("div", { class: "two" }, it.person.root, it.moved.root));
  const root = h("div", {}, h("h1", {}, "Map"), it.said, it.there, it.about.root);
  return { root, load: (told) => load(it, told) };
}

/** What stands on the page. */
function parts() {
  const tip = h("div", { class: "tip", hidden: true });
  const plane = h("div", { class: "plane", tabindex: "0", role: "application", "aria-roledescription": "map" });
  const find = h("input", { type: "search", autocomplete: "off", maxlength: 200 });
  const by = h("select");
  const other = h("select");
  const part = h("input", { type: "range", min: 0, max: 100, value: 100, step: 1, "aria-label": "From the old map to the new one" });
  const play = h("button", { type: "button", class: "plain" }, "Play");
  const between = h("div", { class: "map-between", hidden: true }, h("span", { class: "quiet" }, "old"), part,
    h("span", { class: "quiet" }, "new"), play);
  const nothing = h("p", { class: "fault" }, "This browser has no WebGL, so no picture is drawn. Finding items, what is "
    + "nearest to them and ways work as always.");
  const found = h("div", { class: "map-found", "aria-live": "polite" });
  const legend = h("div", { class: "key" });
  const zooms = h("div", { class: "zooms" });
  const caveat = h("p", { class: "quiet" });
  const drawn = h("section", { class: "panel", "aria-label": "The picture" },
    h("div", { class: "map-asks" }, field("Find an item", find), field("Colour by", by), field("Compare with", other)),
    found, nothing, h("div", { class: "map-frame" }, plane, zooms, tip), between, legend, caveat);
  const item = panel("An item", null, "What the model holds to be most like it: not what lies near on the map.");
  const user = h("input", { autocomplete: "off", spellcheck: "false", maxlength: 256, required: true });
  const form = h("form", { class: "map-asked" }, field("User id", user), h("button", { type: "submit" }, "Show the way"));
  const person = panel("A person's way", null);
  person.body.before(form);
  const moved = panel("What has moved", null);
  moved.root.hidden = true;
  for (const [one, words] of [[item, "Click a point, or find an item by words of its title."],
    [person, "What somebody did, in its order, and where that leaves them."]]) {
    one.body.replaceChildren(h("p", { class: "quiet" }, words));
    one.body.removeAttribute("aria-busy");
  }
  moved.body.removeAttribute("aria-busy");
  return { tip, plane, find, by, other, part, play, between, nothing, found, legend, zooms, caveat, drawn, item, person, moved,
    user, form, about: panel("What it shows", twin("/v1/map")), said: h("p", { role: "status", class: "said" }) };
}

function listening(it) {
  const button = (word, name, act) => h("button", { type: "button", class: "plain", "aria-label": name, title: name, click: act }, word);
  it.zooms.append(button("+", "Nearer", () => it.plot.zoom(1.6)), button("−", "Further", () => it.plot.zoom(1 / 1.6)),
    button("⤢", "All of it", () => it.plot.fit()));
  it.find.addEventListener("input", paused(() => search(it), TYPED_MS));
  it.find.addEventListener("keydown", (event) => { if (event.key === "Enter") it.found.querySelector("button")?.click(); });
  it.by.addEventListener("change", () => { it.only.clear(); colour(it); });
  it.other.addEventListener("change", () => compare(it));
  it.part.addEventListener("input", () => it.plot.at(it.part.value / 100));
  it.play.addEventListener("click", () => played(it));
  it.form.addEventListener("submit", (event) => { event.preventDefault(); way(it, it.user.value.trim()); });
}

/** What the service has, and what the address names. */
async function load(it, told = new URLSearchParams()) {
  clearTimeout(it.timer);
  await fill(it.about, async () => {
    const facts = await ask("/v1/map");
    followed(it, facts);
    const key = [facts.run, facts.placed, facts.items, facts.neighbours_kept, facts.making.ended].join("|");
    if (facts.state === "there" && key !== it.key) {
      it.places = await numbers("/v1/map/points");
      it.key = key;
      it.fresh = true;
    }
    it.facts = facts;
    return facts;
  }, (facts) => about(it, facts));
  it.there.hidden = it.facts?.state !== "there";
  if (!it.there.hidden) await opened(it);
  const [item, user] = ["item", "user"].map((name) => told.get(name));
  if (item && item !== it.told) await named(it, item);
  it.told = item;
  if (user && user !== it.user.value) {
    it.user.value = user;
    await way(it, user);
  }
}

/** While a map is made, look again; say when it is there. */
function followed(it, { making }) {
  if (making.state === "running") {
    it.waits = true;
    it.timer = setTimeout(() => load(it), POLL_MS);
  } else if (it.waits) {
    it.waits = false;
    it.said.textContent = making.state === "done" ? `The map of ${making.run} is there.` : `No map was made: ${making.why}`;
  }
}

function about(it, facts) {
  const { state, making } = facts;
  const runs = making.state === "running";
  const make = (word) => h("button", { type: "button", class: state === "there" ? "plain" : "", disabled: runs,
    click: () => (state === "there" ? confirmed("Make the map anew?", "It takes the place of the one that is there, and begins "
      + "where the run before has items, if that has a map.", "Make it anew", () => begun(it)) : begun(it)) }, word);
  const now = runs && h("p", {}, light("quiet", "runs"), ` ${making.news || making.step || "it begins"}`);
  const failed = ["failed", "killed"].includes(making.state) && h("p", { class: "fault" }, `The last one was not made: ${making.why}`);
  if (state === "no vectors") return h("p", {}, `${facts.run} has no map: ${facts.why}.`);
  if (state === "none") {
    const lacks = facts.why ? `${facts.run} has no map that can be shown: ${facts.why}.` : `${facts.run} has no map yet.`;
    return [h("p", {}, `${lacks} Made once, it stays with the run; of ${count(facts.items)} items it takes `
      + `${facts.items > 2e4 ? "some minutes" : "about a minute"}.`), unfolded(facts), now, failed, h("p", {}, make("Make the map"))].filter(Boolean);
  }
  return [h("p", {}, believed(facts)), unfolded(facts), now, failed,
    h("p", { class: "quiet" }, facts.like ? `It was begun with the map of ${facts.like} (${count(facts.begun_with)} items). ` : "",
      making.state === "done" && making.ended ? `Made ${ago(making.ended * 1000)}.` : ""), h("p", {}, make("Make it anew"))].filter(Boolean);
}

/** How far it may be trusted. */
function believed({ run, method, placed, items, laid_out: laid, neighbours: k, neighbours_kept: kept }) {
  const how = method === "tsne" ? "t-SNE of the directions of their vectors" : "the two directions in which they differ most (PCA)";
  const all = placed === items ? `All ${count(items)} items` : `${count(placed)} of ${count(items)} items`;
  const among = laid < placed ? ` ${count(laid)} were laid out, the others stand among those nearest to them.` : "";
  return `${all} of ${run}, by ${how}.${among} ${kept === null ? "" : cautious(k, kept)}`;
}

const cautious = (k, kept) => `Of the ${k} nearest of an item, ${share(kept)} are among the ${k} nearest on the map. `
  + `${kept < 0.3 ? "What lies together need not be alike" : "What lies together is mostly alike, how far heaps are apart says little"}: `
  + "a click tells what is truly nearest.";

const unfolded = ({ unfolds }) => (unfolds ? null : h("p", { class: "quiet" }, "openTSNE is not installed here: a map made now is a "
  + "plain projection, which keeps few neighbours. pip install 'bowerbird[map]' gives a better one."));

async function begun(it) {
  it.said.textContent = "";
  try {
    await ask("/v1/map", { method: "POST" });
    it.said.textContent = "The map is being made.";
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    it.said.textContent = fault.detail;
  }
  await load(it);
}

/** The picture of what is there now. */
async function opened(it) {
  const { facts } = it;
  options(it.by, facts.colours.map(({ name }) => [name, name]));
  options(it.other, [["", facts.others.length ? "nothing" : "no other run has a map"], ...facts.others.map(({ run }) => [run, run])]);
  it.other.disabled = !facts.others.length;
  it.caveat.textContent = facts.neighbours_kept === null ? "" : cautious(facts.neighbours, facts.neighbours_kept);
  if (!it.fresh && it.colours?.by === it.by.value) return;
  it.plane.setAttribute("aria-label", `Map of ${count(facts.placed)} items. Arrow keys move it, plus and minus zoom, 0 shows all, `
    + "Enter takes the item in the middle.");
  if (it.fresh) it.plot.show(it.places);
  [it.fresh, it.before] = [false, null];
  await colour(it);
  if (it.other.value) await compare(it);
}

function options(select, all) {
  const chosen = select.value;
  select.replaceChildren(...all.map(([value, word]) => h("option", { value }, word)));
  if (all.some(([value]) => value === chosen)) select.value = chosen;
}

async function tried(it, work) {
  try {
    return await work();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    it.said.textContent = fault.detail;
    return null;
  }
}

async function colour(it) {
  const by = it.by.value;
  const found = await tried(it, () => ask(`/v1/map/colours?by=${encodeURIComponent(by)}`));
  if (!found || by !== it.by.value) return;
  it.colours = { ...found, codes: Uint8Array.from(atob(found.codes), (one) => one.charCodeAt(0)) };
  painted(it);
}

function painted(it) {
  it.plot.mark({ style: styleOf() });
  if (!it.colours) return;
  it.plot.colour(it.colours.codes, paletteOf(it.colours, it.only));
  it.legend.replaceChildren(legendOf(it.colours, it.only, (code) => {
    if (!it.only.delete(code)) it.only.add(code);
    painted(it);
    it.legend.querySelector(`[data-code="${code}"]`).focus();
  }));
}

async function search(it) {
  const words = it.find.value.trim();
  if (!words) {
    it.found.replaceChildren();
    it.plot.mark({ found: [] });
    return;
  }
  const told = await tried(it, () => ask(`/v1/map/items?limit=${FOUND}&find=${encodeURIComponent(words)}`));
  if (!told || words !== it.find.value.trim()) return;
  it.plot.mark({ found: told.items.map(({ row }) => row) });
  it.found.replaceChildren(things(told, (one) => choose(it, one.row, one.item)));
}

/** What lies under the pointer, asked for when it rests there. */
function pointed(it, row, x, y) {
  clearTimeout(it.rests);
  it.plane.classList.toggle("over", row >= 0);
  it.tip.hidden = true;
  if (row < 0) return;
  it.rests = setTimeout(async () => {
    if (!it.titles.has(row)) {
      const told = await ask(`/v1/map/items?rows=${row}`).catch(() => ({ items: [] }));
      it.titles.set(row, told.items[0]?.title ?? "an item that is gone");
    }
    const shade = it.colours?.legend.find(({ code }) => code === it.colours.codes[row]);
    it.tip.replaceChildren(h("strong", {}, it.titles.get(row)), shade ? h("small", {}, `${it.colours.by} ${shade.label}`) : "");
    const left = x > it.plane.clientWidth / 2;
    Object.assign(it.tip.style, { top: `${Math.max(y - 12, 4)}px`, left: left ? "" : `${x + 14}px`,
      right: left ? `${it.plane.clientWidth - x + 14}px` : "" });
    it.tip.hidden = false;
  }, HOVER_MS);
}

async function named(it, id) {
  const told = await tried(it, () => ask(`/v1/map/near?k=1&item=${encodeURIComponent(id)}`));
  if (told) await choose(it, told.row, id);
}

/** An item, what is on it, and what is truly nearest. */
async function choose(it, row, id = null) {
  it.chosen = row;
  it.plot.mark({ chosen: row, near: [] });
  await fill(it.item, async () => {
    const item = id ?? (await ask(`/v1/map/items?rows=${row}`)).items[0]?.item;
    if (item === undefined) throw new Fault(404, "This item is not there any more.");
    const [near, thing] = await Promise.all(["/v1/map/near?item=", "/v1/items/"].map((path) => ask(path + encodeURIComponent(item))));
    return { near, thing };
  }, ({ near, thing }) => {
    if (it.chosen === row) it.plot.mark({ near: near.neighbours.map((one) => one.row) });
    return [...oneOf(thing, near, () => it.plot.go(row)), neighbours(near, (one) => { it.plot.go(one.row); choose(it, one.row, one.item); })];
  });
}

async function way(it, user) {
  if (!user) return;
  it.plot.mark({ way: [], place: null });
  await fill(it.person, () => ask(`/v1/map/path?limit=${STEPS}&user=${encodeURIComponent(user)}`), (found) => {
    it.plot.mark({ way: found.steps.map(({ row }) => row), place: found.place });
    return wayOf(found, (one) => { it.plot.go(one.row); choose(it, one.row, one.item); });
  });
}

/** Another run's map beside this one. */
async function compare(it) {
  const run = it.other.value;
  it.between.hidden = !run;
  it.moved.root.hidden = !run;
  it.part.value = 100;
  if (!run) {
    it.plot.against(null);
    return;
  }
  await fill(it.moved, async () => {
    const before = await numbers(`/v1/map/points?run=${encodeURIComponent(run)}`);
    const most = movedMost(it.places, before, MOVED);
    const { items } = most.rows.length ? await ask(`/v1/map/items?rows=${most.rows.map(({ row }) => row).join(",")}`) : { items: [] };
    return { before, most, items: new Map(items.map((one) => [one.row, one])) };
  }, ({ before, most, items }) => {
    if (run !== it.other.value) return [];
    it.plot.against(before);
    it.plot.at(1);
    return movedMost.told(it.facts, run, most, items, (one) => { it.plot.go(one.row); choose(it, one.row, one.item); });
  });
}

/** From old to new and no further; a touch of the slider ends it. */
function played(it) {
  const begins = performance.now();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const step = (now) => {
    const part = still ? 1 : Math.min(1, Math.max(0, (now - begins) / 1800));
    it.part.value = 100 * part;
    it.plot.at(part * part * (3 - 2 * part));
    if (part < 1) requestAnimationFrame(step);
  };
  it.plot.at(0);
  requestAnimationFrame(step);
}
