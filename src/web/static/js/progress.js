// Progress blocks. The server renders them first; this script updates them from newer figures.

import { now } from "./clock.js";
import { announce, number, say } from "./words.js";

const TONES = ["plain", "tension", "success", "action"];
const MILESTONES = new Set([1, 2, 3, 5, 10]);

/** The phase to show. `Phase::of` in `view/phase.rs` must decide the same way. */
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

  /** Shows newer figures. Dispatches a `phase` event if they change the phase. */
  apply(figures) {
    this.#figures = { ...this.#figures, ...figures };
    this.refresh();
  }

  /** Updates the block from the current figures and time. */
  refresh() {
    const { buyers, needed, left, tipping_point: tippingPoint } = this.#figures;
    const phase = phaseOf(this.#figures, Date.parse(this.#element.dataset.opensAt), now());
    const values = { n: needed, buyers, needed, left, tipping_point: tippingPoint, opens: this.#element.dataset.opensText };
    const was = this.phase;
    this.phase = phase;
    this.#element.dataset.phase = phase;

    this.#write("headline", say(`phases.${phase}.headline`, values), true);
    this.#write("joined", say(`phases.${phase}.joined`, { ...values, n: buyers }));
    this.#write("left", left === null || left === undefined ? "" : say("left", { n: left }));
    this.#write("explain", say(`phases.${phase}.explain`, { ...values, n: buyers }));
    this.#write("badge", say(`phases.${phase}.badge`, values));
    const badge = this.#part("badge");
    for (const tone of TONES) badge?.classList.toggle(`badge--${tone}`, tone === say(`phases.${phase}.tone`));
    const bar = this.#part("bar");
    if (bar) bar.value = Math.min(buyers, bar.max);

    if (this.#element.dataset.speaks) {
      const headline = say(`phases.${phase}.headline`, values);
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
      void part.offsetWidth; // forces a layout, without which the animation does not restart
      part.classList.add("roll");
    }
  }
}

/** Updates numbers outside of progress blocks, such as those of the console. */
export function writeNumbers(deal, figures) {
  for (const name of ["buyers", "needed", "units", "left"]) {
    for (const element of document.querySelectorAll(`[data-number-of="${deal}"][data-number=${name}]`)) {
      if (typeof figures[name] === "number") element.textContent = number(figures[name]);
    }
  }
}
