// Many watch, some join: how long is it from a join to the frame that shows it, and is every frame an honest one?
//
// Everybody has a live socket. A joiner measures with its own: from sending the join to the first frame of that version or a
// newer one. Watchers only look. At the end nobody may show anything but what the API says.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import ws from 'k6/ws';

import { join, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { TEARDOWN_TIMEOUT, buyers, deals, node, setting } from './lib/config.js';
import { summary } from './lib/summary.js';

const WATCHERS = setting('WATCHERS', 200);
const JOINERS = setting('JOINERS', 20);
const WATCH_S = setting('WATCH_S', 30);
/** Between two joins of one joiner. */
const PAUSE_MS = setting('PAUSE_MS', 500);
/** The promise: right within two seconds. */
const LATE_MS = 2000;

const frames = new Counter('frames');
const wrongFrames = new Counter('wrong_frames');
const joined = new Counter('joined');
const unexpected = new Counter('unexpected');
const joinToFrame = new Trend('join_to_frame', true);
const inTime = new Rate('shown_in_time');
const opened = new Rate('sockets_opened');
const lastIsTrue = new Rate('last_frame_is_true');
const watched = new Counter('watched');

export const options = {
  scenarios: {
    watchers: { executor: 'per-vu-iterations', vus: WATCHERS, iterations: 1, exec: 'watch', maxDuration: '10m' },
    joiners: { executor: 'per-vu-iterations', vus: JOINERS, iterations: 1, exec: 'watchAndJoin', maxDuration: '10m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    sockets_opened: ['rate==1'],
    watched: [`count==${WATCHERS + JOINERS}`],
    wrong_frames: ['count==0'],
    shown_in_time: ['rate>0.99'],
    last_frame_is_true: ['rate==1'],
    join_to_frame: ['p(95)<1000'],
    unexpected: ['count==0'],
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export function watch() {
  look(() => {});
}

export function watchAndJoin({ run }) {
  const deal = deals[0];
  let count = 0;
  look((socket, seen) => {
    const until = Date.now() + WATCH_S * 1000;
    const wait = { rev: 0, since: 0 };
    seen.onFrame = (frame) => {
      if (wait.rev > 0 && frame.rev >= wait.rev) shown(wait);
    };
    socket.setInterval(() => {
      if (Date.now() > until) return;
      if (wait.rev > 0) {
        if (Date.now() - wait.since <= LATE_MS) return;
        inTime.add(false);
        wait.rev = 0;
      }
      // Each joiner has buyers of its own.
      const joiner = exec.scenario.iterationInTest;
      const buyer = buyers[joiner + JOINERS * count];
      count += 1;
      if (!buyer) return;
      wait.since = Date.now();
      const { answer } = join(deal, buyer, 1, `watch-${run}-${joiner}-${count}`);
      if (answer.status !== 201) {
        unexpected.add(1);
        console.error(`${answer.status} ${answer.error} ${answer.body}`);
        return;
      }
      joined.add(1);
      wait.rev = answer.json('progress.rev');
      // While the call was under way nothing could be heard; what came in meanwhile is heard next.
      if (seen.last && seen.last.rev >= wait.rev) shown(wait);
    }, PAUSE_MS);
  });
}

function shown(wait) {
  const late = Date.now() - wait.since;
  joinToFrame.add(late);
  inTime.add(late <= LATE_MS);
  wait.rev = 0;
}

/** Opens a socket, and judges every frame until the end. */
function look(begin) {
  // Not everybody in the same millisecond.
  sleep(Math.random() * 2);
  const deal = deals[0];
  const seen = { last: null, onFrame: () => {} };
  const answer = ws.connect(`${node().replace('http', 'ws')}/api/v1/live?deal=${deal}`, {}, (socket) => {
    socket.on('message', (text) => {
      const frame = JSON.parse(text);
      if (frame.type !== 'progress') return;
      frames.add(1);
      if (!isHonest(frame, seen.last)) {
        wrongFrames.add(1);
        console.error(`after ${JSON.stringify(seen.last)} came ${text}`);
      }
      seen.last = frame;
      seen.onFrame(frame);
    });
    begin(socket, seen);
    // Joining ends before watching does, by more than frames may be late.
    socket.setTimeout(() => socket.close(), WATCH_S * 1000 + 2 * LATE_MS + 2000);
  });
  opened.add(answer.status === 101);
  const now = progress(deal);
  const isTrue = seen.last !== null && ['epoch', 'rev', 'buyers', 'units'].every((figure) => seen.last[figure] === now[figure]);
  if (!isTrue) console.error(`the last frame was ${JSON.stringify(seen.last)}, and the deal is ${JSON.stringify(now)}`);
  lastIsTrue.add(isTrue);
  watched.add(1);
}

/** Never above the cap, never an older version, never fewer buyers than `needed` says. */
function isHonest(frame, last) {
  const withinCap = frame.cap === null || frame.units <= frame.cap;
  const adds = frame.needed === Math.max(0, frame.tipping_point - frame.buyers);
  const newer = last === null || frame.epoch > last.epoch || (frame.epoch === last.epoch && frame.rev >= last.rev);
  return withinCap && adds && newer;
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('watch', data, ['frames', 'joined', 'ws_connecting', 'http_reqs']);
}
