// Sharing by the system's share sheet, or else by the clipboard. If both fail, the link is selected for copying by hand.

import { announce, say } from "./words.js";

export function startSharing() {
  for (const box of document.querySelectorAll("[data-share]")) {
    const link = box.querySelector("input");
    const button = box.querySelector("button");
    if (!link || !button) continue;
    button.hidden = false;
    link.addEventListener("focus", () => link.select());
    button.addEventListener("click", async () => {
      const shared = { title: box.dataset.share, url: link.value };
      try {
        if (navigator.canShare?.(shared)) return await navigator.share(shared);
        await navigator.clipboard.writeText(link.value);
        button.textContent = say("share.copied");
        announce(say("share.copied"), true);
      } catch {
        link.focus(); // selects the link
      }
    });
  }
}
