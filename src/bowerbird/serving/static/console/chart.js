// Charts that follow the page's colours: bars, intervals, lines with bands, points. Each is a picture with
// a name; whoever shows one puts a table of the same figures beside it.

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 14, 10, 26];
const COLOURS = 6; // classes c0 … c5 of the style sheet

/** An element of a picture. */
export function s(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Round places between two numbers: 1, 2 or 5 times a power of ten apart. */
export function ticks(low, high, most = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, n) => Number(((first + n) * step).toPrecision(12)));
}

const finite = (values) => values.filter((x) => x !== null && x !== undefined && Number.isFinite(x));

/** From the least to the most, with room, and never of no length. */
function span(values, zero = false) {
  const all = finite(values);
  if (!all.length) return [0, 1];
  const [low, high] = [Math.min(...all, ...(zero ? [0] : [])), Math.max(...all, ...(zero ? [0] : []))];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [zero && low === 0 ? 0 : low - room, high + room];
}

const scale = ([low, high], from, to) => (x) => from + ((x - low) / (high - low)) * (to - from);

/** A picture as wide as there is room, drawn again when that changes. */
function wide(name, height, draw) {
  const root = h("div", { class: "chart" });
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (!contentRect.width || Math.abs(contentRect.width - width) < 1) return;
    width = contentRect.width;
    root.replaceChildren(s("svg", { role: "img", "aria-label": name, width, height,
      viewBox: `0 0 ${width} ${height}` }, draw(width, height)));
  }).observe(root);
  return root;
}

/** A whisker from low to high with a dot at the value: a cell of a table, on a scale that all rows share. */
export function interval(low, value, high, [from, to], name) {
  const x = scale([from, to], 4, 156);
  return s("svg", { role: "img", "aria-label": name, class: "interval", width: 160, height: 18, viewBox: "0 0 160 18" },
    from < 0 && to > 0 ? s("line", { class: "grid", x1: x(0), x2: x(0), y1: 0, y2: 18 }) : null,
    low === null || high === null ? null : s("line", { class: "whisker", x1: x(low), x2: x(high), y1: 9, y2: 9 }),
    s("circle", { class: "dot", cx: x(value), cy: 9, r: 4 }));
}

/** A bar for each value, from zero: a cell of a table. */
export function bars(values, name) {
  const most = Math.max(...finite(values), 0) || 1;
  const step = 120 / Math.max(values.length, 1);
  return s("svg", { role: "img", "aria-label": name, class: "bars", width: 120, height: 24, viewBox: "0 0 120 24" },
    values.map((value, n) => s("rect", { x: n * step, width: Math.max(step - 1, 1), y: 24 - (24 * (value || 0)) / most,
      height: (24 * (value || 0)) / most })));
}

function axes({ x, y, across, up, width, height }) {
  const [least, most] = [LEFT, width - RIGHT];
  const apart = Math.max(2, Math.floor((most - least) / 90));
  const chosen = across.at ? thinned(across.at, apart) : ticks(...across.span, apart);
  return [
    ticks(...up.span, 4).map((v) => [
      s("line", { class: "grid", x1: least, x2: most, y1: y(v), y2: y(v) }),
      s("text", { class: "tick", x: least - 6, y: y(v) + 4, "text-anchor": "end" }, up.words(v)),
    ]),
    chosen.map((v) => s("text", { class: "tick", x: x(v), y: height - 6, "text-anchor": "middle" }, across.words(v))),
  ];
}

const thinned = (all, most) => {
  const step = Math.ceil(all.length / most);
  return all.filter((_, n) => n % step === 0);
};

/** Which colour is whose, told in words. */
function legend(names) {
  return h("ul", { class: "legend" }, names.map((name, n) => h("li", { class: `c${n % COLOURS}` }, name)));
}

/** Lines over the same places, each with a band where it has one.
 *
 * `xs` are the places; a series is {name, ys, lows, highs}, null where nothing is known; `across` and `up`
 * say a place and a value in words. Pointing, or the arrow keys, tell the values of a place.
 */
