// The deal editor's preview, a moment after each change. The "Preview" button does the same without this.

const PAUSE_MS = 500;

export function startEditor() {
  const form = document.querySelector("form[data-editor]");
  const button = form?.querySelector("button[value=preview]");
  if (!form || !button) return;
  const zone = form.elements.time_zone;
  if (zone?.value === "Etc/UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
  let timer = 0;
  let turn = 0;

  async function preview() {
    const mine = ++turn;
    const body = new URLSearchParams(new FormData(form, button));
    try {
      const answer = await fetch(button.formAction, { method: "POST", body, headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const theirs = page.getElementById("preview");
      // While something is still wrong there is nothing new to show, and the last preview stays.
      if (theirs?.querySelector(".card") && mine === turn) document.getElementById("preview")?.replaceWith(document.adoptNode(theirs));
    } catch {
      // No connection: the last preview stays, and the button still works.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE_MS);
  });
}
