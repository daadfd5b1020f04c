// Elements of the page. Text goes in as text: nothing here reads markup.

/** An element with attributes (functions listen) and children (words become text). */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== "" && child !== false));
  return made;
}

/** A table; on a phone each row is a block of its own, and stays a row to those who listen. */
export function table(name, heads, rows, kind = "figures") {
  const head = h("tr", { role: "row" },
    heads.map((told) => h("th", { role: "columnheader", scope: "col" }, told)));
  const body = rows.map(([first, ...rest]) => h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, first),
    rest.map((told, place) => h("td", { role: "cell", "data-head": heads[place + 1] },
      h("div", {}, told)))));
  const made = h("table", { role: "table", class: kind }, h("caption", { class: "hidden" }, name),
    h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, body));
  return h("div", { class: "scroll", role: "region", "aria-label": name, tabindex: "0" }, made);
}

/** A light: a word, and a colour that says the same. */
export function light(kind, word) {
  return h("span", { class: `light ${kind}` }, word);
}

/** A button that copies; where the browser forbids it, the text is selected. */
export function copier(word, text, from) {
  const button = h("button", { type: "button", class: "plain", click: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      if (from) getSelection().selectAllChildren(from);
      button.textContent = from ? "Selected: copy it" : "The browser forbids it";
    }
    setTimeout(() => { button.textContent = word; }, 2000);
  } }, word);
  return button;
}

/** A part of a view: its name, what it shows, and how to ask for the same as JSON. */
export function panel(title, curl, note = null) {
  const id = `p-${title.toLowerCase().replace(/\W+/g, "-")}`;
  const body = h("div", { class: "body", tabindex: "-1", "aria-busy": "true" }, h("p", { class: "quiet" }, "Loading …"));
  const twin = curl && h("p", { class: "twin" }, h("code", {}, curl.path), " ",
    copier("Copy as curl", () => curl.text()));
  const root = h("section", { "aria-labelledby": id, class: "panel" }, h("h2", { id }, title),
    note && h("p", { class: "quiet" }, note), body, twin);
  return { root, body };
}

/** Fill a part: what was shown stays while it is asked anew, and when it cannot be. */
export async function fill({ body }, load, draw) {
  body.setAttribute("aria-busy", "true");
  try {
    const drawn = [draw(await load())].flat();
    const at = document.activeElement;
    const within = body.contains(at);
    body.replaceChildren(...drawn);
    if (within) (at.isConnected ? at : body).focus(); // the keyboard stays where it was
    body.dataset.drawn = "yes";
  } catch (fault) {
    if (!("detail" in fault)) throw fault;
    if (!(fault.offline && body.dataset.drawn)) {
      body.replaceChildren(h("p", { class: "fault" }, fault.detail),
        h("button", { type: "button", click: () => fill({ body }, load, draw) }, "Try again"));
    }
  } finally {
    body.removeAttribute("aria-busy");
  }
}

/** A field with its name above and a word of help below. */
export function field(name, input, help = null) {
  if (!input.id) input.id = `f-${++fields}`;
  const hint = help && h("small", { id: `${input.id}-help` }, help);
  if (hint) input.setAttribute("aria-describedby", hint.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, name), input, hint);
}

let fields = 0;

/** Do it if somebody says yes; what the server says against it stands in the question.
 *
 * `more` is shown above the buttons; where it holds an input that is not valid, yes cannot be said.
 */
export function confirmed(title, text, word, act, more = null) {
  const fault = h("p", { class: "fault", role: "alert" });
  const yes = h("button", { type: "submit" }, word);
  const form = h("form", { method: "dialog", submit: async (event) => {
    event.preventDefault();
    yes.disabled = true;
    try {
      await act();
      asked.close();
    } catch (wrong) {
      if (!("detail" in wrong)) throw wrong;
      fault.textContent = wrong.detail;
      yes.disabled = false;
    }
  } }, h("h2", { id: "asked" }, title), h("p", {}, text), more, fault, h("p", { class: "row" }, yes,
    h("button", { type: "button", class: "plain", click: () => asked.close() }, "No")));
  const asked = h("dialog", { "aria-labelledby": "asked", close: () => asked.remove() }, form);
  document.body.append(asked);
  asked.showModal();
  if (!more) yes.focus();
}

/** A file that the browser keeps. */
export function download(name, text, type = "text/plain") {
  const at = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: at, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(at), 1000);
}

/** Call it once somebody pauses so long. */
export function paused(work, ms) {
  let timer = null;
  return (...told) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...told), ms);
  };
}
