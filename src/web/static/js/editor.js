// Updates the deal editor's preview shortly after each change. Without this script the "Preview" button does the same.

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
      // An invalid form has no preview, so the last one stays.
      if (theirs?.querySelector(".card") && mine === turn) document.getElementById("preview")?.replaceWith(document.adoptNode(theirs));
    } catch {
      // Without a connection the last preview stays, and the button still works.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE_MS);
  });
}
