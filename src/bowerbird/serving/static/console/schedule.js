// When a retrain is due, and who is told: two tables of retrain.toml as forms.

import { allowed, ask, attempt, may, twin } from "./api.js";
import { field, fill, h, light, panel, table } from "./dom.js";
import { ago, count, figure, moment, share } from "./words.js";

const PATH = "/v1/settings/retrain";
const MOST = 20; // alerts that are shown at first
const LENGTH = "[0-9]+([.][0-9]+)?[smhd]?|off";
// key, name, trigger that it is the limit of, kind of input, words
const TRIGGERS = [
  ["every", "So long after the last one", "schedule", "length", "such as 12h or 7d; off: not by the clock"],
  ["at", "Or every day at (UTC)", null, "time", "in place of the time above"],
  ["new_events", "New events, in % of all before", "new events", "share", "0: off"],
  ["least_events", "And so many at least", null, "whole", ""],
  ["unknown_items", "Events of unknown items, in %", "unknown items", "share", "0: off"],
  ["decay", "Clicks lost, in %", "decay", "share", "against the four weeks before; 0: off"],
  ["drift", "New events are unlike those before", "drift", "truth", ""],
  ["cooldown", "Pause after one has begun", null, "length", "such as 6h; off: none"],
];

const percent = (x) => String(Number((100 * x).toPrecision(10)));
const KINDS = {
  length: { make: () => h("input", { pattern: LENGTH, autocomplete: "off" }), read: (told) => told, write: String },
  time: { make: () => h("input", { pattern: "([01][0-9]|2[0-3]):[0-5][0-9]", autocomplete: "off" }), read: (told) => told, write: String },
  whole: { make: () => h("input", { type: "number", min: "1", step: "1" }), read: Number, write: String },
  share: { make: () => h("input", { type: "number", min: "0", max: "99.9", step: "any" }),
    read: (told) => Number((Number(told) / 100).toPrecision(10)), write: percent },
  truth: { make: () => h("select", {}, h("option", { value: "" }), h("option", { value: "true" }, "yes"), h("option", { value: "false" }, "no")),
    read: (told) => told === "true", write: String },
};

/** A form over one of the tables: sends what was changed, keeps what was typed. */
function form(name, act, ...parts) {
  const fault = h("p", { class: "fault", role: "alert" });
  const save = allowed("admin", h("button", { type: "submit" }, "Save"));
  const made = h("form", { class: "settings", submit: async (event) => {
    event.preventDefault();
    await tried(save, fault, act);
  } }, allowed("admin", h("fieldset", {}, h("legend", { class: "hidden" }, name), parts)), fault);
  return { form: made, save };
}

export function schedulePanel(tell, after) {
  const due = panel("When a retrain is due", twin(PATH));
  const looks = h("p", {});
  const inputs = TRIGGERS.map(([key, label, trigger, kind, words]) => {
    const input = KINDS[kind].make();
    const part = field(label, input, " ");
    return { key, trigger, kind, words, input, part, hint: part.querySelector("small") };
  });
  const changed = () => inputs.filter(({ input }) => input.value !== (input.dataset.was ?? ""));
  const act = async () => {
    const told = changed().map(({ key, kind, input }) => [key, input.value === "" ? null : KINDS[kind].read(input.value.trim())]);
    if (!told.length) return tell("Nothing was changed.");
    await ask(PATH, { method: "PATCH", body: { triggers: Object.fromEntries(told) } });
    for (const { input } of inputs) input.dataset.was = input.value;
    tell("Saved: it holds from the next look on.");
    return Promise.all([load(), after()]);
  };
  const { form: made, save } = form("When", act, h("div", { class: "fields" }, inputs.map(({ part }) => part)));
  made.append(h("p", { class: "row" }, save));
  const draw = ([told, now]) => {
    looks.replaceChildren(...looking(told));
    for (const one of inputs) drawTrigger(one, told, now);
    return [looks, made];
  };
  const load = () => fill(due, () => Promise.all([ask(PATH), attempt("/v1/retrain/triggers")]), draw);
  return { root: due.root, load };
}

function looking({ timer, looked, next, file }) {
  const last = looked ? `The last look was ${ago(looked * 1000)}` : "Nobody has looked yet";
  const then = next ? `, the next is ${next * 1000 > Date.now() ? ago(next * 1000) : "now"}.` : ".";
  return timer ? [`This server looks every ${timer} (`, h("code", {}, `--retrain ${timer}`), `). ${last}${then} What is left empty is as by default; the rest is in `, h("code", {}, file), "."]
    : ["This server does not look by itself: ", h("code", {}, "bowerbird serve --retrain 10m"),
      ` does. ${last}${then} What is left empty is as by default; the rest is in `, h("code", {}, file), "."];
}

