// One item: how it stands with it, what it is beside, what lists did for it, which rules touch it.

import { ask, twin } from "./api.js";
import { editing } from "./catalog_edit.js";
import { bars } from "./chart.js";
import { fill, h, light, panel, table } from "./dom.js";
import { ready, thumb } from "./pictures.js";
import { count, figure, moment, plain } from "./words.js";

export const LIGHTS = { warm: "well", cold: "watched", new: "quiet", dead: "ill", hidden: "quiet" };
const BESIDE = 8;
const NAMES = ["title", "name"];
const OFTEN = 40; // signs of a value that is told on a card
const WAYS = { hide: "Hide it", boost: "Boost it", pin: "Pin it" };

/** What stands in the place of a picture. */
export const blank = (title) => h("span", { class: "thumb blank", "aria-hidden": "true" },
  [...title.trim()][0]?.toUpperCase() ?? "?");

/** A part that shows the item it is told to open; `changed` is told what was done. */
export function card({ changed, columns }) {
  const root = h("div", { class: "card-of", hidden: true });
  const scenario = h("select", { id: "card-scenario", "aria-label": "Scenario of the rule" });
  const links = Object.keys(WAYS).map((way) => h("a", { class: "button" }, WAYS[way]));
  let at = null;
  const point = () => Object.keys(WAYS).forEach((way, n) => {
    links[n].href = `#/rules?${new URLSearchParams({ scenario: scenario.value, do: way, item: at })}`;
  });
  scenario.addEventListener("change", point);
  const open = async (id) => {
    root.hidden = !id;
    if (!id) { at = null; return undefined; }
    if (id === at) return show();
    at = id;
    parts = made(id);
    root.replaceChildren(...Object.values(parts).map((part) => part.root));
    return show();
  };
  let parts = null;
  const show = () => {
    const [id, now] = [at, parts];
    const path = `/v1/catalog/${encodeURIComponent(id)}`;
    const asked = (async () => {
      await ready();
      return Promise.all([ask(path), ask("/v1/scenarios")]);
    })();
    return Promise.all([
      fill(now.item, () => asked, ([told, { scenarios }]) => {
        chosen(scenario, scenarios);
        point();
        draw(now, told);
        fill(now.edit, () => told, () => editing(told, columns(), async (words) => { changed(words); await show(); }));
        return drawItem(told, [scenario, ...links]);
      }),
      fill(now.near, async () => {
        const [{ item }] = await asked;
        const known = columns().length ? columns() : Object.keys(item.fields).map((name) => ({ name }));
        return { item, told: await ask(`${path.replace("catalog", "items")}/neighbours?k=${BESIDE}&fields=${names(known)}`) };
      }, drawNear),
    ]);
  };
  return { root, open };
}

const names = (columns) => columns.filter(({ kind }) => kind !== "vector" && kind !== "time").slice(0, 50)
  .map(({ name }) => encodeURIComponent(name)).join(",");

function made(id) {
  const path = `/v1/catalog/${encodeURIComponent(id)}`;
  return {
    item: panel("The item", twin(path)),
    near: panel("What it is beside", twin(`${path.replace("catalog", "items")}/neighbours?k=${BESIDE}`),
      "The nearest of all items, as the model sees them, before filters and rules."),
    moved: panel("Before the last retrain", null),
    lists: panel("What lists did for it", null),
    rules: panel("Rules that touch it", null),
    edit: panel("What is written on it", null),
  };
}

function chosen(select, scenarios) {
  const all = Object.keys(scenarios).filter((name) => scenarios[name].surface !== "audience");
  const before = select.value;
  select.replaceChildren(...all.map((name) => h("option", { value: name }, name)));
  select.value = all.includes(before) ? before : all.includes("for-you") ? "for-you" : all[0];
}

/** The parts that need nothing more than what was told. */
function draw(parts, told) {
  const put = (part, drawn) => {
    part.root.hidden = drawn === null;
    fill(part, () => drawn ?? "", (some) => some);
  };
  put(parts.moved, told.moved && drawMoved(told.moved));
  put(parts.lists, drawDays(told));
  put(parts.rules, drawRules(told));
}

function drawItem({ item, model }, [scenario, ...links]) {
  const { id, title, type, state, why, interactions, counts, fields } = item;
  const back = h("a", { href: "#/catalog", class: "back" }, "← All items");
  const facts = [["Met in training", count(interactions)], ["Shown", counts && count(counts.served)], ["Seen", counts && count(counts.seen)],
    ["Clicked", counts && count(counts.clicks)], ["Bought", counts && count(counts.purchases)]];
  return [back,
    h("div", { class: "head" }, thumb(fields, title) ?? blank(title),
      h("div", {}, h("h3", {}, title), h("p", { class: "quiet" }, h("code", {}, id), type && ` · ${type}`, ` · ${model}`))),
    h("p", {}, light(LIGHTS[state], state), " ", `${why[0].toUpperCase()}${why.slice(1)}.`),
    h("dl", {}, facts.filter(([, one]) => one !== null).map(([name, one]) => h("div", {}, h("dt", {}, name), h("dd", {}, one)))),
    h("p", { class: "row ways" }, ...links, h("span", {}, "in"), scenario),
    h("p", {}, h("a", { href: `#/map?item=${encodeURIComponent(id)}` }, "Show it on the map"))];
}

