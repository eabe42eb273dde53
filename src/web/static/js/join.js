// Joining without leaving the page. The form works without this script, which adds a "Joining …" label, retries while the
// server is busy, and shows the server's response in place. The idempotency key stays in the form, so retries are safe.

import { say } from "./words.js";

const ATTEMPTS_MAX = 5;
const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

class Joining {
  constructor(form) {
    this.form = form;
    this.button = form.querySelector("button[type=submit]");
    this.label = this.button.textContent;
  }

  #busy(text) {
    this.button.setAttribute("aria-disabled", "true");
    this.button.textContent = text;
  }

  #free() {
    this.button.removeAttribute("aria-disabled");
    this.button.textContent = this.label;
  }

  async submit() {
    if (this.button.getAttribute("aria-disabled")) return; // ignore a double click
    const body = new URLSearchParams(new FormData(this.form));
    for (let tries = 1; ; tries++) {
      this.#busy(say("join.joining"));
      let answer;
      try {
        answer = await fetch(this.form.action, { method: "POST", body, headers: { accept: "text/html" } });
        if (answer.status === 408) answer = null; // the server did not receive the form: treat it as a lost connection
      } catch {
        answer = null;
      }
      if (answer?.redirected) return location.assign(answer.url);
      const busy = !answer || answer.status === 503 || answer.headers.has("retry-after");
      if (busy && tries < ATTEMPTS_MAX) {
        const seconds = Number(answer?.headers.get("retry-after")) || 2 ** tries;
        for (let left = Math.ceil(seconds); left > 0; left--) {
          this.#busy(say(answer ? "join.busy" : "join.offline", { n: left }));
          await wait(left === 1 ? Math.random() + 0.5 : 1);
        }
        continue;
      }
      this.#free();
      if (answer) return this.#show(await answer.text(), answer.url);
      return this.form.submit(); // let the browser show its own connection error
    }
  }

  /** Replaces the join section with the one of the server's response, which is a whole page. */
  #show(html, url) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const theirs = page.getElementById("join");
    const ours = document.getElementById("join");
    if (!theirs || !ours) return location.assign(url);
    ours.replaceWith(document.adoptNode(theirs));
    startJoining();
    document.querySelector("#join .notice")?.focus();
  }
}

/** Attaches to the page's join form, if there is one. */
export function startJoining() {
  const form = document.querySelector("form[data-join]");
  if (!form) return;
  const joining = new Joining(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    joining.submit();
  });
}

/** Shows the join form in a phase that takes joins, and the phase's closing text otherwise. */
export function updateJoining(phase) {
  const form = document.querySelector("form[data-join]");
  const open = ["open", "almost", "on"].includes(phase);
  const section = document.getElementById("join");
  const over = section?.querySelector("[data-part=over]");
  if (!form || !over) return;
  form.hidden = !open;
  over.hidden = open;
  over.textContent = say(`phases.${phase}.join`);
  const note = section.querySelector("[data-part=note]");
  note.hidden = !open;
  note.textContent = say(`phases.${phase}.note`);
  section.classList.toggle("join--ready", open);
}
