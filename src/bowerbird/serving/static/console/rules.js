// Rules: what the shop says of its lists, tried on real people before it holds.

import { Fault, allowed, ask, attempt, barred, curl } from "./api.js";
import { confirmed, copier, fill, h, light, panel, table } from "./dom.js";
import { alike, draftOf, keepDraft } from "./rule_drafts.js";
import { ruleForm } from "./rule_form.js";
import { editsOf, history, keyNames, linesOf, whose } from "./rule_history.js";
import { previewing } from "./rule_preview.js";
import { STATES, differences, does, items, when, which } from "./rule_words.js";
import { ago, count } from "./words.js";

const WATCH_MS = 10_000; // for changes of others while something is not saved
const FOUND = 8; // items at once
const path = (name, more = "") => `/v1/scenarios/${encodeURIComponent(name)}${more}`;

export function view() {
  const page = new Page();
  return { root: page.root, load: (told) => page.load(told) };
}

class Page {
  constructor() {
    // name of the scenario, what the service says of it, rules here, the edit they are laid on
    Object.assign(this, { name: "", now: null, rules: [], base: 0, looked: new Map(), editing: null, wanted: null });
    this.said = h("p", { role: "status", class: "said" });
    this.choice = h("select", { id: "rules-scenario", change: () => this.chosen(this.choice.value) });
    this.fault = h("p", { class: "fault", role: "alert" });
    this.part = panel("Rules in their order", null);
    this.conflict = h("div", { class: "conflict", role: "alert", hidden: true });
    this.bar = h("div", { class: "unsaved", hidden: true });
    this.preview = previewing(() => ({ name: this.name, table: this.table() }));
    this.history = history(this, async (told) => { this.said.textContent = told; await this.reload(); });
    this.form = ruleForm({
      look: (rule) => this.look(rule), find: (word) => this.find(word),
      typed: (rule) => { this.editing.rule = rule; this.keep(); },
      keep: (rule) => this.put(rule), drop: () => this.shut(),
    });
    this.frame = h("section", { class: "panel", "aria-label": "A rule", hidden: true }, this.form.root);
    this.part.root.append(h("p", { class: "twin" }, h("code", {}, "GET /v1/scenarios/{scenario}/rules"), " ",
      copier("Copy as curl", () => curl(path(this.name, "/rules")))));
    this.root = h("div", { class: "rules" },
      h("div", { class: "title" }, h("h1", {}, "Rules"), h("div", { class: "pick" },
        h("label", { for: "rules-scenario" }, "Scenario"), this.choice)),
      this.said, this.fault, this.conflict, this.part.root, this.frame, this.bar, this.preview.root, this.history.root);
    setInterval(() => this.watch(), WATCH_MS);
  }

  /** Show the scenario that the address names, and open the form that it asks for. */
  async load(told) {
    for (const { body } of [this.part, this.history.part]) body.setAttribute("aria-busy", "true");
    try {
      const { scenarios } = await ask("/v1/scenarios");
      const names = Object.keys(scenarios).filter((name) => scenarios[name].surface !== "audience");
      this.choice.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
      const asked = told?.get("scenario");
      const name = [asked, this.name, "for-you"].find((one) => names.includes(one)) ?? names[0];
      if (name !== this.name) this.turned(name);
      this.choice.value = this.name;
      this.fault.textContent = asked && !names.includes(asked) ? `There is no scenario ${asked}.` : "";
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      await this.failed(fault, told);
      return;
    }
    if (told?.get("do") || told?.get("item")) {
      this.wanted = { do: told.get("do") ?? "hide", ids: told.getAll("item") };
      window.history.replaceState(null, "", `#/rules?scenario=${encodeURIComponent(this.name)}`); // once
    }
    await this.reload();
  }

  /** Every part says why it shows nothing, and can be asked again. */
  failed(fault, told) {
    return Promise.all([this.part, this.history.part].map((part) => {
      let first = true;
      return fill(part, async () => {
        if (first) { first = false; throw fault; }
        await this.load(told);
      }, () => [...part.body.childNodes]);
    }));
  }