function drawTrigger({ key, trigger, kind, words, input, hint }, told, now) {
  const value = told.triggers[key];
  const usual = told.defaults.triggers[key];
  const text = value === undefined ? "" : KINDS[kind].write(value);
  if (input.value === (input.dataset.was ?? "")) input.value = text; // else somebody types
  input.dataset.was = text;
  const by = usual === null ? "none" : kind === "truth" ? (usual ? "yes" : "no") : KINDS[kind].write(usual);
  if (kind === "truth") input.options[0].textContent = `by default: ${by}`;
  else input.placeholder = usual === null ? "" : by;
  const found = trigger && now.found?.triggers.find((one) => one.name === trigger);
  hint.replaceChildren(...[
    found && found.value !== null && light(found.fired ? "watched" : "well", `now ${valued(kind, found.value, trigger)}`),
    found && found.value !== null && words && " · ", words,
  ].filter(Boolean));
}

const valued = (kind, value, trigger) => {
  if (kind === "share" && trigger !== "new events") return share(value);
  if (kind === "length") return value < 5400 ? `${Math.round(value / 60)}m` : `${figure(value / 3600)}h`;
  return trigger === "new events" ? `${count(value)} events` : figure(value);
};

export function alertPanel(tell, after) {
  const told = panel("Alerts", twin("/v1/alerts"));
  const parts = addressed();
  let most = MOST;
  const change = async (alerts, words) => {
    await ask(PATH, { method: "PATCH", body: { alerts } });
    tell(words);
    await Promise.all([load(), after()]);
  };
  const act = async () => {
    const alerts = parts.typed();
    if (!Object.keys(alerts).length) return tell("Nothing was changed.");
    await change(alerts, "Saved: who is told from now on.");
    parts.webhook.value = "";
    return null;
  };
  const { form: made, save } = form("Who is told", act, parts.place, parts.boxes);
  const button = (word, work) => h("button", { type: "button", class: "plain",
    click: (event) => tried(event.currentTarget, made.querySelector(".fault"), work) }, word);
  parts.none = allowed("admin", button("Send them nowhere",
    () => change({ webhook: null }, "Alerts are sent nowhere; they are still listed here.")));
  parts.test = allowed("admin", button("Send a test alert", async () => {
    const { sent, fault } = await ask("/v1/alerts/test", { method: "POST" });
    tell(sent ? "The test alert has arrived." : `The test alert could not be sent: ${fault}`);
    await after();
  }));
  made.append(h("p", { class: "row" }, save, parts.test, parts.none));
  const draw = ([settings, { alerts }]) => {
    drawAlerts(settings, parts);
    const more = alerts.length > most && h("button", { type: "button", class: "plain", click: () => { most = 1000; load(); } }, "Show all");
    return [made, h("h3", {}, "What was told"), listed(alerts.slice(0, most)), more].filter(Boolean);
  };
  const load = () => fill(told, () => Promise.all([ask(PATH), ask(`/v1/alerts?limit=${Math.min(most + 1, 1000)}`)]), draw);
  return { root: told.root, load };
}

/** Where alerts go, and which: what is typed, as far as it differs from what is set. */
function addressed() {
  const webhook = h("input", { type: "url", autocomplete: "off", pattern: "https?://.+" });
  const place = field("Send them to", webhook, " ");
  const boxes = h("fieldset", { class: "boxes" });
  const kinds = () => [...boxes.querySelectorAll("input:checked")].map((box) => box.value);
  const typed = () => ({
    ...(webhook.value.trim() && { webhook: webhook.value.trim() }),
    ...(String(kinds()) !== boxes.dataset.was && { on: kinds() }),
  });
  return { webhook, place, boxes, kinds, typed, hint: place.querySelector("small") };
}

/** Do it once; what the server says against it stands in the form. */
async function tried(button, fault, work) {
  fault.textContent = "";
  button.disabled = true;
  try {
    await work();
  } catch (wrong) {
    if (!("detail" in wrong)) throw wrong;
    fault.textContent = wrong.detail;
  } finally {
    button.disabled = !may("admin");
  }
}

function drawAlerts({ alerts, defaults }, { webhook, hint, boxes, kinds, none, test }) {
  webhook.placeholder = alerts.webhook || "an https address";
  hint.textContent = alerts.webhook ? `Now to ${alerts.webhook}: what follows the host is not shown. Left empty, it stays.`
    : "Each as a JSON message. Nowhere yet.";
  none.hidden = test.hidden = !alerts.webhook;
  const on = alerts.on || defaults.alerts.on;
  if (boxes.dataset.was === undefined || boxes.dataset.was === String(kinds())) { // else somebody chooses
    boxes.replaceChildren(h("legend", {}, "What is told"), ...defaults.alerts.on.map((kind) => h("label", { class: "check" },
      h("input", { type: "checkbox", value: kind, checked: on.includes(kind) }), ` ${kind}`)));
  }
  boxes.dataset.was = String(defaults.alerts.on.filter((kind) => on.includes(kind)));
}

function listed(alerts) {
  if (!alerts.length) return h("p", { class: "quiet" }, "Nothing yet.");
  const rows = alerts.map(({ at, kind, text }) => [[moment(at * 1000), h("small", {}, ago(at * 1000))],
    light(kind === "failed" ? "ill" : "watched", kind), text]);
  return table("Alerts", ["When", "What", "In words"], rows, "words told");
}
