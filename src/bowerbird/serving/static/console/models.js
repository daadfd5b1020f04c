// Models: which answers, what each is worth, where it comes from, another one in its place.

import { allowed, ask, attempt, barred, twin } from "./api.js";
import { confirmed, field, fill, h, light, panel, table } from "./dom.js";
import { beside } from "./beside.js";
import { leaderboard } from "./leaderboard.js";
import { lineage, verdictLight } from "./lineage.js";
import { pageOf } from "./measures.js";
import { retrain } from "./retrain.js";
import { runPage } from "./run.js";
import { ago, moment } from "./words.js";

export function view() {
  const said = h("p", { role: "status", class: "said" });
  const say = (text) => { said.textContent = text; };
  const [all, page] = [h("div", {}), h("div", {})];
  let list = null; // made when it is first looked at, as the page of a run is
  let shown = null;
  const root = h("div", { class: "models" }, said, all, page);
  const load = (told) => {
    const [name, other] = [told?.get("run"), told?.get("with")];
    [all.hidden, page.hidden] = [Boolean(name), !name];
    if (!name) {
      if (!list) all.append((list = everything(say)).root);
      return list.load();
    }
    const at = pageOf(name, other);
    if (at !== shown?.at) {
      say("");
      shown = { at, ...(other ? beside(name, other) : runPage(name, (one, after) => promote(one, say, after))) };
      page.replaceChildren(shown.root);
    }
    return shown.load();
  };
  return { root, load };
}

/** All runs together. */
function everything(say) {
  const runs = panel("Runs that could answer", twin("/v1/models"));
  const board = leaderboard();
  const family = lineage();
  const loadRuns = () => fill(runs, async () => {
    const [{ models }, { found }] = await Promise.all([ask("/v1/models"), attempt("/v1/lineage")]);
    return { models, family: found };
  }, (told) => drawRuns(told, say, changed));
  const changed = () => Promise.all([loadRuns(), board.load(), family.load()]);
  const again = retrain(say, changed);
  const root = h("div", {}, h("h1", {}, "Models"),
    barred("admin") && h("p", { class: "quiet" }, barred("admin")), runs.root, board.root, again.root, family.root);
  return { root, load: () => Promise.all([changed(), again.load()]) };
}

function drawRuns({ models, family }, say, after) {
  const more = new Map((family?.runs ?? []).map((run) => [run.name, run]));
  const rows = models.map(({ name, model, made, current }) => {
    const { parent, verdict, retired } = more.get(name) ?? {};
    return [
      h("a", { href: pageOf(name) }, name), model,
      made ? [moment(Date.parse(made)), h("small", {}, ago(Date.parse(made)))] : "–",
      parent ?? "–", verdictLight(verdict) ?? "–",
      current ? light("well", "answers") : retired ? [light("ill", "retired"), h("small", {}, retired)] : allowed("admin", h("button", {
        type: "button", class: "plain", "aria-label": `Let ${name} answer`, click: () => promote(name, say, after),
      }, "Let it answer")),
    ];
  });
  const now = models.find(({ current }) => current)?.name;
  return [
    family?.before && h("p", {}, allowed("admin", h("button", { type: "button", class: "plain",
      click: () => rollback(now, family.before, say, after) }, `Back to ${family.before}`)),
    h("small", { class: "aside" }, "which answered before")),
    table("Runs", ["Run", "Model", "Made", "Came from", "Gate", "Answers"], rows, "words"),
  ].filter(Boolean);
}

const because = () => h("input", { maxlength: 500, autocomplete: "off" });

/** Another run answers, if somebody says so twice. */
function promote(name, say, after) {
  const why = because();
  confirmed(`Shall ${name} answer?`, "Every list from now on comes from it. No gate has judged it just now; "
    + "the run that answers today stays and can be named again.", "Let it answer", async () => {
    const body = { model: name, why: why.value.trim() };
    const { model } = await ask("/v1/models/current", { method: "PUT", body });
    say(`${model} answers.`);
    await after();
  }, field("Why", why, "For the books; may stay empty."));
  why.form.querySelector("[type=submit]").focus();
}

/** The run that answered before answers again. */
function rollback(now, before, say, after) {
  const why = because();
  confirmed(`Back to ${before}?`, `It answered before ${now}: every list from now on comes from it again. Nothing is `
    + `trained or copied, and ${now} stays.`, "Roll back", async () => {
    const { model } = await ask("/v1/models/rollback", { method: "POST", body: { answers: now, why: why.value.trim() } });
    say(`${model} answers again.`);
    await after();
  }, field("Why", why, "For the books; may stay empty."));
  why.form.querySelector("[type=submit]").focus();
}
