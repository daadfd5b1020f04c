// Home: what needs attention, what lists earned, what happens now.

import { ask, attempt, twin } from "./api.js";
import { fill, h, light, panel, table } from "./dom.js";
import { ago, count, money, share } from "./words.js";

const ONLINE = "/v1/metrics/online";
const DAY_MS = 86_400_000;
const RECENT_DAYS = 7; // alerts that are older are history
const OF_RETRAINS = ["refused", "failed", "kept champion"]; // told with the last retrain

export function view() {
  const attention = panel("What needs attention", null);
  const earned = panel("What lists earned in 28 days", twin(`${ONLINE}?by=surface`),
    "Behind each figure: where it would lie in 19 of 20 such months.");
  const rungs = panel("Against the fallback", twin(`${ONLINE}?by=rung`),
    "Lists of people of whom nothing is known stand on fallback rungs. Other people get them, so a "
    + "difference is a hint, not a proof.");
  const now = panel("Now", twin("/v1/health/ready"));
  const load = () => Promise.all([
    fill(attention, findings, (found) => found),
    fill(now, happening, (found) => found),
    fill(earned, () => ask(`${ONLINE}?by=surface`), (told) => figures(told, "surface")),
    fill(rungs, () => ask(`${ONLINE}?by=rung`), (told) => figures(told, "rung")),
  ]);
  const again = h("button", { type: "button", class: "plain", click: load }, "Look again");
  const root = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Home"), again),
    h("div", { class: "two" }, attention.root, now.root), earned.root, rungs.root);
  return { root, load };
}

/** Sentences, what is worst first. */
async function findings() {
  const parts = [
    ["/v1/health/ready", ofHealth], ["/v1/retrain", ofRetrain], ["/v1/retrain/triggers", ofTriggers],
    ["/v1/alerts?limit=20", ofAlerts], ["/v1/quarantine?limit=1", ofQuarantine],
    [`${ONLINE}?by=surface`, ofReports],
  ];
  const told = await Promise.all(parts.map(async ([path, words]) => {
    const { found, fault } = await attempt(path);
    if (fault?.offline) throw fault;
    return fault ? [["quiet", "not seen", `${path}: ${fault.detail}`]] : words(found);
  }));
  const order = ["ill", "watched", "well", "quiet"];
  const all = told.flat().sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  const needs = all.filter(([kind]) => kind === "ill" || kind === "watched").length;
  const head = needs ? `${count(needs)} ${needs === 1 ? "thing needs" : "things need"} attention.`
    : "Nothing needs attention.";
  const rows = all.map(([kind, word, text]) => h("li", {}, light(kind, word), " ", text));
  return [h("p", { class: "headline" }, head), h("ul", { class: "lights" }, rows)];
}

const ofHealth = ({ model, store }) => [
  ["well", "well", `${model} answers.`],
  store === "closed" ? ["well", "well", "The store answers."]
    : ["ill", "ill", "The store does not answer: lists go on from memory, events are not taken."],
];

function ofRetrain({ state, why, words, ended, step }) {
  const at = ended ? ` ${ago(ended * 1000)}` : "";
  const more = why || words[0] || "";
  if (state === "failed") return [["ill", "ill", `The last retrain failed${at}: ${more}`]];
  if (state === "refused") return [["watched", "look", `The last retrain was refused${at}. ${more}`]];
  if (state === "running") return [["quiet", "runs", `A retrain is under way: ${step || "it begins"}.`]];
  if (state === "none") return [["quiet", "none", "There was no retrain yet."]];
  const what = state === "promoted" ? "brought another model" : "kept the model that answers";
  return [["well", "well", `The last retrain ${what}${at}. ${more}`]];
}

function ofTriggers({ as_of, due, triggers }) {
  if (as_of === null) {
    return [["quiet", "not seen",
      "Nobody has looked whether a retrain is due: «bowerbird serve --retrain 10m» does."]];
  }
  const fired = triggers.filter((one) => one.fired).map((one) => one.words || one.name);
  return [due ? ["watched", "look", `A retrain is due: ${fired.join("; ")}`]
    : ["well", "well", "No retrain is due."]];
}

function grouped(rows, by) {
  const groups = new Map();
  for (const row of rows) groups.set(by(row), [...(groups.get(by(row)) ?? []), row]);
  return groups;
}

