// Figures and moments as people read them.

const whole = new Intl.NumberFormat("en");
const NONE = "–";

export const DAY_MS = 86_400_000;

export const count = (n) => (n === null || n === undefined ? NONE : whole.format(n));

export const share = (x) => (x === null || x === undefined ? NONE : `${(100 * x).toFixed(x < 0.1 ? 2 : 1)} %`);

/** Up to four digits that mean something. */
export const figure = (x) => (x === null || x === undefined ? NONE : String(Number(x.toPrecision(4))));

/** Minor units as the currency writes them: 1999 EUR is €19.99. */
export function money(minor, currency) {
  if (minor === null || minor === undefined) return NONE;
  try {
    const form = new Intl.NumberFormat("en", { style: "currency", currency });
    return form.format(minor / 10 ** form.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${count(minor)} ${currency}`;
  }
}

/** Seconds or milliseconds since 1970, as far from now as they are. */
export function ago(moment, now = Date.now()) {
  const seconds = Math.round((now - moment) / 1000);
  const told = (n, unit) => `${n} ${unit}${n === 1 ? "" : "s"}`;
  const long = Math.abs(seconds);
  const far = long < 90 ? told(long, "second") : long < 5400 ? told(Math.round(long / 60), "minute")
    : long < 129600 ? told(Math.round(long / 3600), "hour") : told(Math.round(long / 86400), "day");
  return seconds < 0 ? `in ${far}` : `${far} ago`;
}

export const moment = (ms) => `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** A value of a catalog, or of a trace. */
export function plain(value) {
  if (value === null || value === undefined) return NONE;
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (typeof value === "object") {
    return Object.entries(value).map(([name, told]) => `${name} ${plain(told)}`).join(" · ");
  }
  return typeof value === "number" ? figure(value) : String(value);
}
