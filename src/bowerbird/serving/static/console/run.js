// A run's own page: what it is, what it is worth, how soon it knows newcomers, what the gate said.

import { ask, twin } from "./api.js";
import { lines, points } from "./chart.js";
import { fill, h, light, panel, table } from "./dom.js";
import { bytes, facts, lights, missing, named, pageOf, shared, signed, value, whisker } from "./measures.js";
import { verdict } from "./verdict.js";
import { ago, count, figure, moment, plain, share } from "./words.js";

const HEADLINE = ["ndcg", "recall", "hit", "mrr"];
const BESIDE = ["coverage", "gini", "arp", "aplt", "novelty"];
const HOW = { itself: "The model itself, by a window that it has not learned from",
  settings: "Its settings, learned once more from what was before the cut" };

export function runPage(name, promote) {
  const path = `/v1/models/${encodeURIComponent(name)}`;
  const report = twin(`${path}/report`);
  const [what, worth, cold, dial, well] = [panel("What it is", twin(path)), panel("What it is worth", report),
    panel("How soon it knows a newcomer", report), panel("Accuracy and coverage", report), panel("Health of its vectors", report)];
  const gate = panel("The gate", twin(`${path}/verdict`));
  const choice = h("p", { class: "row" });
  let asked = null; // one question for all that is drawn of the answer
  const told = () => {
    asked ??= ask(`${path}/report`).finally(() => { asked = null; });
    return asked;
  };
  const part = (one, draw) => fill(one, told, draw);
  const loadWhat = () => fill(what, async () => [await ask(path), await ask("/v1/models")],
    ([facts_, { models }]) => { offered(choice, facts_, models, promote, load); return drawWhat(facts_); });
  const load = () => Promise.all([loadWhat(), part(worth, drawWorth), part(cold, drawCold), part(dial, drawDial),
    part(well, drawHealth), fill(gate, () => ask(`${path}/verdict`), verdict)]);
  const root = h("div", {}, h("p", {}, h("a", { href: "#/models" }, "← All models")), h("h1", {}, name), choice,
    what.root, gate.root, worth.root, h("div", { class: "two" }, cold.root, dial.root), well.root);
  return { root, load };
}

/** What can be done with it: answer, stand beside another. */
function offered(row, { name, current, retired }, models, promote, after) {
  const others = models.filter((one) => one.name !== name);
  const beside = h("select", { "aria-label": "Beside", change: () => { if (beside.value) location.hash = pageOf(name, beside.value); } },
    h("option", { value: "" }, "Beside another run …"), others.map((one) => h("option", { value: one.name }, one.name)));
  const state = current ? light("well", "answers") : retired ? [light("ill", "retired"), h("small", {}, retired)]
    : h("button", { type: "button", click: () => promote(name, after) }, "Let it answer");
  row.replaceChildren(...[state, others.length ? beside : null].flat().filter(Boolean));
}

const when = (seconds) => seconds !== null && [moment(seconds * 1000), h("small", {}, ago(seconds * 1000))];

function drawWhat(run) {
  const { validation } = run;
  const settings = Object.entries(run.settings ?? {}).map(([name, told]) => [name, plain(told)]);
  const parts = Object.entries(run.bytes).filter(([name, n]) => name !== "all" && n > 0).map(([name, n]) => `${name} ${bytes(n)}`);
  return [
    facts([["Model", run.model], ["Made", when(run.made)], ["Training took", run.seconds !== null && `${figure(run.seconds)} s`],
      ["Came from", run.parent && h("a", { href: pageOf(run.parent) }, run.parent)],
      ["Training", run.training && ({ full: "anew", warm: "on from the run before", none: "none: the model as it was" }[run.training.how] ?? run.training.how)],
      ["Events", count(run.events)], ["People", count(run.users)], ["Items", count(run.items)],
      ["Events from", run.since && moment(run.since * 1000)], ["to", run.until && moment(run.until * 1000)],
      ["Learned until", run.learned_until && moment(run.learned_until * 1000)],
      ["On disk", h("span", {}, bytes(run.bytes.all), h("small", {}, parts.join(" · ")))],
      ["Data", run.data?.slice(0, 12)], ["Seed", run.seed], ["Rows left out", run.broken_rows || null],
      ["Validation", validation && [`${named(validation.metric)} ${value(validation.mean)}`,
        h("small", {}, `${count(validation.people)} people, best of ${count(run.tried)} settings`)]]]),
    settings.length && h("details", {}, h("summary", {}, "Settings"), facts(settings)),
    run.recipe && h("details", {}, h("summary", {}, "Recipe"), h("pre", { tabindex: 0 }, run.recipe)),
    run.versions && h("details", {}, h("summary", {}, "Made with"), facts(Object.entries(run.versions))),
  ].filter(Boolean);
}

function drawWorth({ judged, why }) {
  if (!judged.length) return missing(why ?? "no holdout has judged it");
  return judged.flatMap((one, n) => (n ? h("details", {}, h("summary", {}, headed(one)), holdout(one)) : [h("h3", {}, headed(one)), ...holdout(one)]));
}

