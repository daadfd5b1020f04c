// Figures of what lists earned, in words: what each means, how sure it is, and the rows behind it.

import { ask, curl, file, twin } from "./api.js";
import { copier, download, fill, h, table } from "./dom.js";
import { count, figure as digits, money, moment, plain, share } from "./words.js";

export const ONLINE = "/v1/metrics/online";
const SHOWN = 10; // rows behind a figure that are shown; a file has all
let meanings = null;

/** What every figure means, asked for once. */
export function defined() {
  meanings ??= ask("/v1/metrics/definitions").catch((fault) => {
    meanings = null;
    throw fault;
  });
  return meanings;
}

const parts = (metric) => metric.split(":");
const fits = (pattern, metric) => pattern.length === metric.length
  && pattern.every((one, n) => one === metric[n] || one === one.toUpperCase());

/** The definition of a metric, and what to call it. */
export function meant({ metrics }, metric) {
  const found = metrics.find(({ name }) => fits(parts(name), parts(metric)));
  const title = parts(found.name).reduce((words, one, n) => words.replace(one, parts(metric)[n]), found.title);
  return { ...found, metric, title };
}

function lasting(ms) {
  if (ms === null || ms === undefined) return "–";
  const seconds = ms / 1000;
  if (seconds < 100) return `${digits(seconds)} s`;
  return seconds < 6000 ? `${digits(seconds / 60)} min` : `${digits(seconds / 3600)} h`;
}

/** A value of the metric, in its unit. */
export function worded({ unit, metric }, value) {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return share(value);
  if (unit === "money") return money(value, parts(metric)[1]);
  return unit === "ms" ? lasting(value) : count(Math.round(value));
}

/** Of how few people it is: then nothing is said of how sure it is. */
const scarce = (figure, few) => figure.users < few;

/** Between what it would lie in 19 of 20 such spans. */
export function between(meaning, found, few) {
  if (found.value === null || meaning.unit === "count" && meaning.kind === "count") return null;
  if (scarce(found, few)) return "too few to say";
  return found.low === null ? null : ranged(meaning, worded, found);
}

/** Two ends, the unit once. */
const ranged = (meaning, words, { low, high }) => `${words(meaning, low).replace(/ (%|points)$/, "")} … ${words(meaning, high)}`;

/** A figure that tells what it means, and the rows behind it. */
export function number(meaning, found, of) {
  const value = worded(meaning, found?.value);
  if (!found) return value;
  return h("button", { type: "button", class: "number", "data-metric": meaning.metric,
    "aria-label": `${[meaning.title, of.label].filter(Boolean).join(", ")}: ${value}. What does this mean?`,
    click: () => explained(meaning.metric, found, of) }, value);
}

const signed = (meaning, value) => { // with a joiner, so that no line ends behind a sign
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  const size = Math.abs(value);
  return `${sign}\u2060${meaning.unit === "share" ? `${(100 * size).toFixed(size < 0.1 ? 2 : 1)} points` : worded(meaning, size)}`;
};

const VERDICTS = { more: ["more than before", "↑"], less: ["less than before", "↓"],
  "within chance": ["within chance", "≈"], "too few to say": ["too few to say", "?"] };

/** What is different from before, with an honest word: {word, mark, size, good}. */
export function differing(meaning, changed) {
  if (!changed || changed.value === null) return null;
  const [word, mark] = VERDICTS[changed.verdict];
  const size = changed.low === null ? signed(meaning, changed.value)
    : `${signed(meaning, changed.value)} (${ranged(meaning, signed, changed).replace(" points", "")})`;
  const good = { more: meaning.better === "more", less: meaning.better === "fewer" }[changed.verdict];
  const judged = meaning.better && ["more", "less"].includes(changed.verdict);
  return { word, mark, size: changed.verdict === "too few to say" ? "" : size,
    kind: judged ? (good ? "good" : "bad") : "same" };
}

/** How parts are asked for as JSON: as they were asked last, which `paths` holds. */
export const asTold = (paths) => (path) => ({ path: `GET ${path}`, text: () => curl(paths[path] ?? path) });

