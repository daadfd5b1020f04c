// Data: bring tables, watch events come in, see what does not count, look people up.

import { ask, attempt, twin } from "./api.js";
import { field, fill, h, panel, table } from "./dom.js";
import { ago, count, money } from "./words.js";
import { view as importing } from "./import.js";
import { view as people } from "./people.js";

const POLL_MS = 2000;
const SHOWN = 25;
const PARTS = { import: ["Bring data", importing], events: ["Events", events], held: ["Quarantine", held],
  people: ["People", people] };

export function view() {
  const opened = {};
  const links = h("nav", { class: "subs", "aria-label": "Parts of Data" }, Object.entries(PARTS).map(([name, [title]]) =>
    h("a", { href: `#/data?part=${name}` }, title)));
  const place = h("div", {});
  const root = h("div", {}, h("h1", {}, "Data"), links, place);
  return { root, load: (told) => {
    const part = Object.hasOwn(PARTS, told?.get("part") ?? "") ? told.get("part") : "import";
    for (const link of links.children) {
      if (link.hash === `#/data?part=${part}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (!(part in opened)) {
      opened[part] = PARTS[part][1]();
      place.append(opened[part].root);
    }
    for (const [name, one] of Object.entries(opened)) one.root.hidden = name !== part;
    return opened[part].load(told);
  } };
}

/** Events as they come in, the newest first. */
function events() {
  const inputs = Object.fromEntries(["type", "item", "user"].map((name) => [name,
    h("input", { id: `only-${name}`, autocomplete: "off", spellcheck: "false", maxlength: 256, input: () => later() })]));
  const query = () => {
    const told = new URLSearchParams({ limit: SHOWN });
    for (const [name, input] of Object.entries(inputs)) if (input.value.trim()) told.set(name, input.value.trim());
    return `/v1/events?${told}`;
  };
  const shown = panel("Events as they come in", { path: "GET /v1/events", text: () => twin(query()).text() });
  const pause = h("button", { type: "button", class: "plain", "aria-pressed": "false", click: () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) load();
  } }, "Pause");
  let paused = false;
  let timer = null;
  let last = "";
  const later = () => { last = ""; next(300); };
  const next = (wait) => { clearTimeout(timer); timer = setTimeout(poll, wait); };
  const poll = async () => {
    if (!root.isConnected || root.offsetParent === null) return; // another view is looked at
    if (paused && last) return;
    const { found, fault } = await attempt(query());
    const told = JSON.stringify(found ?? fault.detail);
    if (told !== last && !fault?.offline) {
      last = told;
      shown.body.replaceChildren(...(found ? [drawEvents(found)] : [h("p", { class: "fault" }, fault.detail)]));
    }
    if (!paused) next(POLL_MS);
  };
  const load = () => fill(shown, () => ask(query()), (found) => {
    last = JSON.stringify(found);
    if (!paused) next(POLL_MS);
    return drawEvents(found);
  });
  shown.body.before(h("form", { class: "filters", "aria-label": "Only some events", submit: (event) => event.preventDefault() },
    field("Type", inputs.type), field("Item", inputs.item), field("User id", inputs.user), pause));
  const root = h("div", {}, shown.root);
  return { root, load };
}

function drawEvents({ events: rows }) {
  if (!rows.length) {
    return h("p", { class: "quiet" }, "No such event came in yet. A shop sends them to ", h("code", {}, "POST /v1/events"),
      ", a page with ", h("code", {}, "/v1/bowerbird.js"), ".");
  }
  return table("Events", ["Came in", "Type", "Item", "User (a key)", "Value", "From a list"], rows.map((one) => [
    ago(one.arrived), one.type, one.item, h("code", {}, (one.user ?? "–").slice(0, 10)), money(one.value, one.currency),
    one.rec_id ? "yes" : "no"]), "words");
}

/** What does not count, and why. */
function held() {
  const shown = panel("Events that do not count", twin("/v1/quarantine"), "Made up or repeated too often: they are "
    + "kept, but move nothing in what is popular or trending.");
  return { root: h("div", {}, shown.root), load: () => fill(shown, () => ask("/v1/quarantine?limit=50"), drawHeld) };
}

function drawHeld({ as_of, events: all, quarantined, items }) {
  const reasons = Object.entries(quarantined).filter(([, n]) => n);
  if (as_of === null) return h("p", { class: "quiet" }, "Nothing was counted since the model was trained.");
  const head = h("p", {}, `Of ${count(all)} events since the model was trained, counted ${ago(as_of)}: `,
    reasons.length ? reasons.map(([reason, n]) => `${count(n)} ${reason}`).join(", ") : "all count", ".");
  return [head, items.length ? table("Held back, by item", ["Item", "Reason", "Events", "Users"],
    items.map((one) => [one.item, one.reason, count(one.events), count(one.users)]), "words") : null].filter(Boolean);
}
