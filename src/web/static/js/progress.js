// Progress blocks: figures in, words and bars out. What the server drew first is never redrawn, only changed.

import { now } from "./clock.js";
import { announce, number, say } from "./words.js";

const TONES = ["plain", "tension", "success", "action"];
const MILESTONES = new Set([1, 2, 3, 5, 10]);

/** The phase that a visitor sees. The server decides the same way: `view/phase.rs`. */
export function phaseOf(figures, opensAt, at) {
  const { state, buyers, left, tipping_point: tippingPoint } = figures;
  if (state === "succeeded") return "happened";
  if (state !== "open" && state !== "tipped") return state;
  if (at >= Date.parse(figures.closes_at)) return "closing";
  if (left === 0) return "sold_out";
  if (state === "tipped") return "on";
  if (at < opensAt) return "scheduled";
  return buyers * 5 >= tippingPoint * 4 ? "almost" : "open";
}

export class ProgressBlock {
  #element;
  #figures;

  constructor(element) {
    this.#element = element;
    this.deal = element.dataset.deal;
    this.#figures = JSON.parse(element.dataset.figures);
    this.phase = element.dataset.phase;
  }

  get figures() {
    return this.#figures;
  }

  /** Shows newer figures, and tells the page when that is another phase. */
  apply(figures) {
    this.#figures = { ...this.#figures, ...figures };
    this.refresh();
  }

  /** Shows the same figures again, because time has passed. */
  refresh() {
    const { buyers, needed, left, tipping_point: tippingPoint } = this.#figures;
    const phase = phaseOf(this.#figures, Date.parse(this.#element.dataset.opensAt), now());
    const blanks = { n: needed, buyers, needed, left, tipping_point: tippingPoint, opens: this.#element.dataset.opensText };
    const was = this.phase;
    this.phase = phase;
    this.#element.dataset.phase = phase;

    this.#write("headline", say(`phases.${phase}.headline`, blanks), true);
    this.#write("joined", say(`phases.${phase}.joined`, { ...blanks, n: buyers }));
    this.#write("left", left === null || left === undefined ? "" : say("left", { n: left }));
    this.#write("explain", say(`phases.${phase}.explain`, { ...blanks, n: buyers }));
    this.#write("badge", say(`phases.${phase}.badge`, blanks));
    const badge = this.#part("badge");
    for (const tone of TONES) badge?.classList.toggle(`badge--${tone}`, tone === say(`phases.${phase}.tone`));
    const bar = this.#part("bar");
    if (bar) bar.value = Math.min(buyers, bar.max);

    if (this.#element.dataset.speaks) {
      const headline = say(`phases.${phase}.headline`, blanks);
      if (was !== phase) announce(headline, true);
      else if (MILESTONES.has(needed)) announce(headline);
    }
    if (was !== phase) {
      this.#element.dispatchEvent(new CustomEvent("phase", { bubbles: true, detail: { deal: this.deal, was, phase } }));
    }
  }

  #part(name) {
    return (this.#element.closest(".card") ?? this.#element).querySelector(`[data-part=${name}]`);
  }

  #write(name, text, rolls = false) {
    const part = this.#part(name);
    if (!part || part.textContent === text) return;
    part.textContent = text;
    if (rolls) {
      part.classList.remove("roll");
      void part.offsetWidth; // the animation starts anew only after a layout
      part.classList.add("roll");
    }
  }
}

/** Writes the bare numbers of a page, like the console's, that stand outside of a block. */
export function writeNumbers(deal, figures) {
  for (const name of ["buyers", "needed", "units", "left"]) {
    for (const element of document.querySelectorAll(`[data-number-of="${deal}"][data-number=${name}]`)) {
      if (typeof figures[name] === "number") element.textContent = number(figures[name]);
    }
  }
}