  /** Another scenario. */
  async chosen(name) {
    this.turned(name);
    window.history.replaceState(null, "", `#/rules?scenario=${encodeURIComponent(name)}`);
    await this.reload();
  }

  /** What was typed for the one before stays in this tab. */
  turned(name) {
    this.name = name;
    this.now = null;
    this.said.textContent = "";
    this.conflict.hidden = true;
    this.shut(false);
    this.preview.clear();
  }

  /** What the service says now; what was not saved is laid over it. */
  async reload() {
    const name = this.name;
    await fill(this.part, () => ask(path(name, "/rules")), (now) => {
      if (name !== this.name) return [...this.part.body.childNodes]; // another one was chosen
      this.taken(now);
      return this.drawn();
    });
    await Promise.all([this.history.load(), ...(this.now ? [this.checked(), this.compared()] : [])]);
  }

  taken(now) {
    this.now = now;
    const draft = draftOf(this.name);
    this.rules = draft?.rules ?? now.table.rules ?? [];
    this.base = draft?.base ?? now.edit;
    this.meant(now.rules);
    this.preview.fit(now.table.surface);
    if (!this.editing && draft?.editing) this.opened(draft.editing, false);
    if (this.wanted) {
      if (this.editing) this.said.textContent = "A rule is open here: put it into the list or leave it, then come again.";
      else this.opened({ place: null, rule: this.wanted });
      this.wanted = null;
    }
  }

  /** What the service says of rules. */
  meant(all) {
    this.looked = new Map(all.map((one) => [JSON.stringify(one.rule), one]));
  }

  /** The scenario as it would be saved. */
  table(rules = this.rules) {
    return { ...this.now.table, rules };
  }

  changes() {
    return differences({ rules: this.now.table.rules }, { rules: this.rules });
  }

  /** Keep what is not saved in this tab, and say so. */
  keep() {
    const own = !alike(this.rules, this.now.table.rules ?? []);
    keepDraft(this.name, own || this.editing ? { rules: own ? this.rules : undefined, base: this.base, editing: this.editing } : null);
  }

  drawn() {
    this.drawBar();
    const { edited, file, recipe } = this.now;
    const origin = edited ? "Changed while a service ran; what the recipe says of it is not used. "
      : file ? "As the recipe has it: its rules stand in a file. Saved here, they no longer come from it. "
        : "As the recipe has it. ";
    const back = !edited ? null : allowed("rules:write", h("button", { type: "button", class: "plain", click: () => this.given() },
      recipe ? "As the recipe has it" : "Remove this scenario"));
    const add = h("button", { type: "button", click: () => this.opened({ place: null, rule: { do: "hide" } }) }, "Add a rule");
    const list = this.rules.length ? table(`Rules of ${this.name}`,
      ["Rule", "Does", "To", "When", "For", "Now", "Change"], this.rules.map((rule, place) => this.row(rule, place)), "words")
      : h("p", { class: "quiet" }, "There is no rule: lists are as the model and the steps make them.");
    return [h("p", { class: "quiet" }, origin), list, h("p", { class: "row" }, add, back)];
  }

  row(rule, place) {
    const looked = this.looked.get(JSON.stringify(rule));
    const [kind, word] = looked ? STATES[looked.faults.length ? null : looked.state] ?? ["ill", "wrong"] : ["quiet", "…"];
    const old = (this.now.table.rules ?? []).find((one) => one.name === rule.name);
    const mark = !old ? "new, not saved" : alike(old, rule) ? null : "changed, not saved";
    const button = (name, sign, act, off = false) => h("button", { type: "button", class: "plain", disabled: off,
      "aria-label": `${name}: ${rule.name}`, title: name, click: act }, sign);
    const last = this.rules.length - 1;
    return [
      [`${place + 1}. ${rule.name}`, mark && h("small", { class: "mark-new" }, mark)],
      does(rule), [which(rule), h("small", {}, looked?.items === undefined ? "" : items(looked.items))],
      when(rule), rule.audience ? [rule.audience, h("small", {}, looked?.people === null || looked?.people === undefined ? ""
        : `${count(looked.people)} people`)] : "everybody",
      [light(kind, word), ...(looked?.faults ?? []).map(({ detail }) => h("small", { class: "fault" }, detail))],
      h("span", { class: "acts" }, button("Edit", "Edit", () => this.opened({ place, rule })),
        button("Move up", "↑", () => this.moved(place, place - 1), place === 0),
        button("Move down", "↓", () => this.moved(place, place + 1), place === last),
        button("Remove", "Remove", () => this.removed(place))),
    ];
  }