export function lines(name, { xs, series, across, up, zero = true }) {
  const values = series.flatMap(({ ys, lows = [], highs = [] }) => [...ys, ...lows, ...highs]);
  const upward = { span: span(values, zero), words: up };
  const ends = xs.length > 1 ? [xs[0], xs.at(-1)] : [xs[0] - 1, xs[0] + 1];
  const said = h("p", { class: "quiet reading", role: "status" }, "Point at it, or use the arrow keys, to read values.");
  let [x, mark, at] = [null, null, -1];
  const tell = (n) => {
    at = Math.max(0, Math.min(xs.length - 1, n));
    for (const end of ["x1", "x2"]) mark.setAttribute(end, x(xs[at]));
    mark.classList.add("on");
    said.textContent = [across(xs[at]), ...series.map(({ name: whose, ys }) => `${whose} ${up(ys[at])}`)].join(" · ");
  };
  const drawn = wide(name, 220, (width, height) => {
    x = scale(ends, LEFT + 6, width - RIGHT - 6);
    const y = scale(upward.span, height - BOTTOM, TOP);
    mark = s("line", { class: "mark", y1: TOP, y2: height - BOTTOM, x1: 0, x2: 0 });
    return [axes({ x, y, across: { at: xs, words: across }, up: upward, width, height }),
      series.map((one, n) => line(one, xs, x, y, n)), mark];
  });
  drawn.tabIndex = 0;
  drawn.setAttribute("role", "group");
  drawn.setAttribute("aria-label", `${name}; the arrow keys tell values`);
  drawn.addEventListener("pointermove", (event) => {
    const here = event.clientX - drawn.getBoundingClientRect().left;
    if (x) tell(xs.reduce((best, one, n) => (Math.abs(x(one) - here) < Math.abs(x(xs[best]) - here) ? n : best), 0));
  });
  drawn.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !x) return;
    event.preventDefault();
    tell(at < 0 ? 0 : at + step);
  });
  return h("figure", {}, series.length > 1 && legend(series.map((one) => one.name)) || null, drawn, said);
}

function line({ ys, lows, highs }, xs, x, y, n) {
  const pieces = []; // a gap is left where nothing is known
  let piece = [];
  xs.forEach((place, at) => {
    if (Number.isFinite(ys[at])) piece.push(at);
    else if (piece.length) [piece] = [[], pieces.push(piece)];
  });
  if (piece.length) pieces.push(piece);
  const path = (places, of) => places.map((at) => `${x(xs[at]).toFixed(1)},${y(of[at]).toFixed(1)}`).join(" ");
  const banded = (places) => places.filter((at) => Number.isFinite(lows?.[at]) && Number.isFinite(highs?.[at]));
  return s("g", { class: `c${n % COLOURS}` }, pieces.map((places) => [
    banded(places).length > 1
      ? s("polygon", { class: "band", points: `${path(banded(places), highs)} ${path(banded(places).reverse(), lows)}` }) : null,
    s("polyline", { class: "line", points: path(places, ys) }),
    xs.length <= 40 || places.length === 1
      ? places.map((at) => s("circle", { class: "dot", cx: x(xs[at]), cy: y(ys[at]), r: 2.5 })) : null,
  ]));
}

/** Points with a name beside each, in colours of their kinds.
 *
 * A point is {x, y, name, kind, marked}; `across` and `up` are {name, words}: what an axis shows, and a value
 * of it in words. Points of one `path` are joined in their order.
 */
export function points(name, { all, across, up }) {
  const kinds = [...new Set(all.map((one) => one.kind ?? ""))];
  const drawn = wide(name, 300, (width, height) => {
    const wideOf = { span: span(all.map((one) => one.x)), words: across.words };
    const highOf = { span: span(all.map((one) => one.y)), words: up.words };
    const x = scale(wideOf.span, LEFT + 6, width - RIGHT - 6);
    const y = scale(highOf.span, height - BOTTOM, TOP + 14);
    return [axes({ x, y, across: wideOf, up: highOf, width, height }),
      kinds.map((kind, n) => joined(all.filter((one) => (one.kind ?? "") === kind && one.path), x, y, n)),
      all.map((one) => point(one, x, y, kinds.indexOf(one.kind ?? ""), width)),
      s("text", { class: "tick", x: 2, y: 10 }, `${up.name} ↑`),
      s("text", { class: "tick", x: width - 2, y: 10, "text-anchor": "end" }, `${across.name} →`)];
  });
  return h("figure", {}, kinds.length > 1 && legend(kinds) || null, drawn);
}

const joined = (some, x, y, n) => (some.length > 1 ? s("polyline", { class: `line c${n % COLOURS}`,
  points: some.map((one) => `${x(one.x).toFixed(1)},${y(one.y).toFixed(1)}`).join(" ") }) : null);

function point({ x: across, y: up, name, marked, path }, x, y, n, width) {
  const [at, high] = [x(across), y(up)];
  const left = at > width * 0.7;
  const place = path ? { x: Math.max(at, LEFT + 20), y: high - 11, "text-anchor": left && at > width - 60 ? "end" : "middle" } // clear of the line
    : { x: at + (left ? -9 : 9), y: high + 4, "text-anchor": left ? "end" : "start" };
  return s("g", { class: `c${n % COLOURS}${marked ? " marked" : ""}` },
    s("circle", { class: "dot", cx: at, cy: high, r: marked ? 6 : 4 }, s("title", {}, name)),
    s("text", { class: "name", ...place }, name));
}
