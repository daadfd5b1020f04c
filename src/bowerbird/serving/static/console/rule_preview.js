// Lists of real people before and after a change of rules, side by side.

import { Fault, ask, curl } from "./api.js";
import { copier, field, h, panel, table } from "./dom.js";
import { count, share } from "./words.js";

const PEOPLE = 20;
const OPEN = 3; // lists that are shown at once; the others at a click
const titleOf = ({ fields, item }) => Object.values(fields)[0] || item;
const named = (rules) => rules.map((one) => `«${one}»`).join(", ");

/** The part of the view; `asked` gives the scenario's name and table as they are to be. */
export function previewing(asked) {
  const part = panel("Before and after", null, "Lists as real people would get them, without and with your changes. "
    + "Nothing of it is kept or counted.");
  const state = { seed: 0, body: null, path: "", number: 0 };
  const users = h("input", { id: "preview-users", autocomplete: "off", spellcheck: "false" });
  const words = h("input", { id: "preview-text", autocomplete: "off", maxlength: 500 });
  const worded = field("Words to search for", words);
  const said = h("p", { class: "fault", role: "alert" });
  const stale = h("p", { class: "quiet", role: "status" });
  const out = h("div", { class: "pairs" });
  const again = h("button", { type: "button", class: "plain", click: () => { state.seed++; show(); } }, "Other people");
  const go = h("button", { type: "submit" }, "Show before and after");
  const show = async () => {
    const number = ++state.number;
    const { name, table: scenario } = asked();
    const ids = users.value.split(/[\s,]+/).filter(Boolean);
    state.path = `/v1/scenarios/${encodeURIComponent(name)}/preview`;
    state.body = { scenario, ...(ids.length ? { users: ids } : { people: PEOPLE, seed: state.seed }) };
    if (!worded.hidden) state.body.text = words.value.trim() || " ";
    part.body.setAttribute("aria-busy", "true");
    said.textContent = "";
    try {
      const found = await ask(state.path, { method: "POST", body: state.body });
      if (number !== state.number) return;
      out.replaceChildren(...drawn(found));
      stale.textContent = "";
      again.hidden = ids.length > 0;
      twin.hidden = false;
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      said.textContent = fault.detail;
    } finally {
      part.body.removeAttribute("aria-busy");
    }
  };
  const form = h("form", { class: "asks", submit: (event) => { event.preventDefault(); show(); } },
    field("For whom", users, "User ids; empty: people who were there lately, and a stranger."), worded,
    h("p", { class: "row" }, go, again));
  const twin = h("p", { class: "twin", hidden: true }, h("code", {}, "POST /v1/scenarios/{scenario}/preview"), " ",
    copier("Copy as curl", () => curl(state.path, state.body)));
  again.hidden = true;
  part.body.replaceChildren(form, said, stale, out);
  part.body.removeAttribute("aria-busy");
  part.root.append(twin);
  return { root: part.root, show,
    fit: (surface) => { worded.hidden = surface !== "search"; },
    outdated: () => { if (out.childNodes.length) stale.textContent = "The rules have changed since: look again."; },
    clear: () => { state.number++; out.replaceChildren(); stale.textContent = said.textContent = ""; twin.hidden = true; } };
}

function drawn({ summary, people }) {
  const facts = [
    ["Lists that change", `${count(summary.changed)} of ${count(summary.lists)}`], ["Items that come in", count(summary.came)],
    ["Items that go out", count(summary.went)], ["Places that move", count(summary.moved)],
    ["Sum of scores", summary.score === null ? "–" : `${summary.score > 0 ? "+" : ""}${share(summary.score).replace("-", "−")}`],
  ];
  const rules = Object.entries(summary.rules);
  const [other, same] = [people.filter((one) => one.changed), people.filter((one) => !one.changed)];
  return [
    h("p", { class: "hidden", role: "status" }, `${summary.changed} of ${summary.lists} lists change`),
    h("dl", {}, facts.map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one)))),
    rules.length && table("Rules that touch lists", ["Rule", "Lists it touches"],
      rules.map(([name, lists]) => [name, `${count(lists)} of ${count(summary.lists)}`])),
    ...other.map((one, place) => pair(one, place < OPEN)),
    same.length && h("p", { class: "quiet" }, `${same.length === 1 ? "This list stays" : "These lists stay"} as `
      + `${same.length === 1 ? "it is" : "they are"}: ${same.map(who).join(", ")}.`),
  ].filter(Boolean);
}

const who = ({ user, key }) => user ?? (key ? `somebody new (${key.slice(0, 8)}…)` : "a stranger");

/** Both lists of a person. */
function pair(one, open) {
  const about = [`rung ${one.rung}`, one.items.length && `asked about ${one.items.join(", ")}`,
    one.rules.length ? `rules that hold: ${named(one.rules)}` : "no rule holds"].filter(Boolean).join(" · ");
  const list = (name, places, mark) => h("div", {}, h("h4", {}, name),
    places.length ? h("ol", {}, places.map((place) => h("li", { class: kind(place), "data-item": place.item },
      h("div", {}, h("span", {}, titleOf(place)), h("small", {}, mark(place))))))
      : h("p", { class: "quiet" }, "Nothing."));
  return h("details", { class: "pair", open, "data-user": one.user ?? one.key ?? "" },
    h("summary", {}, h("strong", {}, who(one)), h("small", {}, about)),
    h("div", { class: "two" }, list("Before", one.before, left), list("After", one.after, arrived)));
}

function kind({ rank, other }) {
  return other === null ? "other" : rank === other ? "same" : "moved";
}

/** What becomes of a place of the old list. */
function left({ rank, other, hidden }) {
  if (other === null) return hidden ? `✕ gone: hidden by «${hidden}»` : "✕ gone: others stand before it";
  return other === rank ? "= stays" : `${other < rank ? "▲" : "▼"} to place ${other}`;
}

/** Where a place of the new list comes from. */
function arrived({ rank, other, by, hidden }) {
  const why = by.length ? ` by ${named(by)}` : "";
  if (other === null) return `+ new${why || (hidden ? `: no longer hidden by «${hidden}»` : ": there is room")}`;
  return other === rank ? `= stays${why}` : `${other > rank ? "▲" : "▼"} from place ${other}${why}`;
}
