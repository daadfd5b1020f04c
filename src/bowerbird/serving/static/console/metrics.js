// Online metrics: what lists earned by scenario, model, segment, rung, place and day, and what each figure means.

import { Fault, ask } from "./api.js";
import { lines } from "./chart.js";
import { field, fill, h, panel, table } from "./dom.js";
import { ONLINE, asTold, between, defined, differing, meant, number, query, worded } from "./figures.js";
import { DAY_MS, count, figure, moment } from "./words.js";

const SPANS = { 7: "7 days", 28: "28 days", 90: "90 days", dates: "From … to …" };
const BY = { surface: "Scenario", model: "Model", segment: "Segment", rung: "Rung", position: "Place",
  day: "Day", item: "Item", "arm:holdout": "Holdout" };
const CREDIT = { attributed: "Named or after a click", direct: "Named by the event", click: "After a click",
  view: "View-through too (1 hour)", total: "All there was, credited or not" };
const [MOST, SERIES] = [200, 6]; // rows of a table, lines of a chart
const USUAL = { span: "28", credit: "attributed", by: "surface", and: "", figure: "ctr_list", apart: "", all: "",
  from: "", to: "" };

export function view() {
  const state = { ...USUAL, where: [], sort: ["", 1], paths: {} };
  const twin = asTold(state.paths);
  const head = panel("At a glance", twin(`${ONLINE}/change`),
    "Beside each figure: where it would lie in 19 of 20 such spans, and the span before at the same age.");
  const days = panel("Day by day", twin(`${ONLINE}?by=day`));
  const places = panel("By place", twin(`${ONLINE}?by=position`),
    "What stands first is clicked more, partly because it is better, partly because it stands first.");
  const groups = panel("By group", twin(ONLINE));
  const chips = h("ul", { class: "chips", "aria-label": "Only" });
  const parts = { head, days, places, groups, chips };
  const load = (told) => {
    if (told?.size) given(state, told);
    form.show();
    return shown(state, parts, load);
  };
  const form = controls(state, () => load());
  const root = h("div", {}, h("h1", {}, "Online metrics"), form.root, chips, head.root,
    h("div", { class: "two" }, days.root, places.root), groups.root);
  return { root, load };
}

/** What the address says. */
function given(state, told) {
  for (const name of Object.keys(USUAL)) state[name] = told.get(name) ?? USUAL[name];
  state.where = told.getAll("where");
  if (!(state.span in SPANS)) state.span = USUAL.span;
  if (!(state.credit in CREDIT)) state.credit = USUAL.credit;
  if (!(state.by in BY)) state.by = USUAL.by;
  if (!(state.and in BY) || state.and === state.by) state.and = "";
}

/** Fields that say what is shown; each change shows it. */
function controls(state, changed) {
  const choice = (name, options) => h("select", { change: (event) => {
    state[name] = event.target.value;
    if (state.and === state.by) state.and = "";
    changed();
  } }, Object.entries(options).map(([value, word]) => h("option", { value }, word)));
  const day = (name) => h("input", { type: "date", change: (event) => {
    state[name] = event.target.value;
    changed();
  } });
  const inputs = { span: choice("span", SPANS), from: day("from"), to: day("to"), credit: choice("credit", CREDIT),
    by: choice("by", BY), and: choice("and", { "": "nothing else", ...BY }) };
  const dates = [field("From", inputs.from), field("To, that day too", inputs.to)];
  const root = h("form", { class: "panel controls", "aria-label": "What is shown", submit: (event) => event.preventDefault() },
    field("Span", inputs.span), dates, field("Credit of a purchase", inputs.credit), field("Group by", inputs.by),
    field("and by", inputs.and));
  const show = () => {
    for (const [name, input] of Object.entries(inputs)) input.value = state[name];
    for (const one of dates) one.hidden = state.span !== "dates";
  };
  return { root, show };
}

