// Rules as people say them, and what is different between two scenarios.

import { count, moment, plain } from "./words.js";

export const KINDS = {
  pin: ["Pin", "at a place of the list"],
  boost: ["Boost", "further up"],
  bury: ["Bury", "further down"],
  hide: ["Hide", "in no list"],
  quota: ["Quota", "so many in a list"],
};
export const STATES = { on: ["well", "on"], waiting: ["watched", "waits"], over: ["quiet", "over"] };
const BY = 0.5; // as the service has it where nothing is said

/** What it does. */
export function does(rule) {
  if (rule.do === "pin") return `Pin at place ${rule.position ?? 1}`;
  if (rule.do === "boost" || rule.do === "bury") return `${KINDS[rule.do][0]} by ${rule.by ?? BY}`;
  if (rule.do !== "quota") return KINDS[rule.do]?.[0] ?? plain(rule.do);
  const parts = [rule.least && `at least ${rule.least}`, rule.most !== undefined && `at most ${rule.most}`];
  return parts.filter(Boolean).join(", ").replace("at", "At") || "Quota";
}

/** Which items it means. */
export const which = (rule) => rule.items ?? (rule.ids ?? []).join(", ");

/** When it holds. */
export function when({ from, until }) {
  if (!from && !until) return "always";
  return [from && `from ${at(from)}`, until && `until ${at(until)}`].filter(Boolean).join(" ");
}

/** A moment of a rule in milliseconds; it is of UTC where it does not say of which zone. */
export function parsed(told) {
  const text = String(told ?? "");
  const zoned = /Z$|[+-]\d\d:?\d\d$/.test(text) || !text.includes("T") ? text : `${text}Z`;
  return text ? new Date(zoned.replace(/^(\d{4}-\d\d-\d\d) /, "$1T")).getTime() : NaN;
}

const at = (told) => (/^\d{4}-\d\d-\d\d$/.test(told) || Number.isNaN(parsed(told)) ? told : moment(parsed(told)));

/** How many items, in words. */
export const items = (n) => (n === null ? "–" : `${count(n)} ${n === 1 ? "item" : "items"}`);

/** What was said anew, a line for each: «+» is there now, «−» is not any more. */
export function differences(before, after) {
  const [old, made] = [before ?? {}, after ?? {}];
  const rules = ofRules(listed(old.rules), listed(made.rules));
  const names = [...new Set([...Object.keys(old), ...Object.keys(made)])].filter((name) => name !== "rules");
  const settings = names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(made[name]))
    .map((name) => changed(name, old[name], made[name]));
  return [...rules, ...settings];
}

const listed = (rules) => (Array.isArray(rules) ? rules : []);
const named = (rule) => `${rule.do}: ${rule.name}`;

function ofRules(old, made) {
  const lines = [];
  const find = (rules, name) => rules.find((rule) => rule.name === name);
  for (const rule of made) {
    const was = find(old, rule.name);
    if (!was) lines.push(`+ ${named(rule)}`);
    else {
      const keys = [...new Set([...Object.keys(was), ...Object.keys(rule)])];
      lines.push(...keys.filter((key) => JSON.stringify(was[key]) !== JSON.stringify(rule[key]))
        .map((key) => `${rule.name}: ${changed(key, was[key], rule[key])}`));
    }
  }
  lines.push(...old.filter((rule) => !find(made, rule.name)).map((rule) => `− ${named(rule)}`));
  const order = (rules, others) => rules.map(({ name }) => name).filter((name) => find(others, name));
  const [first, then] = [order(old, made), order(made, old)];
  if (first.join("\n") !== then.join("\n")) lines.push(`order: ${then.join(", ")}`);
  return lines;
}

function changed(name, was, is) {
  const told = (value) => (value === undefined ? "not said" : plain(value));
  return `${name} ${told(was)} → ${told(is)}`;
}
