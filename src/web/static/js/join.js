// Joining without leaving the page. The form works by itself; this adds "Joining…", patience with a busy server,
// and puts the server's own answer into the page. The idempotency key stays in the form, so trying again is safe.

import { say } from "./words.js";

const MOST_TRIES = 5;
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
    if (this.button.getAttribute("aria-disabled")) return; // a double click is one join
    const body = new URLSearchParams(new FormData(this.form));
    for (let tries = 1; ; tries++) {
      this.#busy(say("join.joining"));
      let answer;
      try {
        answer = await fetch(this.form.action, { method: "POST", body, headers: { accept: "text/html" } });
        if (answer.status === 408) answer = null; // it did not get there in time: as if there were no connection
      } catch {
        answer = null;
      }
      if (answer?.redirected) return location.assign(answer.url);
      const busy = !answer || answer.status === 503 || answer.headers.has("retry-after");
      if (busy && tries < MOST_TRIES) {
        const seconds = Number(answer?.headers.get("retry-after")) || 2 ** tries;
        for (let left = Math.ceil(seconds); left > 0; left--) {
          this.#busy(say(answer ? "join.busy" : "join.offline", { n: left }));
          await wait(left === 1 ? Math.random() + 0.5 : 1);
        }
        continue;
      }
      this.#free();
      if (answer) return this.#show(await answer.text(), answer.url);
      return this.form.submit(); // let the browser say what is wrong with the connection
    }
  }

  /** The answer is a whole page; the part about joining replaces ours. */
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

/** Takes over the page's join form, if it has one. */
export function startJoining() {
  const form = document.querySelector("form[data-join]");
  if (!form) return;
  const joining = new Joining(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    joining.submit();
  });
}

/** A deal that sold out or ended while the page was open takes no more joins: says so where the form was. */
export function closeJoining(phase) {
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