/** The span and the rules, as the interface is asked. Rolling spans are dated now. */
function spanned({ span, from, to, credit, where }) {
  const through = credit === "view" ? { view_through_s: 3600 } : {};
  if (span !== "dates") return { since: Date.now() - Number(span) * DAY_MS, ...through, where };
  if (!from || !to || from > to) throw new Fault(422, "Say from which day to which, the first one first.");
  return { since: Date.parse(from), until: Date.parse(to) + DAY_MS, ...through, where };
}

/** All parts, of the same facts: those there were when the first was asked. */
function shown(state, { head, days, places, groups, chips }, load) {
  drawChips(chips, state, load);
  const told = Object.fromEntries(Object.entries(state).filter(([name, value]) => name in USUAL && value !== USUAL[name]));
  const rest = query({ ...told, where: state.where });
  history.replaceState(null, "", `#/metrics${rest && `?${rest}`}`);
  let first = null;
  const pinned = () => {
    first ??= begun(state).catch((fault) => { first = null; throw fault; });
    return first;
  };
  const by = async (names, twin) => {
    const { meanings, asked } = await pinned();
    const path = `${ONLINE}?${query({ by: names.join(","), ...asked })}`;
    state.paths[twin] = path;
    return { meanings, asked, told: await ask(path) };
  };
  const names = [state.by, state.and].filter(Boolean);
  const apart = names.filter((one) => state.apart && !["day", "position", "item"].includes(one)).slice(0, 1);
  return Promise.all([
    fill(head, pinned, (found) => glance(found, state)),
    fill(days, () => by(["day", ...apart], `${ONLINE}?by=day`), (found) => daily(found, state, apart[0], load)),
    fill(places, () => by(["position"], `${ONLINE}?by=position`), placed),
    fill(groups, () => by(names, ONLINE), (found) => tabled(found, state, names, load)),
  ]);
}

async function begun(state) {
  const asked = spanned(state);
  const path = `${ONLINE}/change?${query(asked)}`;
  const [meanings, change] = await Promise.all([defined(), ask(path)]);
  state.paths[`${ONLINE}/change`] = path;
  return { meanings, change, asked: { ...asked, as_of: change.as_of } };
}

function drawChips(chips, state, load) {
  chips.replaceChildren(...state.where.map((one) => h("li", {}, h("button", { type: "button",
    "aria-label": `No longer only ${one}`, click: () => {
      state.where = state.where.filter((other) => other !== one);
      load();
      document.querySelector(".controls select").focus();
    } }, `only ${one.replace(":", " ")} ✕`))));
}

const MAIN = ["lists_served", "lists_seen", "ctr_list", "conversion_rate:purchase", "revenue", "revenue_per_list", "fallback_share"];
const main = (name) => MAIN.some((one) => within(one, name));
const within = (one, name) => name === one || name.startsWith(`${one}:`);
const place = (name) => (main(name) ? MAIN.findIndex((one) => within(one, name)) : MAIN.length);

/** The metrics of a report at the level that is chosen, the main ones first. */
function leveled(figures, { credit }) {
  const level = credit === "view" ? "attributed" : credit;
  return Object.keys(figures).filter((name) => {
    const [kind, , at] = name.split(":");
    if (kind === "conversion_rate") return at === (level === "total" ? "attributed" : level);
    return ["conversions", "revenue"].includes(kind) ? at === level : true;
  }).sort((a, b) => place(a) - place(b));
}

/** The main figures as cards: value, interval, change. */
function glance({ meanings, change: { now, before, change }, asked }, state) {
  if (!now.figures.lists_served.value && !before.figures.lists_served.value) return nothing(state);
  const compared = before.figures.lists_served.value > 0;
  const cards = leveled(now.figures, state).filter(main).slice(1).map((name) => {
    const [meaning, found] = [meant(meanings, name), now.figures[name]];
    const range = between(meaning, found, meanings.few);
    const told = compared && differing(meaning, change[name]);
    return h("li", {}, h("span", { class: "quiet" }, meaning.title),
      number(meaning, found, { asked, where: asked.where }), range && h("small", {}, range),
      told && h("small", { class: `differs ${told.kind}` }, `${told.mark} ${told.word}`),
      told && h("small", {}, told.size || `${worded(meaning, before.figures[name].value)} before`));
  });
  const span = `Lists of ${moment(now.since)} to ${moment(now.until)}`;
  return [h("ul", { class: "cards" }, cards), h("p", { class: "quiet" }, compared ? `${span}, against those since `
    + `${moment(before.since)}. Of twenty figures that nothing has changed, one is told as more or less all the same.`
    : `${span}. There were none in as long a span before: nothing to hold them against.`)];
}

