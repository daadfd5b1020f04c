// Lists beside the map: what was found, what is truly nearest, a person's way, what has moved. All that the
// picture shows of single items is here in words.

import { h } from "./dom.js";
import { count, figure, moment, plain, share } from "./words.js";

const MOST_FIELDS = 12;

const button = (one, act) => h("button", { type: "button", class: "thing", click: () => act(one) },
  one.title, one.title === one.item ? "" : h("small", {}, one.item));

/** What was found. */
export function things({ items, found }, act) {
  if (!found) return h("p", { class: "quiet" }, "No item has these words in its title or id.");
  const more = found > items.length ? h("p", { class: "quiet" }, `${count(found)} have them; these are the first.`) : "";
  return h("div", {}, h("ul", { class: "chips", "aria-label": "Found" }, items.map((one) => h("li", {}, button(one, act)))), more);
}

/** The item itself. */
export function oneOf({ id, fields }, { title, measure, near, neighbours: all }, show) {
  const told = Object.entries(fields).filter(([, value]) => value !== null && value !== "" && value !== title
    && !(Array.isArray(value) && typeof value[0] === "number")).slice(0, MOST_FIELDS);
  const kept = near === null || !all.length ? "" : `Of its ${all.length} nearest ${near} lie among the ${all.length} nearest on the map. `;
  return [
    h("div", { class: "title" }, h("strong", { class: "headline" }, title),
      h("button", { type: "button", class: "plain", click: show }, "Show it")),
    h("p", { class: "quiet" }, h("code", {}, id)),
    told.length ? h("dl", {}, told.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, plain(value))))) : "",
    h("h3", { class: "label" }, measure === "cosine" ? "Nearest, by cosine" : "Most like it, as the model says"),
    kept ? h("p", { class: "quiet" }, kept) : "",
  ].filter(Boolean);
}

/** What is nearest in the space, each with how far off the map puts it. */
export function neighbours({ neighbours: all }, act) {
  if (!all.length) return h("p", { class: "quiet" }, "The model knows nothing that is like it.");
  return h("ol", { class: "ranks" }, all.map((one) => h("li", {}, button(one, act),
    h("span", { class: "figures" }, figure(one.score)), h("small", {}, where(one, all.length)))));
}

function where({ closer }, k) {
  if (closer === null) return "not on the map";
  if (closer < k) return "near on the map";
  return closer < 5 * k ? "not far on the map" : `far on the map: ${count(closer)} items lie nearer`;
}

/** What somebody did, and where they are. */
export function wayOf({ user, steps, place, spread, nearest }, act) {
  if (!steps.length) return h("p", { class: "quiet" }, `Nothing is known that ${user} did.`);
  const dated = steps.some(({ time }) => time > 1e8);
  const done = h("ol", { class: "ranks long", "aria-label": "What they did, oldest first" }, steps.map((one) => h("li", {}, button(one, act),
    h("small", {}, [one.type, dated ? moment(one.time * 1000) : ""].filter(Boolean).join(" · ")))));
  const here = place ? "The star is the mean place of what suits them best now, what suits better counting more; these lie "
    + `${figure(spread)} from it on average.` : "Where they are cannot be said: nothing that suits them is on the map.";
  return h("div", { class: "two" },
    h("div", {}, h("h3", { class: "label" }, `The last ${count(steps.length)} steps of ${user}, the newest at the end`), done),
    h("div", {}, h("h3", { class: "label" }, "What suits them best now"), h("p", { class: "quiet" }, here),
      nearest.length ? h("ul", { class: "chips" }, nearest.map((one) => h("li", {}, button(one, act)))) : ""));
}

/** How far items have moved, in shares of the map's width, and which have moved most. */
export function movedMost(now, before, most) {
  const [ends, all] = [[Infinity, -Infinity], []];
  let [gone, come] = [0, 0];
  for (let row = 0; row < now.length / 2; row += 1) {
    const [x, y, a, b] = [now[2 * row], now[2 * row + 1], before[2 * row], before[2 * row + 1]];
    if (Number.isNaN(x) || Number.isNaN(a)) {
      if (!Number.isNaN(a)) gone += 1;
      if (!Number.isNaN(x)) come += 1;
      continue;
    }
    [ends[0], ends[1]] = [Math.min(ends[0], x), Math.max(ends[1], x)];
    all.push({ row, far: Math.hypot(x - a, y - b) });
  }
  all.sort((one, other) => other.far - one.far);
  const wide = ends[1] - ends[0] || 1;
  return { wide, gone, come, both: all.length, middle: all.length ? all[all.length >> 1].far / wide : null, rows: all.slice(0, most) };
}

movedMost.told = (facts, run, { wide, gone, come, both, middle, rows }, items, act) => {
  const kin = facts.like === run || facts.others.some((one) => one.run === run && one.like === facts.run);
  const told = `${count(both)} items are on both maps; half of them moved less than ${share(middle)} of its width.`
    + (come ? ` ${count(come)} are new on it.` : "") + (gone ? ` ${count(gone)} have no place any more.` : "");
  const warned = kin ? "" : h("p", { class: "quiet" }, "Neither map was begun with the other: what lies elsewhere may still have the same "
    + `neighbours. «bowerbird map NEW --like OLD» makes one that can be compared.`);
  return [h("p", {}, told), warned, rows.length ? h("ol", { class: "ranks", "aria-label": "Moved most" }, rows.filter(({ row }) => items.has(row))
    .map(({ row, far }) => h("li", {}, button(items.get(row), act), h("small", {}, `${share(far / wide)} of the width`)))) : ""].filter(Boolean);
};
