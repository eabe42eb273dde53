// Many sockets watch a deal while buyers join and the deal tips. Measures how long a join takes to appear in a frame, and
// checks that every frame is consistent.
//
// Buyers arrive at a constant rate. Each opens a socket, joins, and waits for a frame of at least that version. The time
// counts from sending the join. Watchers only read. At the end, every watcher must show the figures of the API.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';

import { join, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { LATE_MS, watch } from './lib/live.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('tipping');
/** Watchers connect within this time; buyers start after it. */
const GATHERING_S = 2;
const deal = deals[0];

const joined = new Counter('joined');
const unexpected = new Counter('unexpected');
const joinToFrame = new Trend('join_to_frame', true);
const inTime = new Rate('shown_in_time');
const opened = new Rate('sockets_opened');
const sawTheTip = new Rate('saw_the_tip');
const lastIsTrue = new Rate('last_frame_true');
const watched = new Counter('watched');

export const options = {
  scenarios: {
    watchers: { executor: 'per-vu-iterations', vus: size.watchers, iterations: 1, exec: 'look', maxDuration: '60m' },
    buyers: atRate(size.rate, size.duration_s, { exec: 'joinAndLook', eachS: 2, startTime: `${GATHERING_S + 1}s` }),
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    sockets_opened: ['rate==1'],
    watched: [`count==${size.watchers}`],
    wrong_frames: ['count==0'],
    shown_in_time: ['rate>0.99'],
    saw_the_tip: ['rate==1'],
    last_frame_true: ['rate==1'],
    join_to_frame: ['p(95)<1000'],
    unexpected: ['count==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export function look() {
  // Spreads the connections over time.
  const waited = Math.random() * GATHERING_S;
  sleep(waited);
  // Watchers stay longer than the buyers, by more than the maximum delay of a frame.
  const seen = watch(deal, GATHERING_S - waited + size.duration_s + 3 + (2 * LATE_MS) / 1000);
  opened.add(seen.opened);
  sawTheTip.add(seen.tipped);
  const now = progress(deal);
  const isTrue = seen.last !== null && ['epoch', 'rev', 'buyers', 'units'].every((figure) => seen.last[figure] === now[figure]);
  if (!isTrue) console.error(`last frame: ${JSON.stringify(seen.last)}; deal: ${JSON.stringify(now)}`);
  lastIsTrue.add(isTrue);
  watched.add(1);
}

export function joinAndLook({ run }) {
  const visit = exec.scenario.iterationInTest;
  const mine = { rev: 0, since: 0 };
  const seen = watch(deal, (2 * LATE_MS) / 1000, {
    onFrame: (frame) => {
      if (mine.since === 0) {
        mine.since = Date.now();
        const { answer } = join(deal, buyers[visit % buyers.length], 1, `tipping-${run}-${visit}`);
        if (answer.status !== 201) {
          unexpected.add(1);
          console.error(`${answer.status} ${answer.error} ${answer.body}`);
          return true;
        }
        joined.add(1);
        mine.rev = answer.json('progress.rev');
        // k6 delivers no frames during the blocking HTTP call. It delivers them after the call.
        return false;
      }
      if (frame.rev < mine.rev) return false;
      const late = Date.now() - mine.since;
      joinToFrame.add(late);
      inTime.add(late <= LATE_MS);
      mine.shown = true;
      return true;
    },
  });
  opened.add(seen.opened);
  if (mine.rev > 0 && !mine.shown) inTime.add(false);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('tipping', data, ['frames', 'joined', 'ws_connecting', 'http_reqs']);
}
