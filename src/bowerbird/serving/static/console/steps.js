// The later steps of bringing data: the check with its findings, and the training, each followed.

import { attempt } from "./api.js";
import { field, h, light, table } from "./dom.js";
import { count, figure } from "./words.js";
import { path } from "./upload.js";

const LEVELS = { error: ["ill", "mend"], warning: ["watched", "look"], note: ["quiet", "note"] };
const REMEDIES = { "broken-rows": "Repair them where they come from, or go on without them (below).",
  "future-timestamps": "Check the time zone, or go on without them (below).",
  "unknown-items": "Bring a table of items that has them, or keep them (below)." };
// what a command line would be told means nothing here
const WORDS = {
  "tiny-catalog": "Do not expect more of a model than of a list of bestsellers.",
  "few-events": "Bring a longer time, or choose the model of words and categories.",
  "no-content": "Bring a table of items with titles and categories, so that new ones have a chance.",
  "constant-timestamps": "Export the time of the event, not of the export.",
  "event-types": "A purchase counts more than a view; that is the usual way.",
  "single-type": "Export views, carts and purchases with a column of types, if you have them.",
  "cold-items": "Titles and categories help these, with the model of words and categories.",
};
const MODELS = {
  auto: ["The best of all for this data", null],
  cooccurrence: ["What is met together", 1e-5],
  ease: ["Item by item, exact", 4e-5],
  als: ["Taste as a vector", 1.2e-4],
  content: ["Words and categories of items", 3e-5],
  sequence: ["What follows what (a network)", null],
};
const BUDGETS = { "30s": "30 seconds", "2m": "2 minutes", "10m": "10 minutes", "1h": "1 hour" };

/** A step of the way: its number, its name, what it holds. */
export function steps(number, name, parts) {
  return h("section", { class: "step", "aria-label": name },
    h("h3", {}, h("span", { class: "nth", "aria-hidden": "true" }, String(number)), name), parts.flat().filter(Boolean));
}

/** How far a piece of work is. */
function progress({ state, step, news, steps: done, began, why }) {
  const lines = done.map((one) => h("li", {}, one.step, h("small", {}, ` ${figure(one.seconds)} s`)));
  if (state === "running") {
    const since = Math.max(0, Math.round(Date.now() / 1000 - began));
    lines.push(h("li", { class: "now" }, step ?? "it begins", news ? `: ${news}` : " …", h("small", {}, ` · ${since} s in all`)));
  }
  return [lines.length ? h("ol", { class: "done" }, lines) : null,
    state === "failed" || state === "killed" ? h("p", { class: "fault" }, why) : null];
}

const button = (id, word, click, more = {}) => h("button", { type: "button", id, click, ...more }, word);

/** The check: begun, followed, and what it found in plain words. */
export function drawCheck({ import: one, choices }, act, save) {
  const { check, findings } = one;
  const running = check.state === "running";
  const ready = Boolean(choices.columns?.user && choices.columns?.item);
  return [steps(3, "The data check", [
    !ready && h("p", { class: "quiet" }, "Say above which column is the user and which the item."),
    h("p", { class: "row" }, running ? button("stop-check", "Stop", () => act("stop"), { class: "plain" })
      : button("check", findings ? "Check again" : "Check the data", () => act("check"),
        { disabled: !ready || one.train.state === "running", class: findings ? "plain" : "" })),
    progress(check), !running && findings ? found(findings, one, choices, save) : null,
  ])];
}

function found(findings, one, choices, save) {
  const lines = findings.map(({ level, name, message, example, remedy }) => h("li", {}, light(...LEVELS[level]), " ",
    large(message.replace(/^\S*\/imports\/\S*\//, "")), h("small", {}, example ? `For example ${example}. ` : "",
      large(REMEDIES[name] ?? WORDS[name] ?? remedy))));
  const broken = findings.filter(({ name }) => name in REMEDIES).reduce((sum, each) => sum + each.count, 0);
  return [h("ul", { class: "lights findings" }, lines), broken ? [examples(one), h("label", { class: "check" },
    h("input", { type: "checkbox", id: "without", checked: choices.without_broken, change: (event) => {
      choices.without_broken = event.target.checked;
      save();
    } }), ` Go on without the ${broken === 1 ? "row" : `${count(broken)} rows`} that cannot be read`)] : null];
}

const large = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function examples(one) {
  const body = h("div", {});
  return h("details", { toggle: async (event) => {
    if (!event.target.open || body.childElementCount) return;
    const { found: told, fault } = await attempt(`${path(one.name)}/broken?limit=20`);
    body.replaceChildren(fault ? h("p", { class: "fault" }, fault.detail) : table("Rows that cannot be read", ["Row", "Why", "What it holds"],
      told.rows.map(({ row, reason, data }) => [count(row), reason,
        Object.values(data ?? {}).map((each) => each ?? "").join(" · ")]), "words"));
  } }, h("summary", {}, "Which rows"), body);
}

/** The training: which model, how long, how far, and then whether it shall answer. */
export function drawTrain(state, act, save, serve) {
  const { import: one, choices } = state;
  const { train, check, findings, run } = one;
  const running = train.state === "running";
  const broken = (findings ?? []).some(({ name }) => name in REMEDIES);
  const open = Boolean(findings) && !(broken && !choices.without_broken);
  const answers = run && state.serving === run;
  return [steps(4, "The model", [
    h("div", { class: "duo" }, ...model(choices, sizeOf(findings), save, running)),
    !open && h("p", { class: "quiet" }, findings ? "Some rows cannot be read: mend them, or say that you go on without them."
      : "First comes the check."),
    h("p", { class: "row" }, running ? button("stop-train", "Stop", () => act("stop"), { class: "plain" })
      : button("train", train.state === "none" ? "Train" : "Train again", () => act("train"),
        { disabled: !open || check.state === "running", class: train.state === "done" ? "plain" : "" })),
    progress(train),
  ]), train.state === "done" ? steps(5, "Served", answers
    ? [h("p", {}, light("well", "answers"), ` ${run} answers. `, h("a", { href: "#/try" }, "Try it"), " · ",
      h("a", { href: "#/models" }, "Models"))]
    : [h("p", {}, `${run} is trained and stands under Models.`), h("p", { class: "row" },
      button("serve", "Let it answer", serve))]) : null].filter(Boolean);
}

const sizeOf = (findings) => findings?.find(({ name }) => name === "size")?.count ?? null;

function model(choices, events, save, running) {
  const select = h("select", { id: "model", disabled: running, change: () => {
    choices.model = select.value;
    choices.budget = MODELS[select.value][1] === null ? choices.budget ?? "2m" : null;
    save();
  } }, Object.entries(MODELS).map(([name, [words]]) => h("option", { value: name }, `${words} · ${name}`)));
  select.value = choices.model ?? "auto";
  const each = MODELS[select.value]?.[1];
  if (each !== null) {
    return [field("Model", select, events ? `Takes ${guess(5 + events * each)} for ${count(events)} events, as a rough guess.` : null)];
  }
  const budget = h("select", { id: "budget", disabled: running, change: () => {
    choices.budget = budget.value;
    save();
  } }, Object.entries(BUDGETS).map(([name, words]) => h("option", { value: name }, words)));
  budget.value = choices.budget ?? "2m";
  return [field("Model", select, "It tries several on what people did last, and says which is best."),
    field("Time to learn", budget, "Reading and writing come on top.")];
}

const guess = (seconds) => (seconds < 50 ? "less than a minute" : seconds < 100 ? "about a minute"
  : `about ${Math.round(seconds / 60)} minutes`);
