// Opens live sockets on a deal and checks every frame.

import { Counter } from 'k6/metrics';
import ws from 'k6/ws';

import { node } from './config.js';

const frames = new Counter('frames');
const wrongFrames = new Counter('wrong_frames');

/** Live counts must be right within two seconds. */
export const LATE_MS = 2000;

/**
 * Opens a socket on a deal and reads until it is closed, `seconds` have passed, or `onFrame` returns true.
 * Returns whether it was opened, the last frame, and whether the deal tipped. `after` is the last frame of an earlier socket.
 */
export function watch(deal, seconds, { onFrame = () => false, after = null, turn = 0 } = {}) {
  const seen = { opened: false, last: after, tipped: false };
  const answer = ws.connect(`${node(turn).replace('http', 'ws')}/api/v1/live?deal=${deal}`, {}, (socket) => {
    socket.on('message', (text) => {
      const frame = JSON.parse(text);
      if (frame.type !== 'progress') return;
      frames.add(1);
      if (!isConsistent(frame, seen.last)) {
        wrongFrames.add(1);
        console.error(`inconsistent frame ${text} after ${JSON.stringify(seen.last)}`);
      }
      seen.last = frame;
      seen.tipped = seen.tipped || frame.state === 'tipped';
      if (onFrame(frame, seen)) socket.close();
    });
    // A killed server drops the connection without a close frame.
    socket.on('error', () => {});
    socket.setTimeout(() => socket.close(), seconds * 1000);
  });
  seen.opened = answer.status === 101;
  return seen;
}

/** Whether the units are within the cap, `needed` matches the buyers, and neither the version nor the state goes back. */
function isConsistent(frame, last) {
  const withinCap = frame.cap === null || frame.units <= frame.cap;
  const adds = frame.needed === Math.max(0, frame.tipping_point - frame.buyers);
  const newer = last === null || frame.epoch > last.epoch || (frame.epoch === last.epoch && frame.rev >= last.rev);
  const stays = last === null || frame.epoch > last.epoch || !(last.state === 'tipped' && frame.state === 'open');
  return withinCap && adds && newer && stays;
}