const nothing = (state) => h("p", { class: "quiet" }, state.where.length ? "Nothing is known of this group in these days. "
  : "No list went out in these days. ", h("a", { href: "#/try" }, "Try it"), " asks for one.");

const called = ({ group, figures }, names) => names.map((name) => group[name]
  ?? (figures.lists_served.value ? "none" : "credited to no list")).join(" · ");
const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const axis = (meaning) => (x) => (meaning.unit === "share" && x !== null ? `${figure(100 * x)} %` : worded(meaning, x));

/** A line a group, with bands; days without a list are gaps. */
function daily({ meanings, told: { groups } }, state, apart, load) {
  const [all, ...rest] = groups;
  const names = leveled(all.figures, state);
  if (!names.includes(state.figure)) state.figure = "ctr_list";
  const known = rest.filter(({ group }) => group.day !== null && (!apart || group[apart] !== null));
  if (!known.length) return nothing(state);
  const meaning = meant(meanings, state.figure);
  const [least, most] = [known[0].group.day, known.at(-1).group.day].map(Date.parse);
  const xs = Array.from({ length: (most - least) / DAY_MS + 1 }, (_, n) => least + n * DAY_MS);
  const whose = [...new Set(known.map(({ group }) => (apart ? group[apart] : "All")))];
  const size = (name) => known.filter(({ group }) => group[apart] === name)
    .reduce((sum, { figures }) => sum + figures.lists_served.value, 0);
  const largest = whose.sort((a, b) => size(b) - size(a)).slice(0, SERIES);
  const series = largest.map((name) => {
    const of = new Map(known.filter(({ group }) => !apart || group[apart] === name)
      .map(({ group, figures }) => [Date.parse(group.day), figures[state.figure]]));
    const each = (end) => xs.map((x) => of.get(x)?.[end] ?? null);
    return largest.length > 2 ? { name, ys: each("value") } // more bands hide each other
      : { name, ys: each("value"), lows: each("low"), highs: each("high") };
  });
  const split = h("label", { class: "check" }, h("input", { type: "checkbox", checked: Boolean(state.apart), change: (event) => {
    state.apart = event.target.checked ? "yes" : "";
    load();
  } }), " A line for each group");
  const chosen = h("select", { change: (event) => { state.figure = event.target.value; load(); } },
    names.map((name) => h("option", { value: name, selected: name === state.figure }, meant(meanings, name).title)));
  const more = whose.length - largest.length;
  const notes = [more > 0 && `The ${SERIES} with most lists; ${count(more)} more stand in the table.`,
    state.span !== "dates" && "The first and the last day are not whole."].filter(Boolean).join(" ");
  return [h("div", { class: "beside" }, field("Figure", chosen), split), lines(`${meaning.title} by day`, { xs, series,
    across: (x) => dates.format(x), up: axis(meaning) }), notes && h("p", { class: "quiet" }, notes)].filter(Boolean);
}

/** How often each place is clicked where it was seen. */
function placed({ meanings, asked, told: { groups } }) {
  const known = groups.slice(1).filter(({ group, figures }) => group.position !== null && figures.ctr_slot.value !== null);
  if (!known.length) return h("p", { class: "quiet" }, "No place was seen in these days.");
  const meaning = meant(meanings, "ctr_slot");
  const each = (end) => known.map(({ figures }) => figures.ctr_slot[end]);
  const series = [{ name: meaning.title, ys: each("value"), lows: each("low"), highs: each("high") }];
  const rows = known.map(({ group: { position }, figures: { ctr_slot: found } }) => [`Place ${position}`,
    number(meaning, found, { asked, where: [...asked.where, `position:${position}`], label: `place ${position}` }),
    between(meaning, found, meanings.few) ?? "–", count(found.denominator)]);
  return [lines("Clicked by place", { xs: known.map(({ group }) => group.position), series, across: (n) => `place ${n}`,
    up: axis(meaning) }),
  h("details", {}, h("summary", {}, "As a table"), table("Clicked by place", ["Place", "Clicked", "Between", "Seen"], rows))];
}

