// The console: which view is shown, whether a key is needed, whether the server is there.

import { Fault, attempt, identify, key, listen, me } from "./api.js";
import { h } from "./dom.js";

// in the order they are named; each is fetched when it is first looked at
const VIEWS = {
  home: ["Home", () => import("./home.js")],
  try: ["Try it", () => import("./try.js")],
  map: ["Map", () => import("./map.js")],
  catalog: ["Catalog", () => import("./catalog.js")],
  models: ["Models", () => import("./models.js")],
  metrics: ["Online metrics", () => import("./metrics.js")],
  rules: ["Rules", () => import("./rules.js")],
  data: ["Data", () => import("./data.js")],
  settings: ["Settings", () => import("./settings.js")],
};
const [main, views, login, offline, leave, who] = ["main", "views", "login", "offline", "leave", "who"]
  .map((id) => document.getElementById(id));
const opened = {}; // each view is made once, so what was typed stays

views.append(...Object.entries(VIEWS).map(([name, [title]]) => h("a", { href: `#/${name}` }, title)));

/** What the address names: «#/rules?item=i3» is the view «rules», told of an item. */
function named() {
  const [name, rest] = location.hash.replace("#/", "").split("?");
  return { name: Object.hasOwn(VIEWS, name) ? name : "home", told: new URLSearchParams(rest) };
}

/** Show the view that the address names. */
async function show(moved) {
  const { name, told } = named();
  document.title = `${VIEWS[name][0]} · bowerbird`;
  for (const link of views.children) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!(name in opened)) {
    main.setAttribute("aria-busy", "true");
    opened[name] = await fetched(name);
  }
  if (named().name !== name) return; // somebody was faster
  main.removeAttribute("aria-busy");
  document.getElementById("loading")?.remove();
  for (const child of main.children) child.hidden = child !== opened[name].root;
  main.dataset.view = name;
  opened[name].load(told);
  if (moved) main.focus();
}

/** A view, or why there is none. */
async function fetched(name) {
  let view;
  try {
    view = (await VIEWS[name][1]()).view();
  } catch {
    const again = h("button", { type: "button", click: () => location.reload() }, "Try again");
    view = { root: h("div", {}, h("p", { class: "fault" }, "This view could not be fetched."), again), load: () => {} };
  }
  view.root.hidden = true; // until it is shown
  main.append(view.root);
  return view;
}

/** Ask for a key, and open with it. */
function locked(fault) {
  main.hidden = true;
  login.hidden = false;
  leave.hidden = true;
  who.textContent = "";
  document.getElementById("login-fault").textContent = fault;
  document.getElementById("key").focus();
}

async function enter(event) {
  event.preventDefault();
  const field = document.getElementById("key");
  const told = field.value.trim();
  if (!/^sk_[\w-]+$/.test(told)) {
    locked("A secret key begins with sk_.");
    return;
  }
  key.set(told);
  const before = me();
  try {
    const now = await identify();
    if (String(before?.scopes) !== String(now.scopes)) closeAll();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    key.forget();
    locked(fault.detail);
    return;
  }
  field.value = "";
  login.hidden = true;
  main.hidden = false;
  show(true);
}

/** Another key may do other things: views are made anew. */
function closeAll() {
  main.replaceChildren();
  for (const name of Object.keys(opened)) delete opened[name];
}

/** Show the view, once it is known what the key may do. */
async function begin() {
  VIEWS[named().name][1]().catch(() => {}); // fetched meanwhile; `fetched` tells what goes wrong
  try {
    await identify();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.status === 401) return; // a key is asked for
  }
  show(false);
}

listen({
  refused: (had) => locked(had ? "This key is not known, has expired or was revoked." : ""),
  away: () => { offline.hidden = false; },
  back: () => {
    offline.hidden = true;
    if (login.hidden) begin();
  },
  known: ({ id, name, role }) => {
    leave.hidden = !key.get();
    who.textContent = id === "open" ? "" : `${name} · ${role || "own scopes"}`;
  },
});
login.addEventListener("submit", enter);
leave.addEventListener("click", () => {
  sessionStorage.clear(); // what was not saved as well
  location.reload(); // what the views have shown is gone, too
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names a view
  main.focus();
});
addEventListener("hashchange", () => { if (login.hidden) show(true); });
begin().then(async () => { // whoever has no model yet begins with bringing data
  if (location.hash || !login.hidden) return;
  const { found } = await attempt("/v1/models");
  if (found && !found.models.some((one) => one.current)) location.hash = "#/data";
});
