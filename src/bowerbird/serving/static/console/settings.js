// Settings: keys, when a retrain is due, who is told, limits, and who changed what.

import { ask, barred, twin } from "./api.js";
import { confirmed, fill, h, panel, table } from "./dom.js";
import { keyPanel, nameOf } from "./keys.js";
import { alertPanel, schedulePanel } from "./schedule.js";
import { ago, count, moment, plain } from "./words.js";

const MOST = 50; // changes that are shown
const KINDS = [["server", "The server"], ["lists", "Lists and what they fall back to"], ["limits", "A request"]];

export function view() {
  const said = h("p", { role: "status", class: "said" });
  const tell = (words) => { said.textContent = words; };
  const limits = panel("Limits", twin("/v1/settings"),
    "What has an option is set where the server is started.");
  const changes = panel("Who changed what", twin(`/v1/settings/changes?limit=${MOST}`));
  const loadChanges = () => fill(changes, () => ask(`/v1/settings/changes?limit=${MOST}`),
    (told) => drawChanges(told, back));
  const parts = [
    keyPanel(tell, loadChanges), schedulePanel(tell, loadChanges), alertPanel(tell, loadChanges),
  ];
  const load = () => Promise.all([
    parts[0].load().then(loadChanges), // which names whose keys it knows
    ...parts.slice(1).map((one) => one.load()),
    fill(limits, () => ask("/v1/settings"), drawLimits),
  ]);
  const back = (entry) => confirmed("Shall it be as it was before?", words(entry.before), "Put it back", async () => {
    await ask("/v1/settings/retrain", { method: "PATCH", body: { [entry.what]: entry.before } });
    tell("It is as it was before.");
    await load();
  });
  const [keys, schedule, alerts] = parts.map((one) => one.root);
  const root = h("div", { class: "all-settings" }, h("h1", {}, "Settings"), said,
    barred("admin") && h("p", { class: "quiet" }, barred("admin"), " It may look at what is set."),
    keys, h("div", { class: "two" }, schedule, alerts), limits.root, changes.root);
  return { root, load };
}

const shown = (value) => {
  if (value === null || value === undefined) return "off";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? count(value) : String(value);
};

function drawLimits({ settings }) {
  const row = (one) => [one.name, [shown(one.value), one.unit && ` ${one.unit}`], one.words];
  const usual = (one) => (shown(one.value) === shown(one.default) ? "as usual" : `usual: ${shown(one.default)}`);
  const free = settings.filter((one) => one.option).map((one) => {
    const [name, value, words] = row(one);
    return [name, value, [h("code", {}, one.option), h("small", {}, usual(one))], words];
  });
  const fixed = settings.filter((one) => !one.option);
  return [
    table("Settings with an option", ["Setting", "Value", "Set by", "Meaning"], free, "words set"),
    h("details", {}, h("summary", {}, `${fixed.length} that are fixed`), KINDS.flatMap(([kind, title]) => [
      h("h3", {}, title),
      table(title, ["Limit", "Value", "Meaning"], fixed.filter((one) => one.kind === kind).map(row), "words set"),
    ])),
  ];
}

const words = (told) => Object.entries(told || {})
  .map(([name, value]) => `${name} ${value === null ? "as by default" : plain(value)}`).join(" · ");

/** What an entry of the books says, in words. */
function about({ what, about: id, before, after }) {
  if (what === "key made") return [`made the key «${after.name}»`, words({ may: after.scopes })];
  if (what === "key revoked") return [`revoked the key «${nameOf(id)}»`, ""];
  if (what === "alert tried") return ["sent a test alert", after.sent ? "it arrived" : after.fault];
  const name = what === "triggers" ? "when a retrain is due" : "who is told";
  return [`changed ${name}`, `${words(after)} (before: ${words(before)})`];
}

function drawChanges({ changes }, back) {
  if (!changes.length) return h("p", { class: "quiet" }, "Nothing was changed yet.");
  const rows = changes.map((entry) => {
    const [what, more] = about(entry);
    const { webhook, ...rest } = entry.before || {}; // only its host is kept: it cannot be put back
    const can = Object.keys(rest).length && !barred("admin");
    return [[moment(entry.at), h("small", {}, ago(entry.at))], nameOf(entry.who),
      [what, h("small", {}, more)],
      can ? h("button", { type: "button", class: "plain", "aria-label": `Put back what change ${entry.number} said`,
        click: () => back({ ...entry, before: rest }) }, "Put it back") : ""];
  });
  return table("Changes", ["When", "Key", "What", ""], rows, "words changes");
}
