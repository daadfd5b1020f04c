// The console: which view is shown, whether a key is needed, whether the server is there.

import { Fault, ask, key, listen } from "./api.js";
import { home } from "./home.js";
import { models } from "./models.js";
import { attempting } from "./try.js";

const VIEWS = { home: ["Home", home], try: ["Try it", attempting], models: ["Models", models] };
const [main, login, offline, leave] = ["main", "login", "offline", "leave"]
  .map((id) => document.getElementById(id));
const opened = {}; // each view is made once, so what was typed stays

const named = () => {
  const name = location.hash.replace("#/", "");
  return Object.hasOwn(VIEWS, name) ? name : "home";
};

/** Show the view that the address names. */
function show(moved) {
  const name = named();
  document.title = `${VIEWS[name][0]} · bowerbird`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!(name in opened)) {
    opened[name] = VIEWS[name][1]();
    main.append(opened[name].root);
  }
  for (const [other, view] of Object.entries(opened)) view.root.hidden = other !== name;
  opened[name].load();
  if (moved) main.focus();
}

/** Ask for a key, and open with it. */
function locked(fault) {
  main.hidden = true;
  login.hidden = false;
  leave.hidden = true;
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
  try {
    await ask("/v1/scenarios");
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.status !== 403) { // known, but of other scopes: the views say which they lack
      key.forget();
      locked(fault.detail);
      return;
    }
  }
  field.value = "";
  unlocked();
}

function unlocked() {
  login.hidden = true;
  main.hidden = false;
  leave.hidden = !key.get();
  show(true);
}

listen({
  refused: (had) => locked(had ? "This key is not known, has expired or was revoked." : ""),
  away: () => { offline.hidden = false; },
  back: () => {
    offline.hidden = true;
    if (login.hidden) show(false);
  },
});
login.addEventListener("submit", enter);
leave.addEventListener("click", () => {
  key.forget();
  location.reload(); // what the views have shown is gone, too
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names a view
  main.focus();
});
addEventListener("hashchange", () => { if (login.hidden) show(true); });
leave.hidden = !key.get();
show(false);
