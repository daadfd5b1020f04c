// The verdict of the gate in plain words: each step with its light, differences, and what was watched.

import { lines } from "./chart.js";
import { h, light, table } from "./dom.js";
import { chance, facts, lights, missing, named, pageOf, shared, signed, value, whisker } from "./measures.js";
import { count, figure, plain, share } from "./words.js";

const OUTCOMES = { promote: ["well", "promote"], keep: ["ill", "keep what answers"], "cannot say": ["watched", "cannot say"] };

/** All of it. */
export function verdict({ verdict: told, why }) {
  if (!told) return missing(why);
  const { champion, outcome, words, checks, gain, slices, baselines, policy, people, watched } = told;
  return [
    h("p", { class: "headline" }, light(...(OUTCOMES[outcome] ?? ["quiet", String(outcome)])), " ", words?.[0] ?? ""),
    h("p", { class: "quiet" }, `${count(people)} people had something to find in a window that neither model has learned from. `,
      champion ? ["It stood beside ", h("a", { href: pageOf(champion) }, champion), "."] : "No run answered yet: it stood beside two baselines."),
    h("h3", {}, "Step by step"), steps(checks),
    ...differences(gain, baselines, policy), ...sliced(slices, policy),
    ...beheld(watched),
    h("details", {}, h("summary", {}, "By which rules"), facts(Object.entries({ ...told.facts, ...policy }).map(([name, one]) => [name, plain(one)]))),
  ];
}

/** The checks in their order, each with a light. */
function steps(checks) {
  return h("ol", { class: "steps" }, checks.map(({ name, got, limit, passed, sentence }) => h("li", { "data-check": name },
    h("div", {}, light(passed ? "well" : "ill", passed ? "kept" : "not kept"), " ", h("strong", {}, name),
      h("small", {}, `${figure(got)}, limit ${figure(limit)}`)), h("p", {}, sentence))));
}

function differences(gain, baselines, policy) {
  const all = [gain && { ...gain, name: "the run that answered" }, ...(baselines ?? [])].filter(Boolean);
  if (!all.length) return [];
  const scale = shared(all.map(ends), true);
  return [h("h3", {}, "Beside others"), table("Beside others", ["Minus", "People", "Theirs", `Change of ${named(policy.metric)}`, "In words"],
    all.map((one) => [one.name, count(one.people), value(one.other), whisker(ends(one), scale, signed), chance(ends(one))]), "figures told")];
}

const ends = ({ gain: mean, low, high }) => ({ mean, low, high });

function sliced(slices, policy) {
  if (!slices?.length) return [];
  const scale = shared(slices.filter(({ told }) => told).map(ends), true);
  const lost = (one) => one.told && one.high < 0 && one.gain < -policy.slice_margin * one.other;
  return [h("h3", {}, "Slice by slice"), table("Slice by slice", ["Slice", "People", "Champion", "Change", "So it is"],
    slices.map((one) => [one.name, count(one.people), value(one.other),
      one.told ? whisker(ends(one), scale, signed) : signed(one.gain),
      one.told ? light(lost(one) ? "ill" : "well", lost(one) ? "lost" : "kept") : light("quiet", "too few")]))];
}

/** What was looked at beside the verdict: no reason to refuse. */
function beheld(watched) {
  if (!watched) return [];
  const all = Object.entries(watched.lights ?? {});
  const look = all.flatMap(([, some]) => some).filter(({ ok }) => ok === false).length;
  return [h("h3", {}, "Watched"), h("p", { class: "quiet" }, "What has changed, told beside the verdict: no reason to refuse."),
    h("details", {}, h("summary", {}, `Lights: ${look} to look at`), all.map(([name, some]) => [h("h4", {}, capital(name)), lights(some)])),
    ...folded("How models age", aged(watched.age)), ...folded("Who stands beside whom", neighbours(watched.neighbours))];
}

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;
const folded = (name, parts) => (parts.length ? [h("details", {}, h("summary", {}, name), parts)] : []);

function aged(age) {
  if (!age?.curve?.length) return [];
  const { curve, metric, says, people } = age;
  const told = curve.map((one) => ({ ...one, days: figure(one.age) }));
  return [curve.length > 1 && lines(`${named(metric)} by age of the model in days`, { xs: curve.map((one) => one.age),
      series: [{ name: named(metric), ys: curve.map((one) => one.quality) }], across: (x) => `${figure(x)} d`, up: (x) => value(x) }),
    h("p", { class: "quiet" }, `${capital(says)}. The same ${count(people)} people asked each run that is kept.`),
    table("How models age", ["Days old", named(metric), "Lost", "95 % interval"], told.map((one) => [one.days, value(one.quality),
      one.lost === null ? "–" : percent(one.lost), one.low === null ? "–" : `${percent(one.low)} … ${percent(one.high)}`]))].filter(Boolean);
}

const percent = (x) => `${(100 * x).toFixed(1)} %`;

function neighbours(found) {
  if (!found) return [];
  const { cards, movers, names, overlap, items } = found;
  const title = (id) => names?.[id] ?? id;
  return [h("p", { class: "quiet" }, `${share(overlap)} of the neighbours of ${count(items)} items are the same in both runs. Shown are the items met most lately: − is gone, + is new.`),
    h("div", { class: "near-cards" }, cards.map((card) => neighbourCard(card, title))),
    ...moved(movers, title)];
}

function neighbourCard({ item, before, after }, title) {
  const kept = before.filter((id) => after.includes(id)).length;
  const side = (name, own, other, sign, kind) => h("div", {}, h("h5", {}, name), h("ol", {}, own.map((id) =>
    (other.includes(id) ? h("li", {}, title(id)) : h("li", { class: kind }, h("span", { "aria-hidden": "true" }, sign), " ", title(id),
      h("span", { class: "hidden" }, kind === "came" ? " (new)" : " (gone)"))))));
  return h("article", { class: "near" }, h("h4", {}, title(item)), h("div", { class: "near-sides" },
    side("Before", before, after, "−", "left"), side("New", after, before, "+", "came")),
    h("p", { class: "quiet" }, `${kept} of ${before.length} are in both.`));
}

function moved(movers, title) {
  if (!movers?.length) return [];
  const rows = movers.map(({ item, overlap, events, together, before, after, retold }) => {
    const fresh = after.filter((id) => !before.includes(id)).map(title);
    return [title(item), share(overlap), `${count(events[0])} → ${count(events[1])}`,
      `${fresh.slice(0, 3).join(", ")}${fresh.length > 3 ? " …" : ""}` || "–", `${count(together[0])} → ${count(together[1])}`,
      retold.length ? `changed: ${retold.join(", ")}` : "as before"];
  });
  return [h("h4", {}, "Movers"), table("Movers", ["Item", "Kept", "Events", "Beside it now", "Met together", "Written on it"], rows, "words")];
}
