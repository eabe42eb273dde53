// The deal editor's preview, a moment after each change. The "Preview" button does the same without this.

const PAUSE_MS = 500;

export function startEditor() {
  const form = document.querySelector("form[data-editor]");
  const button = form?.querySelector("button[value=preview]");
  if (!form || !button) return;
  let timer = 0;
  let turn = 0;

  async function preview() {
    const mine = ++turn;
    const body = new URLSearchParams(new FormData(form, button));
    try {
      const answer = await fetch(button.formAction, { method: "POST", body, headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const theirs = page.getElementById("preview");
      if (theirs && mine === turn) document.getElementById("preview")?.replaceWith(document.adoptNode(theirs));
    } catch {
      // No connection: the last preview stays, and the button still works.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE_MS);
  });
}
