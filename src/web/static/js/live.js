// The live figures of the deals on this page: by WebSocket, and by polling while the socket is closed. Every frame has the
// complete figures, so missing some is harmless. The highest (epoch, rev) wins.

import { setServerTime } from "./clock.js";

const DEALS_MAX = 32; // the server's limit for one socket
const BACKOFF_MAX_MS = 30_000;
const POLL_MS = 5_000;

const newer = (a, b) => !b || a.epoch > b.epoch || (a.epoch === b.epoch && a.rev > b.rev);

/**
 * Watches deals. Calls `onFigures(deal, figures)` with newer figures only, and `onConnection(open)` whenever the socket opens
 * or closes. `heardAt` is when the server was last heard from, by `performance.now()`.
 */
export class Live {
  #newest = new Map();
  #deals;
  #socket = null;
  #failures = 0;
  #timer = 0;
  #poller = 0;
  #turn = 0;

  constructor(deals, { onFigures, onConnection }) {
    this.#deals = deals.slice(0, DEALS_MAX);
    this.onFigures = onFigures;
    this.onConnection = onConnection;
    this.heardAt = performance.now();
  }

  start() {
    this.#connect();
    addEventListener("online", () => this.#reconnectNow());
    addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow());
    addEventListener("pagehide", () => this.#socket?.close());
    // After a laptop wakes up, its socket may be dead without a close event. Polling newer figures reveals it.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#verify());
  }

  /** Takes figures from any source. Returns whether they were newer. */
  take(deal, figures) {
    if (!newer(figures, this.#newest.get(deal))) return false;
    this.#newest.set(deal, figures);
    this.onFigures(deal, figures);
    return true;
  }

  #connect() {
    clearTimeout(this.#timer);
    const url = new URL("/api/v1/live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#deals.forEach((deal) => url.searchParams.append("deal", deal));
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      clearInterval(this.#poller);
      this.#poller = 0;
      this.heardAt = performance.now();
      this.onConnection(true);
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type !== "progress") return;
      this.#failures = 0; // a frame resets the backoff; an open socket alone does not
      this.heardAt = performance.now();
      setServerTime(frame.server_time);
      this.take(frame.deal, frame);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.onConnection(false);
      this.#poller ||= setInterval(() => this.#poll(), POLL_MS);
      // Exponential backoff with full jitter, so that clients do not all reconnect to a restarted server at once.
      const ceiling = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** this.#failures++);
      this.#timer = setTimeout(() => this.#connect(), Math.random() * ceiling);
    };
  }

  #reconnectNow() {
    const old = this.#socket;
    this.#socket = null;
    old?.close();
    this.#failures = 0;
    this.#connect();
  }

  async #verify() {
    if (this.#socket?.readyState === WebSocket.OPEN && (await this.#poll())) this.#reconnectNow();
  }

  /** Polls one deal, in turn, so that a page with many cards sends no more requests than a page with one. */
  async #poll() {
    const deal = this.#deals[this.#turn++ % this.#deals.length];
    try {
      const answer = await fetch(`/api/v1/deals/${deal}`, { headers: { accept: "application/json" } });
      if (!answer.ok) return false;
      const { progress } = await answer.json();
      this.heardAt = performance.now();
      return this.take(deal, progress);
    } catch {
      return false; // still no connection, which the banner already says
    }
  }
}