/** The query of a request, with several values of one name. */
export function query(told) {
  const pairs = Object.entries(told).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

/** What it means, what was divided by what, and the rows behind it, with a file of all of them.
 *
 * `asked` is the span and the rules of the figure; `where` its group, as name:value.
 */
async function explained(metric, found, { asked, where = [], label = "" }) {
  const told = await defined();
  const meaning = meant(told, metric);
  const path = `${ONLINE}/rows?${query({ metric, ...asked, where })}`;
  const rows = { body: h("div", { class: "body", tabindex: "-1" }, h("p", { class: "quiet" }, "Loading …")) };
  const said = h("p", { role: "status", class: "said" });
  const opener = document.activeElement;
  const shown = h("dialog", { class: "wide", "aria-labelledby": "meaning", close: () => {
    shown.remove();
    if (opener?.isConnected) opener.focus();
  } },
  h("h2", { id: "meaning" }, [meaning.title, label].filter(Boolean).join(" · ")),
  h("p", { class: "headline" }, worded(meaning, found.value), " ", sureness(meaning, found, told.few)),
  described(meaning, found, told),
  h("h3", {}, "Rows behind it"),
  h("p", { class: "row" }, ["csv", "parquet"].map((form) => saver(path, form, meaning, said)),
    copier("Copy as curl", twin(`${path}&format=csv`).text),
    h("button", { type: "button", class: "plain", click: () => shown.close() }, "Close")), said, rows.body);
  document.body.append(shown);
  shown.showModal();
  await fill(rows, () => ask(`${path}&format=json&limit=${SHOWN}`), (page) => listed(meaning, page));
}

function sureness(meaning, found, few) {
  const range = between(meaning, found, few);
  if (!range) return "";
  return range === "too few to say" ? h("small", {}, `Of ${count(found.users)} people: too few to say more.`)
    : h("small", {}, `It would lie between ${range.replace("…", "and")} in 19 of 20 such spans.`);
}

function described(meaning, found, { levels, intervals }) {
  const level = parts(meaning.metric)[parts(meaning.name).indexOf("LEVEL")];
  const facts = [
    ["What it is", meaning.words.replaceAll("`", "")],
    [meaning.numerator && "Numerator", `${count(found.numerator)} ${meaning.numerator}`],
    [found.denominator !== null && meaning.denominator && "Denominator",
      `${count(found.denominator)} ${meaning.denominator}`],
    [level && `Credit: ${level}`, levels[level]],
    ["People", count(found.users)],
    [`Interval: ${meaning.interval}`, intervals[meaning.interval]],
    ["As of", `${moment(found.as_of)}, ${found.final ? "final" : "not final: more may yet come in"}`],
  ];
  return h("dl", { class: "facts" }, facts.filter(([name]) => name)
    .map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one))));
}

/** The first rows, and the sums over all: they are the figure. */
function listed(meaning, { rows, total, numerator, denominator }) {
  if (!total) return h("p", { class: "quiet" }, "There is none.");
  const names = Object.keys(rows[0]);
  const cells = rows.map((row) => names.map((name) => (name === "time" ? moment(row[name]) : plain(row[name]))));
  const sums = meaning.kind === "median" ? "their middle is the figure"
    : meaning.denominator && meaning.kind !== "distinct" ? `numerators add up to ${count(numerator)}, denominators to ${count(denominator)}`
      : `numerators add up to ${count(numerator)}`;
  return [h("p", { class: "quiet" }, `${count(Math.min(SHOWN, total))} of ${count(total)} rows; over all of them ${sums}.`),
    table("Rows behind it", names, cells, "words")];
}

/** A button that fetches all rows as a file, piece by piece. */
function saver(path, form, meaning, said) {
  const name = `${meaning.metric.replaceAll(":", "-")}.${form}`;
  const button = h("button", { type: "button", class: form === "csv" ? "" : "plain", click: async () => {
    button.disabled = true;
    try {
      const all = await file(`${path}&format=${form}`, (size) => {
        said.textContent = `${count(Math.round(size / 1000))} kB so far …`;
      });
      download(name, all, all.type);
      said.textContent = `${name}: ${count(Math.ceil(all.size / 1000))} kB.`;
    } catch (fault) {
      if (!("detail" in fault)) throw fault;
      said.textContent = fault.detail;
    }
    button.disabled = false;
  } }, form === "csv" ? "Download as CSV" : "as Parquet");
  return button;
}
