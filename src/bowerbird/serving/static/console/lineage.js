// Lineage: which run came from which, which answered when, who said so and why.

import { ask, twin } from "./api.js";
import { fill, h, light, panel, table } from "./dom.js";
import { missing, pageOf } from "./measures.js";
import { ago, moment } from "./words.js";

const LINES = 20;
const HOW = { full: "trained anew", warm: "trained on from it", none: "its model as it was" };
const VERDICTS = { promote: ["well", "gate passed"], keep: ["ill", "gate refused"], "cannot say": ["watched", "gate could not say"] };

/** What the gate said, as a light. */
export const verdictLight = (outcome) => (VERDICTS[outcome] ? light(...VERDICTS[outcome]) : null);

export function lineage() {
  const family = panel("Lineage", twin("/v1/lineage"), "A run stands below the one it went on from.");
  return { root: family.root, load: () => fill(family, () => ask("/v1/lineage"), drawn) };
}

function drawn({ runs, audit }) {
  const names = new Set(runs.map(({ name }) => name));
  const gone = [...new Set(runs.map(({ parent }) => parent).filter((one) => one && !names.has(one)))];
  const roots = [...gone.map((name) => ({ name, gone: true })), ...runs.filter(({ parent }) => !parent)]
    .sort((a, b) => (a.made ?? 0) - (b.made ?? 0));
  const books = audit.slice(-LINES).reverse().map(({ at, what, run, who, why }) => [
    [moment(at * 1000), h("small", {}, ago(at * 1000))], what, run ?? "–", who, why || "–"]);
  return [
    h("ul", { class: "tree" }, roots.map((run) => node(run, runs, audit, new Set()))),
    h("h3", {}, "The books"),
    books.length ? table("The books", ["When", "What", "Run", "Who", "Why"], books, "words")
      : missing("nothing was promoted or refused yet"),
  ];
}

function node(run, runs, audit, above) {
  if (above.has(run.name)) return null; // no run is its own ancestor, whatever a file says
  const path = new Set([...above, run.name]);
  const below = runs.filter(({ parent }) => parent === run.name).sort((a, b) => (a.made ?? 0) - (b.made ?? 0));
  const named = audit.findLast((line) => line.run === run.name && ["promoted", "rolled back"].includes(line.what));
  return h("li", {},
    h("div", { class: "run" },
      run.gone ? h("span", { class: "quiet" }, `${run.name} (removed)`) : h("a", { href: pageOf(run.name) }, run.name),
      run.current ? light("well", "answers") : null,
      run.retired ? light("ill", "retired") : null, verdictLight(run.verdict),
      h("small", {}, [run.model, run.parent && (HOW[run.how] ?? run.how), run.made && ago(run.made * 1000),
        named && `${named.what} ${ago(named.at * 1000)} by ${named.who}`].filter(Boolean).join(" · "))),
    below.length ? h("ul", {}, below.map((one) => node(one, runs, audit, path))) : null);
}
