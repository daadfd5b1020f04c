// Rules that were changed here and not saved yet; in this tab, also when it is loaded anew.

const KEPT = "bowerbird.rules.";

/** What was not saved of a scenario: its rules, on which edit they were laid, the open form; else null. */
export function draftOf(name) {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT + name));
  } catch {
    return null; // not ours
  }
}

export function keepDraft(name, draft) {
  if (draft) sessionStorage.setItem(KEPT + name, JSON.stringify(draft));
  else sessionStorage.removeItem(KEPT + name);
}

/** The same rules, in the same order? */
export const alike = (some, others) => JSON.stringify(some) === JSON.stringify(others);
