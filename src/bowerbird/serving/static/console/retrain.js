// A retrain: begun, followed to its end, and what makes the next one due.

import { Fault, allowed, ask, may, twin } from "./api.js";
import { fill, h, light, panel, table } from "./dom.js";
import { pageOf } from "./measures.js";
import { ago, figure, moment } from "./words.js";

const POLL_MS = 1000;
const STATES = { none: "quiet", running: "quiet", promoted: "well", "kept champion": "well",
  refused: "watched", failed: "ill" };

/** Two panels; `say` is told what was done, `after` is called when a retrain has ended. */
export function retrain(say, after) {
  const last = panel("The last retrain", twin("/v1/retrain"));
  const due = panel("What makes a retrain due", twin("/v1/retrain/triggers"));
  let timer = null;
  let followed = false; // until its end is told
  const loadDue = () => fill(due, () => ask("/v1/retrain/triggers"), drawDue);
  const loadLast = () => fill(last, async () => {
    const told = await ask("/v1/retrain");
    start.disabled = told.state === "running" || !may("admin");
    clearTimeout(timer);
    if (told.state === "running") {
      followed = true;
      timer = setTimeout(loadLast, POLL_MS);
    } else if (followed) {
      followed = false;
      say(`The retrain is over: ${told.state}.`);
      after();
      loadDue();
    }
    return told;
  }, drawLast);
  const start = allowed("admin", h("button", { type: "button", click: async () => {
    start.disabled = true;
    say("");
    try {
      await ask("/v1/retrain", { method: "POST" });
      say("The retrain begins.");
      followed = true;
      await loadLast();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      start.disabled = false;
      say(fault.detail);
    }
  } }, "Retrain now"));
  last.body.before(h("p", {}, start));
  return { root: h("div", { class: "two" }, last.root, due.root), load: () => Promise.all([loadLast(), loadDue()]) };
}

function drawLast({ state, step, news, steps, words, why, run, began, ended }) {
  const facts = [
    ["Began", began && moment(began * 1000)], ["Ended", ended && ago(ended * 1000)],
    ["Run", run && h("a", { href: pageOf(run) }, run)], ["Now", step && `${step}: ${news || "…"}`],
  ];
  const [first, ...others] = [why, ...words].filter(Boolean);
  return [
    h("p", {}, light(STATES[state] || "quiet", state === "none" ? "there was none yet" : state)),
    first && h("p", {}, first),
    others.length && h("details", {}, h("summary", {}, "All it says"), h("ul", {}, others.map((one) => h("li", {}, one)))),
    h("dl", {}, facts.filter(([, one]) => one)
      .map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one)))),
    steps.length && table("Steps", ["Step", "Seconds"],
      steps.map((one) => [one.step, one.again ? "as before" : figure(one.seconds)])),
  ].filter(Boolean);
}

function drawDue({ as_of, due, cooling_until, triggers }) {
  if (as_of === null) {
    return h("p", { class: "quiet" }, "Nobody has looked yet: «bowerbird triggers» does it once, "
      + "«bowerbird serve --retrain 10m» again and again.");
  }
  const cooling = cooling_until && cooling_until * 1000 > Date.now();
  const rows = triggers.map(({ name, value, limit, fired, words }) => [
    name, figure(value), figure(limit), light(fired ? "watched" : "well", fired ? "fired" : "quiet"), words,
  ]);
  return [
    h("p", {}, due ? "A retrain is due. " : "None is due. ", `Looked at ${ago(as_of * 1000)}.`,
      cooling ? ` No other begins before ${moment(cooling_until * 1000)}.` : ""),
    table("Triggers", ["Trigger", "Value", "Limit", "State", "In words"], rows, "words"),
  ];
}
