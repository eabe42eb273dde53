// Formats the sentences that change while the page is open. The sentences come from `sentences.js`, which the server
// generates from `src/web/words.rs`.

import sentences from "./sentences.js";

const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
const digits = new Intl.NumberFormat(language);

/** A number in the format of the page's language. */
export const number = (n) => digits.format(n);

/** The sentence with this name, such as "phases.open.badge", with its placeholders filled in. `n` selects the plural form. */
export function say(name, values = {}) {
  let sentence = name.split(".").reduce((node, key) => node?.[key], sentences);
  if (sentence && typeof sentence === "object") sentence = sentence[plural.select(values.n)] ?? sentence.other;
  return (sentence ?? "").replace(/\{(\w+)\}/g, (_, key) =>
    typeof values[key] === "number" ? number(values[key]) : (values[key] ?? ""));
}

let spokenAt = -Infinity;

/** Announces a sentence to screen readers. Sentences that are not urgent are dropped within 30 seconds of the last one. */
export function announce(sentence, urgent = false) {
  const status = document.getElementById("status");
  const now = performance.now();
  if (!status || !sentence || (!urgent && now - spokenAt < 30_000)) return;
  spokenAt = now;
  status.textContent = sentence;
}