  drawBar() {
    const lines = this.changes();
    this.bar.hidden = !lines.length;
    const save = allowed("rules:write", h("button", { type: "button", disabled: !this.conflict.hidden, click: () => this.save(save) }, "Save"));
    this.bar.replaceChildren(
      h("h2", {}, lines.length === 1 ? "One change is not saved" : `${count(lines.length)} changes are not saved`),
      h("ul", { class: "lines" }, lines.map((line) => h("li", {}, line))),
      h("p", { class: "quiet" }, barred("rules:write")),
      h("p", { class: "row" }, save,
        h("button", { type: "button", class: "plain", click: () => this.preview.show() }, "Show before and after"),
        h("button", { type: "button", class: "plain", click: () => this.dropped() }, "Drop them")));
  }

  /** Draw anew what was changed here. */
  async redrawn() {
    this.keep();
    this.preview.outdated();
    await fill(this.part, () => null, () => this.drawn());
    await this.checked();
  }

  opened(editing, moved = true) {
    this.editing = structuredClone(editing);
    this.frame.hidden = false;
    const title = editing.place === null ? "A new rule" : `Rule ${editing.place + 1}: ${editing.rule.name}`;
    this.form.open(this.editing.rule, this.now, title);
    if (!moved) return;
    this.frame.scrollIntoView({ block: "nearest" });
    this.form.focus();
  }

  shut(moved = true) {
    this.form.close();
    this.frame.hidden = true;
    this.editing = null;
    if (this.now) this.keep();
    if (moved) this.part.body.focus();
  }

  /** A rule of the form, in its place. */
  put(rule) {
    const rules = [...this.rules];
    rules[this.editing.place ?? rules.length] = rule;
    this.rules = rules;
    this.shut();
    this.said.textContent = `«${rule.name}» is in the list. It holds when you save.`;
    return this.redrawn();
  }

  moved(from, to) {
    const rules = [...this.rules];
    rules.splice(to, 0, ...rules.splice(from, 1));
    this.placed(from, to);
    this.rules = rules;
    this.said.textContent = `«${rules[to].name}» is rule ${to + 1} now.`;
    return this.redrawn();
  }

  removed(place) {
    this.said.textContent = `«${this.rules[place].name}» is out of the list. Lists have it until you save.`;
    if (this.editing?.place === place) this.shut(false);
    else if (this.editing?.place > place) this.editing.place -= 1;
    this.rules = this.rules.filter((_, other) => other !== place);
    return this.redrawn();
  }

  /** The rule in the form is the same one when rules change places. */
  placed(from, to) {
    const at = this.editing?.place;
    if (at === from) this.editing.place = to;
    else if (at === to) this.editing.place = from;
  }

  dropped() {
    confirmed("Drop your changes?", "What was saved stays as it is.", "Drop them", async () => {
      this.shut(false);
      keepDraft(this.name, null);
      this.said.textContent = "Your changes are dropped.";
      await this.reload();
    }, h("ul", { class: "lines" }, this.changes().map((line) => h("li", {}, line))));
  }

  async save(button) {
    button.disabled = true;
    const lines = this.changes();
    try {
      await ask(path(this.name), { method: "PUT", body: this.table(), headers: { "If-Match": `"${this.base}"` } });
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      button.disabled = false;
      this.said.textContent = fault.offline ? "The server does not answer: nothing is saved, your changes are kept here."
        : `Not saved: ${fault.detail}`;
      if (fault.status === 412) await this.reload();
      return;
    }
    const open = this.editing;
    keepDraft(this.name, open ? { base: undefined, editing: open } : null);
    this.said.textContent = `Saved: ${lines.join("; ")}. The next list has it; other servers follow in seconds.`;
    this.preview.clear();
    await this.reload();
  }

