// Bring your data: tables come in, columns are named, all is checked, a run is made, and answers.

import { Fault, ask, attempt, twin } from "./api.js";
import { confirmed, fill, h, panel } from "./dom.js";
import { drawColumns, guessed } from "./columns.js";
import { drawCheck, drawTrain, steps } from "./steps.js";
import { bring, path, size, slug } from "./upload.js";

const POLL_MS = 1000;
const FIRST = { model: "auto", budget: "2m" };
const TABLES = {
  events: ["Events", "Who met what, and when: orders, views, ratings. Needed."],
  items: ["Items", "Titles, categories, prices. Optional; with them new items are recommended, too."],
  users: ["Users", "Country, age group and the like. Optional."],
};
export function view() {
  const state = { import: null, looks: {}, choices: null, ways: {}, fresh: null, unsaved: false, serving: null };
  const said = h("p", { role: "status", class: "said" });
  const shown = panel("Bring your data", twin("/v1/imports"), "Drop a table, say what its columns mean, "
    + "look at the check, train, and let the model answer. Nothing leaves this server.");
  const parts = Object.fromEntries(["tables", "columns", "check", "train"].map((name) => [name, h("div")]));
  let timer = null;

  const tell = (text) => { said.textContent = text; };
  /** Do it, and say what the server says against it. */
  const tried = async (work) => {
    try {
      return await work();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      tell(fault.detail);
      return null;
    }
  };
  const took = (found) => { if (found?.name) { state.import = found; draw(); } };
  const save = () => tried(async () => {
    state.unsaved = true;
    const found = await ask(path(state.import.name), { method: "PUT", body: state.choices });
    state.unsaved = false;
    took(found);
  });
  const act = (what) => tried(async () => {
    tell("");
    if (state.unsaved) await save();
    took(await ask(`${path(state.import.name)}/${what}`, { method: "POST" }));
    follow();
  });

  /** A look at each table that is whole; the first one makes the first choices. */
  const look = async () => {
    for (const { file, whole, size: bytes } of state.import?.files ?? []) {
      const table = file.split(".")[0];
      if (!whole || state.looks[table]?.of === `${file} ${bytes}`) continue;
      const found = await tried(() => ask(`${path(state.import.name)}/${file}/look`));
      state.looks[table] = { of: `${file} ${bytes}`, ...(found ?? { columns: [], rows: [], notes: [said.textContent] }) };
      const known = state.choices?.[table === "events" ? "columns" : table];
      if (!known || state.fresh === table) {
        state.choices = { ...FIRST, ...state.choices, ...guessed(table, found) };
        await save();
      }
      state.fresh = null;
    }
  };
  const load = async () => {
    const { imports } = await ask("/v1/imports");
    const newest = imports[0] ?? null;
    if (newest?.name !== state.import?.name) Object.assign(state, { looks: {}, choices: null });
    state.import = newest;
    if (state.unsaved && newest) await save();
    else state.choices = newest?.choices ?? state.choices;
    await look();
    const { found } = await attempt("/v1/health/ready");
    state.serving = found?.model ?? null;
  };
  /** While something is under way, ask how far it is. */
  const follow = () => {
    clearTimeout(timer);
    const kinds = ["check", "train"].filter((kind) => state.import?.[kind].state === "running");
    if (!kinds.length) return;
    timer = setTimeout(async () => {
      const { found } = await attempt(path(state.import.name)); // away: it is asked again
      if (found) {
        took(found);
        const over = kinds.find((kind) => found[kind].state !== "running");
        if (over) tell(`The ${over === "check" ? "check" : "training"} is over: ${found[over].state}.`);
      }
      follow();
    }, POLL_MS);
  };

  /** Take a file for a table, from where an earlier try has ended. */
  const bringFile = async (table, file) => {
    const name = state.import?.name ?? slug(file.name);
    const way = { size: 0, total: file.size };
    state.ways[table] = way;
    tell("");
    const whole = await tried(async () => {
      await bring(path(name), table, file, (done) => { Object.assign(way, done); draw(); });
      return true;
    });
    delete state.ways[table];
    delete state.looks[table];
    if (whole) {
      state.fresh = table; // other columns than before, perhaps
      tell(`${file.name} is here.`);
    }
    await tried(load);
    draw();
  };
  const remove = () => confirmed("Remove these tables?", "The files that you brought go from the server, and what "
    + "you chose. A model that was made of them stays.", "Remove", async () => {
    await ask(path(state.import.name), { method: "DELETE" });
    Object.assign(state, { import: null, looks: {}, choices: null });
    tell("The tables are gone.");
    await load();
    draw();
  });
  const serve = () => confirmed(`Shall ${state.import.run} answer?`, "Every list from now on comes from it. "
    + "What answers today stays, and can be named again under Models.", "Let it answer", async () => {
    const { model } = await ask("/v1/models/current", { method: "PUT", body: { model: state.import.run } });
    state.serving = model;
    tell(`${model} answers.`);
    draw();
  });

  const draw = () => {
    const at = document.activeElement?.id;
    const { import: one } = state;
    parts.tables.replaceChildren(tables(state, bringFile, remove));
    const ready = Boolean(state.looks.events?.columns.length && state.choices);
    parts.columns.replaceChildren(...(ready ? drawColumns(state, save) : []));
    parts.check.replaceChildren(...(ready ? drawCheck(state, act, save) : []));
    parts.train.replaceChildren(...(ready ? drawTrain(state, act, save, serve) : []));
    if (one) follow();
    if (at && document.activeElement === document.body) document.getElementById(at)?.focus();
  };
  const root = h("div", {}, said, shown.root);
  return { root, load: () => fill(shown, load, () => { draw(); return Object.values(parts); }) };
}

