// The figures of the deals on this page, as they change: by socket, and by asking while the socket is away.
// Frames are absolute, so nothing is lost by missing some; the newest (epoch, rev) wins.

import { hear } from "./clock.js";

const MOST_DEALS = 32; // as many as the server lets one socket follow
const LONGEST_WAIT_MS = 30_000;
const POLL_MS = 5_000;

const newer = (a, b) => !b || a.epoch > b.epoch || (a.epoch === b.epoch && a.rev > b.rev);

/**
 * Follows deals. `onFigures(deal, figures)` hears of newer figures only;
 * `onConnection(open, heardAt)` of the socket opening and closing.
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
    this.#deals = deals.slice(0, MOST_DEALS);
    this.onFigures = onFigures;
    this.onConnection = onConnection;
    this.heardAt = performance.now();
  }

  start() {
    this.#connect();
    addEventListener("online", () => this.#reconnectNow());
    addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow());
    addEventListener("pagehide", () => this.#socket?.close());
    // A laptop that slept may hold a socket that died silently: the figures tell.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#verify());
  }

  /** Takes in figures, from wherever they come. Answers whether they were news. */
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
      this.onConnection(true, this.heardAt);
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type !== "progress") return;
      this.#failures = 0; // only a server that really talks ends the back-off
      this.heardAt = performance.now();
      hear(frame.server_time);
      this.take(frame.deal, frame);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.onConnection(false, this.heardAt);
      this.#poller ||= setInterval(() => this.#poll(), POLL_MS);
      // Full jitter: a restarted server must not meet everybody at once.
      const ceiling = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** this.#failures++);
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

  /** Asks for one deal, the next in turn, so that a page full of cards asks no more often than a page with one. */
  async #poll() {
    const deal = this.#deals[this.#turn++ % this.#deals.length];
    try {
      const answer = await fetch(`/api/v1/deals/${deal}`, { headers: { accept: "application/json" } });
      if (!answer.ok) return false;
      const { progress } = await answer.json();
      this.heardAt = performance.now();
      return this.take(deal, progress);
    } catch {
      return false; // still away: the banner already says so
    }
  }
}