/** A row a group; any column sorts. */
function tabled({ meanings, asked, told: { groups } }, state, names, load) {
  const [all, ...others] = groups;
  const empty = ({ figures }) => !figures.lists_served.value && state.credit !== "total"; // credited to no list
  const rest = others.filter((one) => !empty(one));
  const columns = leveled(all.figures, state).filter((name) => state.all || main(name))
    .map((name) => meant(meanings, name));
  const body = h("div", {});
  const draw = () => {
    const at = document.activeElement?.dataset?.sorts;
    body.replaceChildren(sortable({ columns, rows: sorted(rest, state.sort, names), all, names, asked, meanings, state, load, draw }));
    if (at !== undefined) body.querySelector(`[data-sorts="${CSS.escape(at)}"]`)?.focus();
  };
  draw();
  const whole = h("label", { class: "check" }, h("input", { type: "checkbox", checked: Boolean(state.all), change: (event) => {
    state.all = event.target.checked ? "yes" : "";
    load();
  } }), " All figures");
  return [whole, body, rest.length > MOST && h("p", { class: "quiet" }, `${MOST} of ${count(rest.length)} are shown.`)].filter(Boolean);
}

function sorted(rows, [name, way], names) {
  if (!name) return rows;
  const of = (one) => (name === "name" ? called(one, names) : one.figures[name]?.value ?? null);
  return [...rows].sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    if (x === null || y === null) return (x === null) - (y === null); // what has no value stands last
    return way * (x < y ? -1 : x > y ? 1 : 0);
  });
}

function sortable({ columns, rows, all, names, asked, meanings, state, load, draw }) {
  const row = ({ group, figures }, whole) => {
    const where = whole ? asked.where : [...asked.where, ...names.map((name) => `${name}:${group[name] ?? ""}`)];
    const label = whole ? "" : called({ group, figures }, names);
    const only = h("button", { type: "button", class: "number", "aria-label": `Only ${label}`, click: () => {
      state.where = [...new Set(where)];
      load();
    } }, label);
    return [whole ? "All" : only, ...columns.map((meaning) => {
      const found = figures[meaning.metric];
      return [number(meaning, found, { asked, where, label }),
        h("small", {}, (found && between(meaning, found, meanings.few)) ?? "")];
    })];
  };
  const heads = [names.map((name) => BY[name]).join(" · "), ...columns.map(({ title }) => title)];
  const made = table(`By ${names.map((name) => BY[name].toLowerCase()).join(" and ")}`, heads,
    [...rows.slice(0, MOST).map((one) => row(one, false)), row(all, true)]);
  const keys = ["name", ...columns.map(({ metric }) => metric)];
  made.querySelectorAll("thead th").forEach((th, n) => {
    const [name, way] = state.sort;
    const on = name === keys[n];
    if (on) th.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    th.replaceChildren(h("button", { type: "button", class: "sorts", "data-sorts": keys[n], click: () => {
      state.sort = [keys[n], on ? -way : keys[n] === "name" ? 1 : -1];
      draw();
    } }, heads[n], on ? (way > 0 ? " ↑" : " ↓") : ""));
  });
  const ways = h("select", { change: (event) => { state.sort = [event.target.value, event.target.value === "name" ? 1 : -1]; draw(); } },
    h("option", { value: "" }, "as they come"), keys.map((key, n) => h("option", { value: key, selected: key === state.sort[0] }, heads[n])));
  return h("div", { class: "sorted" }, h("div", { class: "narrow" }, field("Sorted by", ways)), made);
}