const headed = ({ how, people, at, metric }) => `${HOW[how] ?? how}: ${named(metric)} of ${count(people)} people, ${ago(at * 1000)}`;

function holdout({ means, totals, slices, baselines, metric, facts: rules }) {
  const k = metric.split("@")[1];
  const others = Object.entries(baselines ?? {});
  const rows = HEADLINE.map((name) => `${name}@${k}`).filter((name) => means[name]).map((name) => {
    const scale = shared([means[name], ...others.map(([, told]) => told.means[name]).filter(Boolean)]);
    return [named(name), whisker(means[name], scale), ...others.map(([, told]) => (told.means[name] ? whisker(told.means[name], scale) : "–"))];
  });
  const read = (told, name) => told.totals[name] ?? told.means[name]?.mean ?? null;
  const more = BESIDE.map((name) => `${name}@${k}`).filter((name) => read({ totals, means }, name) !== null)
    .map((name) => [named(name), value(read({ totals, means }, name)), ...others.map(([, told]) => value(read(told, name)))]);
  const heads = ["", "This run", ...others.map(([name]) => name)];
  return [table("Metrics", heads, [...rows, ...more]), ...sliced(slices, metric),
    h("details", {}, h("summary", {}, "How it was asked"), facts(Object.entries(rules ?? {})))];
}

function sliced(slices, metric) {
  if (!slices?.length) return [];
  const found = slices.map(({ slice, group, users, means, low, high }) => ({ slice, group, users, mean: means[metric], low, high }));
  const scale = shared(found);
  return [h("h3", {}, "Who and what is served well"), table("Slices", ["Slice", "People", named(metric)],
    found.map((one) => [`${one.slice}: ${one.group}`, count(one.users), whisker(one, scale)]))];
}

/** The newest holdout that could tell a part, or why none can. */
function newest({ judged, why }, name) {
  const found = judged.find((one) => one[name]);
  return { found: found?.[name], why: why ?? "no judgement has measured it: a gate looks at one window only, «bowerbird judge RUNS» measures more" };
}

function drawCold(report) {
  const { found, why } = newest(report, "newcomers");
  if (!found) return missing(why);
  const curves = Object.entries(found);
  const [{ metric, users, steps }] = curves.map(([, one]) => one);
  const xs = steps.map(({ events }) => events);
  const series = curves.map(([name, one]) => ({ name, ys: one.steps.map((s) => s.mean), lows: one.steps.map((s) => s.low), highs: one.steps.map((s) => s.high) }));
  const rows = xs.map((events, n) => [`${events} event${events === 1 ? "" : "s"}`, ...series.map(({ ys, lows, highs }) =>
    [value(ys[n]), h("small", {}, `${value(lows[n])} … ${value(highs[n])}`)])]);
  return [
    lines(`${named(metric)} by events known of a person`, { xs, series, across: (n) => String(n), up: (x) => (x === null ? "–" : x.toFixed(3)) }),
    h("p", { class: "quiet" }, `${named(metric)} of the same ${count(users)} people, had they come so many events ago.`),
    h("details", {}, h("summary", {}, "As a table"), table("Newcomers", ["Known", ...series.map(({ name }) => name)], rows)),
  ];
}

function drawDial(report) {
  const { found, why } = newest(report, "dial");
  if (!found) return missing(why);
  const told = found.points.filter(({ accuracy, coverage }) => accuracy !== null && coverage !== null);
  const label = (alpha) => (alpha === 0 ? "α = 0" : alpha === found.alpha ? `α = ${alpha}` : alpha === told.at(-1).alpha ? `α = ${alpha}` : "");
  const all = told.map(({ alpha, accuracy, coverage }) => ({ x: coverage, y: accuracy, name: label(alpha), path: true, marked: alpha === found.alpha }));
  const { mean, low, high } = found.change;
  return [
    points(`${named(found.metric)} and coverage as the popular is held back`, { all, across: { name: "coverage", words: share }, up: { name: named(found.metric), words: (x) => x.toFixed(3) } }),
    h("p", {}, found.sentence),
    found.alpha > 0 && h("p", { class: "quiet" }, `At the ring ${named(found.metric)} changes by ${signed(mean)} (${signed(low)} … ${signed(high)}) person by person. Measured on validation: `
      + "whoever chooses on what judges reports a figure nobody will meet again."),
    h("details", {}, h("summary", {}, "As a table"), table("The popularity dial", ["α", "Accuracy", "Coverage", "Popularity", "New"],
      told.map((one) => [String(one.alpha), value(one.accuracy), share(one.coverage), value(one.arp), share(one.new)]))),
  ].filter(Boolean);
}

function drawHealth(report) {
  const { found, why } = newest(report, "health");
  return found ? lights(found) : missing(report.judged.length ? "the model has no vectors to look at" : why);
}
