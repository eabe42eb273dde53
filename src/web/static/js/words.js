// Says the sentences that the page changes while it is open. The server makes `sentences.js` of what it says itself
// (`src/web/words.rs`): this file knows none.

import sentences from "./sentences.js";

const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
const digits = new Intl.NumberFormat(language);

/** A number as people of this language write it. */
export const number = (n) => digits.format(n);

/** The sentence of that name ("phases.open.badge"), with its blanks filled; `n` picks the plural form. */
export function say(name, blanks = {}) {
  let sentence = name.split(".").reduce((node, key) => node?.[key], sentences);
  if (sentence && typeof sentence === "object") sentence = sentence[plural.select(blanks.n)] ?? sentence.other;
  return (sentence ?? "").replace(/\{(\w+)\}/g, (_, key) =>
    typeof blanks[key] === "number" ? number(blanks[key]) : (blanks[key] ?? ""));
}

let spokenAt = -Infinity;

/** Speaks to screen readers: always when it is urgent, else at most every 30 seconds. */
export function announce(sentence, urgent = false) {
  const status = document.getElementById("status");
  const now = performance.now();
  if (!status || !sentence || (!urgent && now - spokenAt < 30_000)) return;
  spokenAt = now;
  status.textContent = sentence;
}
