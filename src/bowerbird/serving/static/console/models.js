// Models: which answers, what came of the last retrain, another one in its place.

import { Fault, allowed, ask, barred, may, twin } from "./api.js";
import { confirmed, fill, h, light, panel, table } from "./dom.js";
import { ago, figure, moment } from "./words.js";

const POLL_MS = 1000;
const STATES = { none: "quiet", running: "quiet", promoted: "well", "kept champion": "well",
  refused: "watched", failed: "ill" };

export function view() {
  const runs = panel("Runs that could answer", twin("/v1/models"));
  const last = panel("The last retrain", twin("/v1/retrain"));
  const due = panel("What makes a retrain due", twin("/v1/retrain/triggers"));
  const said = h("p", { role: "status", class: "said" });
  let timer = null;
  let followed = false; // a retrain, until its end is told
  const loadRuns = () => fill(runs, () => ask("/v1/models"),
    (told) => drawRuns(told, (name) => promote(name, said, loadRuns)));
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
      said.textContent = `The retrain is over: ${told.state}.`;
      loadRuns();
      loadDue();
    }
    return told;
  }, drawLast);
  const start = allowed("admin", h("button", { type: "button", click: async () => {
    start.disabled = true;
    said.textContent = "";
    try {
      await ask("/v1/retrain", { method: "POST" });
      said.textContent = "The retrain begins.";
      followed = true;
      await loadLast();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      start.disabled = false;
      said.textContent = fault.detail;
    }
  } }, "Retrain now"));
  last.body.before(h("p", {}, start));
  const root = h("div", {}, h("h1", {}, "Models"), said,
    barred("admin") && h("p", { class: "quiet" }, barred("admin")), runs.root,
    h("div", { class: "two" }, last.root, due.root));
  return { root, load: () => Promise.all([loadRuns(), loadLast(), loadDue()]) };
}

function drawRuns({ models: all }, choose) {
  const rows = all.map(({ name, model, made, current }) => [
    name, model, made ? [moment(Date.parse(made)), h("small", {}, ago(Date.parse(made)))] : "–",
    current ? light("well", "answers") : allowed("admin", h("button", {
      type: "button", class: "plain", "aria-label": `Let ${name} answer`, click: () => choose(name),
    }, "Let it answer")),
  ]);
  return table("Runs", ["Run", "Model", "Made", "Answers"], rows, "words");
}

/** Another run answers, if somebody says so twice. */
function promote(name, said, after) {
  confirmed(`Shall ${name} answer?`, "Every list from now on comes from it. No gate has judged it just now; "
    + "the run that answers today stays and can be named again.", "Let it answer", async () => {
    const { model } = await ask("/v1/models/current", { method: "PUT", body: { model: name } });
    said.textContent = `${model} answers.`;
    await after();
  });
}

function drawLast({ state, step, news, steps, words, why, run, began, ended }) {
  const facts = [
    ["Began", began && moment(began * 1000)], ["Ended", ended && ago(ended * 1000)], ["Run", run],
    ["Now", step && `${step}: ${news || "…"}`],
  ];
  const told = [...words, why].filter(Boolean);
  return [
    h("p", {}, light(STATES[state] || "quiet", state === "none" ? "there was none yet" : state)),
    told.length && h("ul", {}, told.map((one) => h("li", {}, one))),
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
