// The server's clock, as estimated by the browser. The visitor's system clock can be wrong, so it is never read: the
// server's times set the clock, and `performance.now()` advances it.

let offset = -Infinity;

/** Sets the clock from a time that the server has sent. Network delay makes every estimate too early, so the largest one wins. */
export function setServerTime(serverTime) {
  const sent = typeof serverTime === "number" ? serverTime : Date.parse(serverTime);
  if (Number.isFinite(sent)) offset = Math.max(offset, sent - performance.now());
}

/** The server's time, in milliseconds since 1970. */
export function now() {
  return performance.now() + offset;
}

setServerTime(document.documentElement.dataset.serverTime);
