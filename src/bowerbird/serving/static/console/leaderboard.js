// Runs side by side: a board for every holdout, since figures of other people say nothing together.

import { ask, curl } from "./api.js";
import { points } from "./chart.js";
import { field, fill, h, light, panel, table } from "./dom.js";
import { difference, missing, named, pageOf, shared, value, whisker } from "./measures.js";
import { ago, count, share } from "./words.js";

const PATH = "/v1/leaderboard";

/** The panel, and how to load it. `against` is a run; null: the one that answers. */
export function leaderboard(against = null, only = null) {
  const metric = h("select", { change: () => load() });
  const slice = h("select", { change: () => load() });
  const board = panel("Leaderboard", { path: `GET ${PATH}`, text: () => curl(path()) },
    "Only runs on one board were asked by the same people. Bars are 95 % intervals.");
  const choices = h("div", { class: "asked" }, field("Metric", metric), field("For whom", slice));
  board.body.before(choices);
  choose(metric, ["ndcg@10"], named);
  choose(slice, [""], () => "everybody");
  const path = () => {
    const told = new URLSearchParams({ metric: metric.value });
    if (slice.value) told.set("slice", slice.value);
    if (against) told.set("against", against);
    return `${PATH}?${told}`;
  };
  const load = () => fill(board, () => ask(path()), (told) => {
    choose(metric, told.metrics.length ? told.metrics : ["ndcg@10"], named);
    choose(slice, ["", ...told.slices], (one) => one || "everybody");
    choices.hidden = !told.boards.length;
    return drawn(told, only);
  });
  return { root: board.root, load };
}

/** The options of a choice; what was chosen stays chosen. */
function choose(select, names, words) {
  const before = select.value;
  if (select.options.length === names.length && names.every((name, n) => select.options[n].value === name)) return;
  select.replaceChildren(...names.map((name) => h("option", { value: name }, words(name))));
  select.value = names.includes(before) ? before : names[0];
}

function drawn({ metric, against, boards, unjudged }, only) {
  const shown = only ? boards.filter(({ rows }) => only.every((name) => rows.some(({ run, baseline }) => run === name && !baseline))) : boards;
  const behind = unjudged.filter(({ run }) => !only || only.includes(run));
  const none = !shown.length && missing(only ? "no holdout has judged both: «bowerbird judge RUNS» asks the same people about all runs"
    : "no run was judged yet: «bowerbird judge RUNS» judges all there are, and every retrain judges two");
  const some = shown.map((one) => ({ ...one, rows: one.rows.filter(({ run, baseline }) => baseline || !only || only.includes(run)) }));
  return [none, ...some.map((one) => oneBoard(one, metric, against)),
    behind.length && h("p", { class: "quiet" }, "Not judged yet: ", behind.map(({ run }, n) => [n ? ", " : "",
      h("a", { href: pageOf(run) }, run)]), ". «bowerbird judge RUNS» does it.")].filter(Boolean);
}

function oneBoard({ words, people, rows, at, data, how, facts }, metric, against) {
  const scale = shared(rows);
  const apart = shared(rows.map((row) => row.difference).filter(Boolean), true);
  const lines = rows.map((row) => [
    row.baseline ? [row.run, h("small", {}, "baseline")]
      : [h("a", { href: pageOf(row.run) }, row.run), row.run === against ? h("small", {}, "the others beside it") : null],
    whisker(row, scale), row.baseline || row.run === against ? "–" : difference(row.difference, apart, row.why), share(row.coverage),
  ]);
  const judged = rows.filter(({ accuracy, coverage }) => accuracy !== null && coverage !== null);
  return h("section", { class: "board" },
    h("h3", {}, `${words}.`),
    h("p", { class: "quiet" }, light("quiet", how === "itself" ? "the models themselves" : "settings, learned anew"),
      ` ${count(people)} people had something to find`, facts.cut ? `, after ${facts.cut.slice(0, 16).replace("T", " ")}` : "",
      `. Judged ${ago(at * 1000)} · data ${data.slice(0, 8)}`),
    table("Runs side by side", ["Run", named(metric), `Beside ${against}`, "Coverage"], lines),
    judged.length > 1 && frontier(judged, against));
}

/** Each run between accuracy and coverage. */
function frontier(rows, against) {
  const places = new Map(); // runs in one place share a name
  for (const row of rows) {
    const key = `${row.accuracy} ${row.coverage}`;
    places.set(key, [...(places.get(key) ?? []), row]);
  }
  const all = [...places.values()].map((some) => ({ x: some[0].coverage, y: some[0].accuracy,
    name: [...new Set(some.map(({ run }) => run))].join(", "), kind: some.every(({ baseline }) => baseline) ? "baselines" : "runs",
    marked: some.some(({ run, baseline }) => run === against && !baseline) }));
  return h("details", { open: true }, h("summary", {}, "Accuracy and coverage"),
    points("Accuracy and coverage of runs", { all, across: { name: "coverage", words: share }, up: { name: "accuracy", words: (x) => x.toFixed(3) } }),
    h("p", { class: "quiet" }, `Up finds more of what people wanted, right shows more of the catalog; the ring is ${against}. `
      + "What the popularity dial of a run would buy stands on its own page."),
    h("details", {}, h("summary", {}, "As a table"), table("Accuracy and coverage", ["Run", "Accuracy", "Coverage"], rows.map((row) => [row.baseline ? `${row.run} (baseline)` : row.run, value(row.accuracy), share(row.coverage)]))));
}
