// Noon: the deal opens, and everybody is there. Many more people than places, 1 to 3 units each, all at once.
//
// Each attempt is another buyer's, so that most of them can be refused without Postgres. Who comes too early, or is told that
// the last places are held, asks again, as a browser does. As single units are refused, too, nothing may be left in the end.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Gauge, Trend } from 'k6/metrics';

import { join, makeDeal, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { TEARDOWN_TIMEOUT, buyers } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('join_rush');
const OPENS_IN_S = 4;
/** The first clients are at the door before it opens. */
const EARLY_MS = 500;

const joined = new Counter('joined');
const unitsJoined = new Counter('units_joined');
const refused = new Counter('refused');
const cameBack = new Counter('came_back');
const decided = new Counter('decided');
const unexpected = new Counter('unexpected');
const unitsLeft = new Gauge('units_left');
const joinTime = new Trend('time_to_join', true);
const refusalTime = new Trend('time_to_refusal', true);

const REFUSALS = ['sold_out', 'not_enough_left', 'buyer_limit'];

export const options = {
  scenarios: {
    // Not a rate: everybody who is there asks, and the next in the queue as soon as one was answered.
    rush: { executor: 'shared-iterations', vus: size.clients, iterations: size.attempts, maxDuration: '10m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    // What was promised.
    units_joined: [`count==${size.cap}`],
    units_left: ['value==0'],
    unexpected: ['count==0'],
    decided: [`count==${size.attempts}`],
    ...AUDIT_THRESHOLDS,
    // Generous: clients and servers share a small machine.
    time_to_join: ['p(95)<3000'],
    time_to_refusal: ['p(95)<2000'],
    http_req_failed: ['rate==0'],
  },
};

/** Another run is another deal, and another set of keys. */
export function setup() {
  const opensAt = Date.now() + OPENS_IN_S * 1000;
  const deal = makeDeal({ tippingPoint: size.tipping_point, cap: size.cap, opensInS: OPENS_IN_S });
  sleep(Math.max(0, opensAt - EARLY_MS - Date.now()) / 1000);
  return { deal, run: opensAt };
}

export default function ({ deal, run }) {
  const attempt = exec.scenario.iterationInTest;
  const units = 1 + (attempt % 3);
  const { answer, code, tries, decided: isDecided } = join(deal, buyers[attempt % buyers.length], units, `rush-${run}-${attempt}`, {
    comeBack: ['not_open'],
  });
  cameBack.add(tries - 1);
  if (!isDecided) {
    console.error(`undecided after ${tries} tries: ${answer.status} ${answer.error} ${answer.body}`);
    return;
  }
  decided.add(1);
  if (answer.status === 201) {
    joined.add(1);
    unitsJoined.add(units);
    joinTime.add(answer.timings.duration);
  } else if (REFUSALS.includes(code)) {
    refused.add(1, { code });
    refusalTime.add(answer.timings.duration);
  } else {
    unexpected.add(1);
    console.error(`${answer.status} ${answer.error} ${answer.body}`);
  }
}

export function teardown({ deal }) {
  unitsLeft.add(progress(deal).left);
  audit();
}

export function handleSummary(data) {
  return summary('join_rush', data, ['joined', 'refused', 'came_back', 'http_reqs', 'iteration_duration']);
}
