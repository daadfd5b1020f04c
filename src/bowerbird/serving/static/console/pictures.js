// Pictures of items: which column holds one, and whether this page may fetch it.

import { HOME } from "./api.js";
import { h } from "./dom.js";

const SUFFIX = /\.(avif|gif|jpe?g|png|svg|webp)$/i;
const NAMED = /(^|_|-)(image|images|img|picture|photo|cover|poster|thumb|thumbnail)s?(_?url)?$/i;
const OWN = /^data:image\/(avif|gif|jpeg|png|webp)[;,]/i;
let allowed = null; // what the policy of this page lets it fetch
const lacking = new Set();

/** Where the picture of an item is: an address, and the origin that it is asked of; null: there is none. */
export function picture(fields) {
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (typeof value !== "string") continue;
    if (OWN.test(value)) return { address: value, origin: "data:" };
    if (!/^https?:/i.test(value)) continue;
    let url;
    try { url = new URL(value); } catch { continue; }
    if (SUFFIX.test(url.pathname) || NAMED.test(name)) return { address: url.href, origin: url.origin };
  }
  return null;
}

/** The columns that hold pictures, which need not be told in words. */
export const pictured = (name, value) => picture({ [name]: value }) !== null;

/** Be ready to say what may be fetched: the page's own policy does. */
export async function ready() {
  if (allowed) return;
  try {
    const reply = await fetch(HOME, { method: "HEAD", cache: "no-store", credentials: "omit" });
    const told = /img-src ([^;]*)/.exec(reply.headers.get("content-security-policy") ?? "");
    if (reply.ok) allowed = (told?.[1] ?? "").split(" ");
  } catch { /* the server is away: it is asked again */ }
}

/** The picture of an item as an element; null where there is none or it may not be fetched. */
export function thumb(fields, title) {
  const found = picture(fields);
  if (!found || !allowed) return null;
  if (!allowed.includes(found.origin)) {
    lacking.add(found.origin);
    return null;
  }
  const made = h("img", { class: "thumb", loading: "lazy", referrerpolicy: "no-referrer", alt: title,
    width: 56, height: 56, decoding: "async", error: () => made.remove() });
  made.src = found.address; // last, so that a fault is heard
  return made;
}

/** Which origins would have to be named for pictures that are missing; null: none is. */
export function withheld() {
  if (!lacking.size) return null;
  return h("p", { class: "quiet" }, "Pictures come from ", [...lacking].slice(0, 3).map((origin, n) => [n ? ", " : "",
    h("code", {}, origin)]), ": allow it with ", h("code", {}, `bowerbird serve --images ${[...lacking][0]}`), ".");
}
