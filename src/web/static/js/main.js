// Everything on top of pages that work without it.

import { celebrate } from "./celebrate.js";
import { startCountdowns } from "./countdown.js";
import { startEditor } from "./editor.js";
import { closeJoining, startJoining } from "./join.js";
import { Live } from "./live.js";
import { ProgressBlock, writeNumbers } from "./progress.js";
import { startSharing } from "./share.js";
import { announce, say } from "./words.js";

const BANNER_AFTER_MS = 2_000; // a short break is nobody's business

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
    closeJoining(phase);
    if (["open", "almost"].includes(was) && ["on", "sold_out"].includes(phase)) celebrate(deal);
  });
  document.addEventListener("countdown:over", () => blocks.forEach((block) => block.refresh()));
}

startCountdowns();
startLive();
startJoining();
startSharing();
startEditor();
