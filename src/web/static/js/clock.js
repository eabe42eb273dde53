// The server's clock, as well as this browser can know it. The visitor's own clock may be hours wrong, so it is
// never read: time passes by `performance.now()`, and what the server says sets it.

let offset = -Infinity;

/** Takes in a time the server has just told. It was told a little earlier than it is heard, so the latest one wins. */
export function hear(serverTime) {
  const told = typeof serverTime === "number" ? serverTime : Date.parse(serverTime);
  if (Number.isFinite(told)) offset = Math.max(offset, told - performance.now());
}

/** Milliseconds since 1970 by the server's clock. */
export function now() {
  return performance.now() + offset;
}

hear(document.documentElement.dataset.serverTime);
