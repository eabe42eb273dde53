// Many watch while buyers come and join, and in the middle of it the deal tips: how long is it from a join to the frame that
// shows it, and is every frame an honest one?
//
// Buyers come at a rate. Each opens a socket, joins, and looks until it is counted: measured from sending the join to the
// first frame of that version or a newer one. Watchers only look. At the end nobody may show anything but what the API says.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';

import { join, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { AS_MEANT, TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { LATE_MS, watch } from './lib/live.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('tipping');
/** Watchers come within this time, and buyers after it. */
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
    ...AS_MEANT,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export function look() {
  // Not everybody in the same millisecond.
  const waited = Math.random() * GATHERING_S;
  sleep(waited);
  // Joining ends before watching does, by more than frames may be late.
  const seen = watch(deal, GATHERING_S - waited + size.duration_s + 3 + (2 * LATE_MS) / 1000);
  opened.add(seen.opened);
  sawTheTip.add(seen.tipped);
  const now = progress(deal);
  const isTrue = seen.last !== null && ['epoch', 'rev', 'buyers', 'units'].every((figure) => seen.last[figure] === now[figure]);
  if (!isTrue) console.error(`the last frame was ${JSON.stringify(seen.last)}, and the deal is ${JSON.stringify(now)}`);
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
        // While the call was under way nothing could be heard; what came in meanwhile is heard next.
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
