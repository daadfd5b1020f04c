// Two runs side by side: what they are, what differs, and what the same people say.

import { ask, twin } from "./api.js";
import { fill, h, light, panel, table } from "./dom.js";
import { leaderboard } from "./leaderboard.js";
import { bytes, pageOf } from "./measures.js";
import { count, figure, moment, plain } from "./words.js";

const at = (seconds) => (seconds === null ? "–" : moment(seconds * 1000));
const FACTS = [
  ["Model", "model", plain], ["Made", "made", at], ["Seconds of training", "seconds", figure], ["Came from", "parent", plain],
  ["Events", "events", count], ["People", "users", count], ["Items", "items", count], ["Learned until", "learned_until", at],
  ["Data", "data", (x) => x?.slice(0, 12) ?? "–"], ["Seed", "seed", plain], ["Size", "bytes", (x) => bytes(x.all)],
];

export function beside(one, other) {
  const path = (name) => `/v1/models/${encodeURIComponent(name)}`;
  const both = panel("What differs", twin(path(one)));
  const board = leaderboard(other, [one, other]);
  const root = h("div", {},
    h("p", {}, h("a", { href: "#/models" }, "← All models")),
    h("h1", {}, h("a", { href: pageOf(one) }, one), " beside ", h("a", { href: pageOf(other) }, other)),
    both.root, board.root);
  const load = () => Promise.all([board.load(), fill(both, () => Promise.all([ask(path(one)), ask(path(other))]), drawn)]);
  return { root, load };
}

function drawn([a, b]) {
  const settings = [...new Set([...Object.keys(a.settings ?? {}), ...Object.keys(b.settings ?? {})])];
  const versions = [...new Set([...Object.keys(a.versions ?? {}), ...Object.keys(b.versions ?? {})])]
    .filter((name) => a.versions?.[name] !== b.versions?.[name]);
  const rows = [
    ...FACTS.map(([head, name, words]) => [head, words(a[name]), words(b[name])]),
    ...settings.map((name) => [name, plain(a.settings?.[name]), plain(b.settings?.[name])]),
    ...versions.map((name) => [`version of ${name}`, plain(a.versions?.[name]), plain(b.versions?.[name])]),
  ].map((row) => [...row, row[1] === row[2] ? light("quiet", "same") : light("watched", "differs")]);
  return table("What differs", ["What", a.name, b.name, "Alike"], rows, "words");
}
