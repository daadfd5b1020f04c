// Home: what needs attention, what lists earned, what happens now.

import { ask, attempt, twin } from "./api.js";
import { fill, h, light, panel, table } from "./dom.js";
import { ONLINE, asTold, between, defined, differing, meant, number, query, worded } from "./figures.js";
import { DAY_MS, ago, count, moment, share } from "./words.js";

const RECENT_DAYS = 7; // what is told of, and alerts that are older are history
const OF_RETRAINS = ["refused", "failed", "kept champion"]; // told with the last retrain

export function view() {
  const attention = panel("What needs attention", null);
  const now = panel("Now", twin("/v1/health/ready"));
  const paths = {};
  const since = asTold(paths);
  const week = panel("The last 7 days", since(`${ONLINE}/change`));
  const surfaces = panel("By scenario", since(`${ONLINE}?by=surface`));
  const rungs = panel("Against the fallback", since(`${ONLINE}?by=rung`),
    "Lists of people of whom nothing is known stand on fallback rungs. Other people get them, so a "
    + "difference is a hint, not a proof.");
  const proof = panel("Against people who are held out", since(`${ONLINE}/holdout`),
    "Chance has drawn who gets what is popular, and all that people spend counts, credited or not: so the "
    + "difference is what lists are worth.");
  proof.root.hidden = true; // until somebody is held out
  const load = () => {
    const asked = { since: Date.now() - RECENT_DAYS * DAY_MS };
    const named = (path) => {
      paths[path] = `${path}${path.includes("?") ? "&" : "?"}${query(asked)}`;
      return ask(paths[path]);
    };
    const by = (name) => named(`${ONLINE}?by=${name}`);
    const change = once(() => named(`${ONLINE}/change`));
    const drawn = (told, [meanings, found]) => told(found, { meanings, asked: { ...asked, as_of: found.as_of } });
    const both = (found) => Promise.all([defined(), found]);
    return Promise.all([
      // reports are made one after another: what is looked at first is asked for first
      fill(week, () => both(change()), (found) => drawn(plainly, found)),
      fill(attention, () => findings(change), (found) => found),
      fill(surfaces, () => both(by("surface")), (found) => drawn(grouped("surface"), found)),
      fill(proof, () => both(named(`${ONLINE}/holdout`)), ([meanings, found]) => {
        proof.root.hidden = !Object.keys(found.set).length && !found.people.held;
        return proven(found, meanings);
      }),
      fill(rungs, () => both(by("rung")), (found) => drawn(grouped("rung"), found)),
      fill(now, happening, (found) => found),
    ]);
  };
  const again = h("button", { type: "button", class: "plain", click: load }, "Look again");
  const root = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Home"), again), week.root,
    h("div", { class: "two" }, attention.root, now.root), surfaces.root, proof.root, rungs.root);
  return { root, load };
}

/** The same answer to whoever asks, unless it failed. */
function once(make) {
  let made = null;
  return () => {
    made ??= make().catch((fault) => {
      made = null;
      throw fault;
    });
    return made;
  };
}

