// What a model is worth, as people read it: names of metrics, differences, whiskers on a shared scale.

import { interval } from "./chart.js";
import { h } from "./dom.js";
import { count, figure } from "./words.js";

const NAMES = { ndcg: "NDCG", recall: "Recall", hit: "Hit rate", precision: "Precision", mrr: "MRR", map: "MAP",
  coverage: "Coverage", catalog_coverage: "Coverage of the catalog", gini: "Gini of the places",
  arp: "Popularity of what is shown", aplt: "Share outside the popular", novelty: "Novelty",
  diversity: "Diversity", calibration: "Calibration", popreo: "Popularity bias", recall_min: "Recall, capped" };

/** A metric in words: ndcg@10 is NDCG@10. */
export function named(metric) {
  const [name, k] = metric.split("@");
  return `${NAMES[name] ?? name}@${k}`;
}

/** A value with as many digits as are compared. */
export const value = (x) => (x === null || x === undefined ? "–" : Math.abs(x) >= 100 ? count(Math.round(x)) : x.toFixed(4));

/** A difference says its sign. */
export const signed = (x) => (x === null || x === undefined ? "–" : `${x > 0 ? "+" : x < 0 ? "−" : "±"}${Math.abs(x).toFixed(4)}`);

/** From the least to the most of some intervals, 0 within where they are differences. */
export function shared(some, zero = false) {
  const ends = some.flatMap(({ low, mean, high }) => [low, mean, high]).filter((x) => Number.isFinite(x));
  if (!ends.length) return [0, 1];
  const [low, high] = [Math.min(...ends, ...(zero ? [0] : [])), Math.max(...ends, ...(zero ? [0] : []))];
  const room = (high - low) * 0.05 || 0.05;
  return [low - room, high + room];
}

/** A mean with its interval, drawn and in figures: what a cell of a table shows. */
export function whisker({ low, mean, high }, scale, words = value, note = null) {
  if (mean === null || mean === undefined) return "–";
  const ends = low === null || low === undefined || high === null || high === undefined ? null
    : `${words(low)} … ${words(high)}`;
  return h("div", { class: "measure" }, h("span", {}, words(mean), ends && h("small", {}, ends), note && h("small", {}, note)),
    interval(low ?? null, mean, high ?? null, scale, `${words(mean)}${ends ? `, ${ends}` : ""}`));
}

/** What an interval says of chance. */
export function chance({ low, mean, high }) {
  if (low === null || high === null) return "too few to say";
  if (low === 0 && mean === 0 && high === 0) return "the same lists";
  return low > 0 ? "surely better" : high < 0 ? "surely behind" : "may be chance";
}

/** A difference with what it says of chance. */
export function difference(found, scale, why) {
  if (!found) return why ? h("small", { class: "unknown" }, why) : "–";
  return whisker(found, scale, signed, chance(found));
}

/** Facts, named; those that are not there are left out. */
export function facts(pairs) {
  return h("dl", {}, pairs.filter(([, told]) => told !== null && told !== undefined && told !== "")
    .map(([name, told]) => h("div", {}, h("dt", {}, name), h("dd", {}, told))));
}

/** Bytes as people say them. */
export const bytes = (n) => (n >= 1e9 ? `${figure(n / 1e9)} GB` : n >= 1e6 ? `${figure(n / 1e6)} MB` : `${figure(n / 1e3)} kB`);

/** What cannot be told, and why. */
export const missing = (why) => h("p", { class: "quiet" }, ended(`${why[0].toUpperCase()}${why.slice(1)}`));

const ended = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);

/** The address of a run's own page. */
export const pageOf = (name, beside) => `#/models?run=${encodeURIComponent(name)}${beside ? `&with=${encodeURIComponent(beside)}` : ""}`;

/** Lights of health and of what was watched: a word first, then the figure and what it means. */
export function lights(all) {
  return h("ul", { class: "lights" }, all.map(({ name, figure: got, limit, ok, says, remedy }) => h("li", {},
    h("span", { class: `light ${ok === null ? "quiet" : ok ? "well" : "watched"}` }, ok === null ? "told" : ok ? "well" : "look"),
    " ", h("strong", {}, name), `: ${got}${limit ? ` (${limit})` : ""}`,
    h("small", { class: "says" }, ended(ok === false && remedy ? `${says}: ${remedy}` : says)))));
}
