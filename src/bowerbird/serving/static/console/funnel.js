// From the catalog to the list: a funnel, and the same as a table.

import { s } from "./chart.js";
import { h, table } from "./dom.js";
import { count } from "./words.js";

const [WIDE, ROW, LEFT, RIGHT] = [420, 26, 150, 64];
const STEPS = { held: "pinned items set apart", explore: "drawn by chance", pin: "pinned items put in" };

/** Rows of the way: what it is, how many are left, and what it did. */
export function way({ catalog, filters, candidates, own, filled, found_by: by, steps }, shown) {
  const found = [`${count(own)} found by ${by}`, filled ? `${count(filled)} by what is popular` : ""];
  return [
    { name: "catalog", left: catalog, did: "items there are" },
    ...filters.map(({ name, out, left }) => ({ name, left, did: out ? `${count(out)} out` : "none out" })),
    { name: "candidates", left: candidates, did: found.filter(Boolean).join(", ") },
    ...steps.map(({ name, hits, moved }) => ({ name: STEPS[name] ?? name, left: hits,
      did: moved ? `${count(moved)} of the first moved` : "nothing moved" })),
    { name: "list", left: shown, did: "shown" },
  ];
}

/** The picture and its twin. */
export function funnel(name, trace, shown) {
  const rows = way(trace, shown);
  const most = Math.log1p(Math.max(...rows.map((row) => row.left), 1));
  const room = WIDE - LEFT - RIGHT;
  const drawn = s("svg", { role: "img", "aria-label": `${name}: ${rows.map((row) => `${row.name} ${row.left}`).join(", ")}`,
    class: "funnel", viewBox: `0 0 ${WIDE} ${ROW * rows.length}` }, rows.map((row, n) => {
    const width = Math.max(2, (room * Math.log1p(row.left)) / most);
    const y = n * ROW;
    return [
      s("text", { x: 0, y: y + 17 }, short(row.name)),
      s("rect", { x: LEFT + (room - width) / 2, y: y + 4, width, height: ROW - 8, rx: 3 }, s("title", {}, `${row.name}: ${row.did}`)),
      s("text", { x: WIDE, y: y + 17, "text-anchor": "end" }, count(row.left)),
    ];
  }));
  return [h("figure", {}, drawn, h("figcaption", { class: "quiet" }, "Widths are logarithmic.")),
    table(name, ["Step", "Left", "What it did"], rows.map((row) => [row.name, count(row.left), row.did]), "words")];
}

const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