/** Sentences, what is worst first. */
async function findings(change) {
  const parts = [
    ["/v1/health/ready", ofHealth], ["/v1/retrain", ofRetrain], ["/v1/retrain/triggers", ofTriggers],
    ["/v1/alerts?limit=20", ofAlerts], ["/v1/quarantine?limit=1", ofQuarantine],
  ];
  const told = await Promise.all(parts.map(async ([path, words]) => {
    const { found, fault } = await attempt(path);
    if (fault?.offline) throw fault;
    return fault ? [["quiet", "not seen", `${path}: ${fault.detail}`]] : words(found);
  }));
  told.push(await change().then(ofReports, () => [])); // its own part says why it is not there
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

function kindsOf(rows, by) {
  const groups = new Map();
  for (const row of rows) groups.set(by(row), [...(groups.get(by(row)) ?? []), row]);
  return groups;
}

/** The newest of each kind, and how many more there were. */
function ofAlerts({ alerts }) {
  const recent = alerts.filter(({ at, kind }) => Date.now() - at * 1000 < RECENT_DAYS * DAY_MS
    && !OF_RETRAINS.includes(kind));
  const kinds = kindsOf(recent, ({ kind }) => kind);
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

function ofReports({ now: { figures: all } }) {
  if (all.lists_served.value > 0 && all.lists_seen.value === 0) {
    return [["watched", "look", "Lists went out, and none was reported as seen: without that nobody "
      + "knows what they earned. The script for pages reports it."]];
  }
  return [];
}

const LEVEL = "attributed";
const nothing = () => h("p", { class: "quiet" }, "No list went out in these days. Ask for one in ",
  h("a", { href: "#/try" }, "Try it"), ".");

/** What a figure is, and where it would lie in 19 of 20 such weeks; a click tells what it means. */
function phrase(metric, found, { meanings, asked }) {
  const meaning = meant(meanings, metric);
  const range = between(meaning, found, meanings.few);
  return [number(meaning, found, { asked }), range && range !== "too few to say" ? ` (${range})` : ""];
}

/** How far it is from the week before, in words. */
function against(metric, { before, change }, { meanings }) {
  const meaning = meant(meanings, metric);
  const told = differing(meaning, change[metric]);
  if (!told) return "";
  const was = worded(meaning, before.figures[metric].value);
  const words = { "within chance": `That is within chance of the ${was} of the week before.`,
    "too few to say": `The week before it was ${was}; they are too few to compare.` };
  return [" ", h("span", { class: `differs ${told.kind}` }, words[told.word] ?? `${told.mark} The week before it was ${was}.`)];
}

const heads = ({ ctr_list: { users } }) => `${count(users)} ${users === 1 ? "person" : "people"}`;

/** What the last week earned, as sentences. */
function plainly(told, more) {
  const { now: { figures } } = told;
  if (!figures.lists_served.value) return nothing();
  if (!figures.lists_seen.value) {
    return h("p", {}, `${count(figures.lists_served.value)} lists went out, and none was reported as seen.`);
  }
  if (figures.ctr_list.users < more.meanings.few) {
    return h("p", {}, phrase("lists_seen", figures.lists_seen, more), ` lists were seen, by ${heads(figures)}: `
      + "too few to say how good they are.");
  }
  const sales = Object.keys(figures).filter((name) => name.startsWith("conversion_rate:purchase:") && name.endsWith(LEVEL));
  const compared = (name) => (told.before.figures.lists_seen.value ? against(name, told, more) : "");
  return [
    h("p", { class: "headline" }, phrase("lists_seen", figures.lists_seen, more), " lists were seen, by ",
      heads(figures), "; ", phrase("ctr_list", figures.ctr_list, more), " of them were clicked.",
      compared("ctr_list")),
    sales.map((name) => h("p", {}, "Of the people who saw one ", phrase(name, figures[name], more),
      " then bought something that is credited to a list.", compared(name))),
    currencies(figures).map((one) => `revenue:${one}:${LEVEL}`).map((name) => h("p", {}, "Lists are credited with ",
      phrase(name, figures[name], more), ".", compared(name))),
    h("p", { class: "quiet" }, "Credit is not cause: who buys after a click might have bought anyway. ",
      h("a", { href: "#/metrics?span=7" }, "Online metrics"), " has all figures, and what each means."),
  ].flat(2);
}

/** What lists are worth: each figure of both arms, and the difference. */
function proven({ people, figures, shares, since }, { few, holdout }) {
  if (!people.held || !people.shown) return h("p", { class: "quiet" }, "Nobody was drawn in these days yet.");
  const rows = Object.entries(figures).map(([name, told]) => {
    const meaning = meant({ metrics: holdout }, name);
    const arm = (found) => [worded(meaning, found.value), h("small", {}, between(meaning, found, few) ?? "")];
    const apart = differing(meaning, told.difference);
    return [[meaning.title, h("small", {}, meaning.words)], arm(told.shown), arm(told.held), apart
      ? h("span", { class: `differs ${apart.kind}` }, `${apart.mark} ${WORTH[told.difference.verdict]} ${apart.size}`) : "–"];
  });
  return [oddly(shares), h("p", {}, `${count(people.held)} of ${count(people.held + people.shown)} people who were drawn got `
    + `what is popular, since ${moment(since)}.`),
  table("Both arms", ["Figure", "Their lists", "What is popular", "Lists are worth"], rows, "words")].filter(Boolean);
}

const WORTH = { more: "more than chance:", less: "less than nothing:", "within chance": "within chance:",
  "too few to say": "too few to say" };

/** Whether as many people are held out as should be. */
function oddly({ well, expected, found, p }) {
  return well === false && h("p", {}, light("ill", "odd"), ` ${share(found)} of people are held out, ${share(expected)} were `
    + `to be: chance alone does that once in ${count(Math.round(1 / Math.max(p, 1e-12)))} times. Believe nothing below until it is known why.`);
}

const currencies = (figures) => Object.keys(figures).filter((name) => name.startsWith("revenue:")
  && name.endsWith(`:${LEVEL}`)).map((name) => name.split(":")[1]);

/** The main figures, in a row for each group. */
const grouped = (by) => ({ groups, rules }, { meanings, asked }) => {
  const [all, ...others] = groups;
  if (!all.figures.lists_served.value) return nothing();
  const names = ["lists_served", "lists_seen", "ctr_list", `conversion_rate:${rules.sales[0]}:${LEVEL}`,
    ...currencies(all.figures).map((one) => `revenue:${one}:${LEVEL}`)];
  const columns = names.map((name) => meant(meanings, name));
  const rows = [...others.filter(({ figures }) => figures.lists_served.value), all].map((one) => {
    const label = by in one.group ? one.group[by] ?? "none" : "All";
    const where = by in one.group ? [`${by}:${one.group[by] ?? ""}`] : [];
    return [named(one.group, by, rules, label), ...columns.map((meaning) => {
      const found = one.figures[meaning.metric];
      return [number(meaning, found, { asked, where, label }), h("small", {}, between(meaning, found, meanings.few) ?? "")];
    })];
  });
  return table(`By ${by}`, [by === "rung" ? "Rung" : "Scenario", ...columns.map(({ title }) => title)], rows);
};

function named(group, by, rules, label) {
  const behind = by === "rung" && rules.fallback.includes(group[by]);
  return behind ? [label, h("small", {}, "fallback")] : label;
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