/** The newest of each kind, and how many more there were. */
function ofAlerts({ alerts }) {
  const recent = alerts.filter(({ at, kind }) => Date.now() - at * 1000 < RECENT_DAYS * DAY_MS
    && !OF_RETRAINS.includes(kind));
  const kinds = grouped(recent, ({ kind }) => kind);
  return [...kinds.values()].map(([{ at, text }, ...others]) => ["watched", "look",
    `${ago(at * 1000)}: ${text}${others.length ? ` (and ${others.length} like it in a week)` : ""}`]);
}

function ofQuarantine({ events, quarantined }) {
  const held = Object.entries(quarantined).filter(([, n]) => n > 0);
  if (!held.length) return [["well", "well", "All events count."]];
  const total = held.reduce((sum, [, n]) => sum + n, 0);
  const why = held.map(([reason, n]) => `${reason} ${count(n)}`).join(", ");
  return [["watched", "look", `${count(total)} of ${count(events)} events since the model was trained do `
    + `not count in what is popular: ${why}`]];
}

function ofReports({ groups: [{ figures: all }] }) {
  if (all.lists_served.value > 0 && all.lists_seen.value === 0) {
    return [["watched", "look", "Lists went out, and none was reported as seen: without that nobody "
      + "knows what they earned. The script for pages reports it."]];
  }
  return [];
}

const LEVEL = "attributed";

/** A figure of each kind, in a row for each group. */
function figures({ groups, rules }, by) {
  const [all, ...others] = groups;
  if (!all.figures.lists_served.value) {
    return h("p", { class: "quiet" }, "No list went out in these days. Ask for one in ",
      h("a", { href: "#/try" }, "Try it"), ".");
  }
  const sale = rules.sales[0];
  const currencies = Object.keys(all.figures).filter((name) => name.startsWith("revenue:")
    && name.endsWith(`:${LEVEL}`)).map((name) => name.split(":")[1]);
  const columns = [
    ["Lists", "lists_served", count, false], ["Seen", "lists_seen", count, false],
    ["Clicked", "ctr_list", share, true],
    [`Led to ${sale}`, `conversion_rate:${sale}:${LEVEL}`, share, true],
    ...currencies.map((one) => [`Revenue, ${one}`, `revenue:${one}:${LEVEL}`, (x) => money(x, one), true]),
  ];
  const rows = [...others, all].map(({ group, figures: found }) => [
    named(group, by, rules), ...columns.map(([, name, words, sure]) => cell(found[name], words, sure)),
  ]);
  return table(`By ${by}`, [by === "rung" ? "Rung" : "Scenario", ...columns.map(([head]) => head)], rows);
}

function named(group, by, rules) {
  if (!(by in group)) return "All";
  const name = group[by] ?? "credited to no list";
  const behind = by === "rung" && rules.fallback.includes(group[by]);
  return behind ? [name, h("small", {}, "fallback")] : name;
}

function cell(figure, words, sure) {
  if (!figure || figure.value === null) return "–";
  if (!sure || figure.low === null) return words(figure.value);
  return [words(figure.value), h("small", {}, `${words(figure.low)} … ${words(figure.high)}`)];
}

/** Which model answers, and what was last asked and done. */
async function happening() {
  const day = encodeURIComponent(new Date(Date.now() - DAY_MS).toISOString());
  const [ready, online, tail] = await Promise.all([
    ask("/v1/health/ready"), attempt(`${ONLINE}?by=rung&since=${day}`), attempt("/v1/events?limit=1"),
  ]);
  const lists = online.found?.groups[0].figures.lists_served.value;
  const fallback = online.found?.groups[0].figures.fallback_share.value;
  const last = tail.found?.events[0];
  const facts = [
    ["Answers", ready.model],
    ["Lists in 24 hours", online.fault ? online.fault.detail : count(lists)],
    ["of them fallback", online.fault ? null : share(fallback)],
    ["Last event", tail.fault ? tail.fault.detail : last ? ago(last.arrived ?? last.time) : "none yet"],
  ];
  return h("dl", {}, facts.filter(([, told]) => told !== null)
    .map(([name, told]) => h("div", {}, h("dt", {}, name), h("dd", {}, told))));
}