  given() {
    const text = this.now.recipe ? "Every change that was made while a service ran is laid aside. It can be taken back."
      : "The recipe has no scenario of this name: it can no longer be asked. It can be taken back.";
    confirmed(this.now.recipe ? `${this.name} as the recipe has it?` : `Remove ${this.name}?`, text, "Yes", async () => {
      await ask(path(this.name), { method: "DELETE", headers: { "If-Match": `"${this.now.edit}"` } });
      this.said.textContent = this.now.recipe ? `${this.name} is as the recipe has it.` : `${this.name} is removed.`;
      await this.load(null);
    }, h("ul", { class: "lines" }, differences(this.now.table, this.now.recipe).map((line) => h("li", {}, line))));
  }

  /** Has somebody else changed the scenario since the rules here were laid over it? */
  async compared() {
    const clash = this.base !== this.now.edit && !alike(this.rules, this.now.table.rules ?? []);
    this.conflict.hidden = !clash;
    if (!clash) {
      this.base = this.now.edit;
      this.drawBar();
      return;
    }
    const [{ found }, names] = await Promise.all([attempt(editsOf(this.name)), keyNames()]);
    const since = (found?.edits ?? []).filter(({ number }) => number > this.base);
    const told = since.map((one) => h("li", {}, `${ago(one.at)}, ${whose(one.who, names)}: ${linesOf(one, this.now.recipe).join("; ")}`));
    this.conflict.replaceChildren(h("h2", {}, "Somebody else has changed this scenario"),
      h("p", {}, "It is no longer what your changes were made to. Below stands what your rules would change now."),
      h("ul", { class: "lines" }, told), h("p", { class: "row" },
        h("button", { type: "button", click: () => this.settled(true) }, "Keep mine"),
        h("button", { type: "button", class: "plain", click: () => this.settled(false) }, "Take theirs")));
    this.drawBar();
  }

  settled(mine) {
    this.base = this.now.edit;
    if (!mine) {
      this.shut(false);
      this.rules = this.now.table.rules ?? [];
    }
    this.conflict.hidden = true;
    this.said.textContent = mine ? "Yours are laid over theirs: look at the changes, and save." : "Theirs are here, yours are dropped.";
    return this.redrawn();
  }

  /** While something is not saved, look whether others save. */
  async watch() {
    if (this.root.hidden || document.hidden || !this.now || (this.bar.hidden && !this.editing)) return;
    try {
      const { edits: [last] } = await ask(editsOf(this.name, 1));
      if ((last?.number ?? 0) !== this.now.edit) await this.reload();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault; // another look will tell
    }
  }

  async check(rules) {
    const { rules: looked } = await ask(path(this.name, "/check"), { method: "POST", body: { scenario: this.table(rules) } });
    return looked;
  }

  /** What the rules here would mean. */
  async checked() {
    if (alike(this.rules, this.now.table.rules ?? [])) return;
    const rules = this.rules;
    try {
      const looked = await this.check(rules);
      if (rules !== this.rules) return;
      this.meant(looked);
      await fill(this.part, () => null, () => this.drawn());
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.fault.textContent = fault.offline ? "" : fault.detail;
    }
  }

  /** One rule among the others. */
  async look(rule) {
    const rules = [...this.rules];
    const place = this.editing?.place ?? rules.length;
    rules[place] = rule;
    try {
      return (await this.check(rules))[place];
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.said.textContent = fault.offline ? "" : fault.detail;
      return null;
    }
  }

  /** Items that have these words in id, title or texts. */
  async find(words) {
    const { found } = await attempt(`/v1/catalog?limit=${FOUND}&search=${encodeURIComponent(words)}`);
    return (found?.items ?? []).map(({ id, title }) => ({ id, fields: { title } }));
  }
}
