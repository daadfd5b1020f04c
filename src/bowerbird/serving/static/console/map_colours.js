// The colours of a map: hues that colour-blind people tell apart (Okabe & Ito), and steps from little to much
// (cividis), on light and dark pages. Each has a word in the legend.

import { h } from "./dom.js";
import { count } from "./words.js";

const HUES = { light: ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7a00"],
  dark: ["#56b4e9", "#e69f00", "#00b383", "#dd8fbb", "#8fa8ff", "#f0703a", "#f0e442"] };
const STEPS = ["#00224e", "#1b3a6d", "#434e6c", "#61646f", "#7f7c75", "#a0956f", "#c3b063", "#e8cf4f"]; // dark to bright
const OTHERS = { light: "#8b9199", dark: "#8b9199" };
const NOTHING = { light: "#c4c8cd", dark: "#4a5057" };
const CLEAR = 215; // of 255: where points lie on one another, more colour
const FADED = 18;

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

/** What a code is drawn in. */
function hue(kind, code) {
  const scheme = dark() ? "dark" : "light";
  if (code === 254) return OTHERS[scheme];
  if (code === 255) return NOTHING[scheme];
  if (kind === "labels") return HUES[scheme][code];
  return STEPS[dark() ? code : STEPS.length - 1 - code]; // much is what stands out
}

/** The palette of a picture; where only some codes are looked at, the others fade. */
export function paletteOf({ kind, legend }, only) {
  const all = new Uint8Array(1024);
  for (const { code } of legend) {
    const rgb = Number.parseInt(hue(kind, code).slice(1), 16);
    all.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, !only.size || only.has(code) ? CLEAR : FADED], 4 * code);
  }
  return all;
}

/** What each colour means, and how many there are; a click shows some alone. */
export function legendOf({ by, kind, legend }, only, turn) {
  return h("ul", { class: "swatches", "aria-label": `Colours: ${by}` }, legend.map(({ code, label, count: n }) => {
    const swatch = h("i", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = hue(kind, code);
    return h("li", {}, h("button", { type: "button", class: "plain", "data-code": code, "aria-pressed": String(only.has(code)),
      click: () => turn(code) }, swatch, label, h("small", {}, count(n))));
  }));
}

/** The page's own colours, for what is drawn above the points. */
export function styleOf() {
  const told = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ink", "card", "blue"].map((name) => [name, told.getPropertyValue(`--${name}`).trim()]));
}
