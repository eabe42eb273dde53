// The entry point of the scripts. They enhance pages that work without them.

import { celebrate } from "./celebrate.js";
import { startCountdowns } from "./countdown.js";
import { startCoupon } from "./coupon.js";
import { startEditor } from "./editor.js";
import { startJoining, updateJoining } from "./join.js";
import { Live } from "./live.js";
import { ProgressBlock, writeNumbers } from "./progress.js";
import { startSharing } from "./share.js";
import { announce, say } from "./words.js";

const REFRESH_AFTER_MS = 1_500; // gives the server time to issue coupons
const BANNER_AFTER_MS = 2_000; // short interruptions show no banner

/** Reloads the parts of this page that depend on the deal's phase, after a random delay that spreads the load. */
function refreshParts() {
  const parts = [...document.querySelectorAll("[data-fresh]")];
  if (parts.length === 0) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const fresh = answer.ok && page.getElementById(part.id);
        if (fresh) part.replaceWith(document.adoptNode(fresh));
      }
    } catch {
      // Without a connection the page stays as it is.
    }
  }, REFRESH_AFTER_MS * (1 + Math.random()));
}

function startLive() {
  const blocks = [...document.querySelectorAll("[data-figures]")].map((element) => new ProgressBlock(element));
  if (blocks.length === 0) return;

  const banner = document.getElementById("offline");
  let connected = true;
  let lostAt = 0;

  const live = new Live([...new Set(blocks.map((block) => block.deal))], {
    onFigures(deal, figures) {
      blocks.filter((block) => block.deal === deal).forEach((block) => block.apply(figures));
      writeNumbers(deal, figures);
    },
    onConnection(open) {
      if (connected && !open) lostAt = performance.now();
      connected = open;
      if (open) banner.hidden = true;
    },
  });
  for (const block of blocks) live.take(block.deal, block.figures);
  live.start();

  setInterval(() => {
    if (connected || performance.now() - lostAt < BANNER_AFTER_MS) return;
    if (banner.hidden) announce(say("live.lost"), true);
    banner.hidden = false;
    banner.textContent = say("live.age", { n: Math.round((performance.now() - live.heardAt) / 1000) });
  }, 1000);

  const speaking = document.querySelector("[data-speaks]");
  document.addEventListener("phase", ({ target, detail: { deal, was, phase } }) => {
    if (target !== speaking) return;
    updateJoining(phase);
    refreshParts();
    if (["open", "almost"].includes(was) && ["on", "sold_out"].includes(phase)) celebrate(deal);
  });
  document.addEventListener("countdown:over", () => blocks.forEach((block) => block.refresh()));
}

startCountdowns();
startLive();
startJoining();
startSharing();
startEditor();
startCoupon();
