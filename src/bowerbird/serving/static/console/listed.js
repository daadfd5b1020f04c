// A list as it is looked at: places, pictures, reasons, score parts, and what is otherwise in another list.

import { h } from "./dom.js";
import { pictured, thumb } from "./pictures.js";
import { figure, plain, share } from "./words.js";

const SCALES = {
  score: "of the score", lift: "of the lift", relevance: "of the relevance", rank: "what the re-ranker says",
};
const MOST_FACTS = 3;

/** What people call an item. */
export const titleOf = (fields, id) => {
  const told = fields?.title ?? fields?.name;
  return typeof told === "string" && told ? told : id;
};

/** How a place differs from the same item's in another list: a sign, and words for it. */
export function change(rank, before) {
  if (before === undefined) return { kind: "new", sign: "new", words: "not in list A" };
  if (before === rank) return { kind: "same", sign: "=", words: "as in list A" };
  const far = Math.abs(before - rank);
  const [kind, sign, word] = before > rank ? ["up", "▲", "higher"] : ["down", "▼", "lower"];
  return { kind, sign: `${sign}${far}`, words: `${far} ${far === 1 ? "place" : "places"} ${word} than in list A` };
}

/** The places of a list; `others` are the ranks in the list it is compared with, null: with none. */
export function places(list, { others, open, add, called }) {
  const most = {};
  for (const { parts } of list.items) {
    for (const { scale, value } of parts) most[scale] = Math.max(most[scale] ?? 0, Math.abs(value));
  }
  return h("ol", { class: "list" }, list.items.map((one) => h("li", { "data-item": one.item },
    place(one, { others, open, add, called, most }))));
}

function place(one, { others, open, add, called, most }) {
  const title = titleOf(one.fields, one.item);
  const moved = others && change(one.rank, others.get(one.item));
  const facts = Object.entries(one.fields).filter(([name, value]) => value !== null && value !== "" && value !== title
    && !pictured(name, value)).slice(0, MOST_FACTS);
  const more = h("details", { class: "why", open: open.has(one.item), toggle: () => {
    if (more.open) open.add(one.item);
    else open.delete(one.item);
  } }, h("summary", {}, reasonOf(one, called), h("span", { class: "hidden" }, `: score parts of ${title}`)), inside(one, most, called));
  return h("div", { class: "spot" }, thumb(one.fields, title), h("div", {},
    h("div", { class: "title" }, h("strong", {}, title), moved && h("span", { class: `change ${moved.kind}` },
      h("span", { "aria-hidden": "true" }, moved.sign), h("span", { class: "hidden" }, moved.words))),
    h("p", { class: "quiet" }, h("code", {}, one.item), facts.map(([name, value]) => ` · ${name} ${plain(value)}`))),
  h("button", { type: "button", class: "plain", "aria-label": `Add ${title} to the history`,
    click: () => add(one.item, one.fields) }, "+"), more);
}

/** Why it is there, the item that speaks for it by its title. */
const reasonOf = ({ reason, because: [first] }, called) =>
  (first && reason === `because of ${first.item}` ? `because of ${called(first.item)}` : reason);

function inside({ score, source, moved, because, places: ranks, propensity, parts }, most, called) {
  const ways = moved.map(({ by, from, to }) => `${by}: ${from === null ? "from outside" : `from ${from}`} to ${to}`);
  const facts = [
    ["Score", figure(score)], ["Source", source],
    ["Drawn with probability", propensity < 1 ? share(propensity) : ""], ["Moved", ways.join("; ")],
    ["Ranks on the way", Object.entries(ranks).map(([name, rank]) => `${name} ${rank}`).join(" → ")],
    ["Because of", because.map((told) => `${called(told.item)} ${Math.round(100 * told.share)} %`).join(", ")],
  ];
  return [
    h("dl", {}, facts.filter(([, told]) => told)
      .map(([name, told]) => h("div", {}, h("dt", {}, name), h("dd", {}, told)))),
    parts.length ? h("ul", { class: "parts", "aria-label": "Score parts" }, parts.map((part) => bar(part, most)))
      : h("p", { class: "quiet" }, "No parts: it is not the model that put it here."),
  ];
}

/** A part as a bar with its number; below zero it is hatched. */
function bar({ name, value, scale }, most) {
  const filled = h("span", { class: value < 0 ? "filled less" : "filled" });
  filled.style.width = `${(100 * Math.abs(value)) / (most[scale] || 1)}%`;
  return h("li", {}, h("span", {}, name, h("small", {}, SCALES[scale] ?? scale)),
    h("span", { class: "bar", "aria-hidden": "true" }, filled), h("span", { class: "value" }, figure(value)));
}

/** What the other list has and this one has not. */
export function gone(list, other) {
  const here = new Set(list.items.map(({ item }) => item));
  const away = other.items.filter(({ item }) => !here.has(item));
  return away.length ? h("p", { class: "gone quiet" }, "Gone from A: ",
    away.map(({ item, fields, rank }, n) => [n ? ", " : "", `${titleOf(fields, item)} (${rank})`])) : null;
}