/** Where each table is dropped, and what has come. */
function tables(state, take, remove) {
  const files = state.import?.files ?? [];
  const zones = Object.entries(TABLES).map(([table, [name, words]]) => {
    const file = files.find((one) => one.file.startsWith(`${table}.`));
    return zone(table, name, words, file, state.ways[table], take);
  });
  return steps(1, "The tables", [
    h("p", { class: "quiet" }, "CSV (any separator and encoding), Parquet or JSON lines, up to 4 GB each."),
    h("div", { class: "zones" }, zones),
    state.import && h("p", {}, h("button", { type: "button", class: "plain", id: "start-over", click: remove },
      "Remove and start over")),
  ]);
}

function zone(table, name, words, file, way, take) {
  const input = h("input", { type: "file", class: "hidden", id: `file-${table}`, tabindex: "-1", "aria-label": `${name}: a file`,
    accept: ".csv,.tsv,.txt,.parquet,.jsonl,.ndjson", change: () => input.files[0] && take(table, input.files[0]) });
  const here = h("div", { class: "zone", "data-table": table,
    dragover: (event) => { event.preventDefault(); here.classList.add("over"); },
    dragleave: () => here.classList.remove("over"),
    drop: (event) => {
      event.preventDefault();
      here.classList.remove("over");
      if (!way && event.dataTransfer.files[0]) take(table, event.dataTransfer.files[0]);
    } },
  h("strong", {}, name), h("p", { class: "quiet" }, words), arrived(file, way, name),
  h("button", { type: "button", class: file?.whole || table !== "events" ? "plain" : "", id: `choose-${table}`, disabled: Boolean(way),
    click: () => input.click() }, file ? "Another file" : "Choose a file", h("span", { class: "hidden" }, ` of ${name.toLowerCase()}`)), input);
  return here;
}

function arrived(file, way, name) {
  if (way) {
    return [h("progress", { max: way.total, value: way.size, "aria-label": `${name} comes in` }),
      h("p", { class: "quiet" }, `${size(way.size)} of ${size(way.total)}${way.waits ? " · waiting for the server" : ""}`)];
  }
  if (!file) return null;
  if (file.whole) return h("p", { class: "file" }, file.called, " · ", size(file.size));
  return h("p", { class: "fault" }, `${size(file.size)} of ${size(file.total)} of ${file.called} are here: choose it `
    + "again, and it goes on from there.");
}