/** Cards of what is nearest. */
function drawNear({ item, told: { neighbours, by, why } }) {
  if (!neighbours.length) return h("p", {}, `${why[0].toUpperCase()}${why.slice(1)}.`);
  return [
    h("ol", { class: "cards", "aria-label": "Nearest items" }, neighbours.map((one) => h("li", {}, near(one, item.fields)))),
    h("p", { class: "quiet" }, by === "cosine" ? "Score: the cosine of the two vectors, 1 is the same direction."
      : `Score: how strongly ${by} holds the two together; it has no vectors.`)];
}

/** What two items have in common is told first. */
function near({ item, title, score, fields }, own) {
  const told = Object.entries(fields).filter(([name, value]) => value !== null && value !== "" && !NAMES.includes(name) && value !== title
    && !/^(https?|data):/.test(String(value)) && plain(value) && plain(value).length <= OFTEN);
  const shared = told.map(([name, value]) => [name, common(value, own[name])]).filter(([, value]) => value);
  const rest = told.filter(([name]) => !shared.some(([same]) => same === name)).slice(0, Math.max(0, 3 - shared.length));
  const words = (some) => some.map(([name, value]) => `${name} ${plain(value)}`).join(" · ");
  return h("a", { href: `#/catalog?item=${encodeURIComponent(item)}` }, thumb(fields, "") ?? blank(title),
    h("span", { class: "what" }, h("strong", {}, title),
      shared.length ? h("small", { class: "shared" }, `both: ${words(shared)}`) : "", h("small", {}, words(rest) || item)),
    h("span", { class: "score" }, figure(Number(score.toFixed(3)))));
}

/** What is in both: the same word or number, or the words that two lists share; null: nothing. */
function common(one, other) {
  const all = [other].flat();
  const same = [one].flat().filter((word) => all.some((each) => each === word));
  return same.length ? same : null;
}

/** Both neighbourhoods as the retrain wrote them down, what came and what went marked in words. */
function drawMoved({ run, before, after, titles }) {
  const list = (name, these, others, word) => h("div", {}, h("h3", {}, name), h("ol", {}, these.map((id) => h("li", {},
    h("a", { href: `#/catalog?item=${encodeURIComponent(id)}` }, titles[id]), others.includes(id) ? "" : h("em", {}, ` ${word}`)))));
  return [h("p", {}, `${count(before.filter((id) => after.includes(id)).length)} of ${count(before.length)} stayed.`),
    h("div", { class: "two" }, list(run ? `In ${run}` : "Before", before, after, "went"), list("Now", after, before, "came"))];
}

function drawDays({ days, as_of: asOf }) {
  if (asOf === null) return h("p", { class: "quiet" }, "Not counted yet, or not for this key: it needs metrics:read.");
  const some = [["Shown", "served"], ["Seen", "seen"], ["Clicked", "clicks"], ["Bought", "purchases"]];
  const total = (name) => days.reduce((sum, day) => sum + day[name], 0);
  if (!total("served") && !total("purchases")) return h("p", {}, `No list held it in ${days.length} days.`);
  const told = days.filter((day) => some.some(([, name]) => day[name]));
  return [
    h("div", { class: "daily" }, some.map(([word, name], n) => h("div", { class: `c${n}` }, h("span", {}, `${word} ${count(total(name))}`),
      bars(days.map((day) => day[name]), `${word} on each of ${days.length} days, ${count(total(name))} in all`)))),
    h("details", {}, h("summary", {}, "Day by day"), table("Day by day", ["Day", ...some.map(([word]) => word)],
      told.map((day) => [day.day, ...some.map(([, name]) => count(day[name]))]))),
    h("p", { class: "quiet" }, `Days of the lists, in UTC, until ${moment(asOf)}.`)];
}

function drawRules({ rules, filtered, faults }) {
  const rows = rules.map(({ scenario, rule, do: what, active, position, by, audience }) => [
    h("a", { href: `#/rules?${new URLSearchParams({ scenario })}` }, scenario), rule,
    position ? `${what} at ${position}` : by ? `${what} by ${figure(by)}` : what,
    [light(active ? "well" : "quiet", active ? "on" : "not now"), audience && h("small", {}, `for ${audience}`)]]);
  return [
    rows.length ? table("Rules", ["Scenario", "Rule", "Does", "When"], rows, "words") : h("p", {}, "No rule touches it."),
    filtered.length ? h("p", {}, `The filter of ${filtered.join(" and ")} leaves it out.`) : "",
    ...faults.map((fault) => h("p", { class: "fault" }, fault))];
}
