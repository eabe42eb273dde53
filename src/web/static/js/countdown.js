// Countdowns by the server's clock. A countdown stops at zero and never restarts.

import { now } from "./clock.js";
import { say } from "./words.js";

const two = (n) => String(n).padStart(2, "0");

function fine(seconds) {
  const days = Math.floor(seconds / 86_400);
  const clock = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days > 0 ? `${say("time.days", { n: days })} ${clock}` : clock;
}

/** A single unit: days from two days on, hours from two hours on, then minutes, then seconds. The server rounds the same way. */
function coarse(seconds) {
  if (seconds >= 2 * 86_400) return say("time.days", { n: Math.floor(seconds / 86_400) });
  if (seconds >= 2 * 3600) return say("time.hours", { n: Math.floor(seconds / 3600) });
  if (seconds >= 60) return say("time.minutes", { n: Math.floor(seconds / 60) });
  return say("time.seconds", { n: seconds });
}

function tick(element) {
  if (element.dataset.done) return;
  const seconds = Math.max(0, Math.ceil((Date.parse(element.dataset.countdown) - now()) / 1000));
  const text = element.dataset.grain === "fine" ? fine(seconds) : coarse(seconds);
  if (element.textContent !== text) element.textContent = text;
  if (seconds === 0) {
    element.dataset.done = "yes";
    element.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
  }
}

/** Starts every countdown on the page. */
export function startCountdowns() {
  const all = () => document.querySelectorAll("[data-countdown]").forEach(tick);
  if (!document.querySelector("[data-countdown]")) return;
  all();
  setInterval(all, 1000);
}
