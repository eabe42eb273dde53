// A rush at opening time: many more buyers than units. All of them try to join at the same time, with 1 to 3 units
// each.
//
// Each attempt comes from a different buyer, so that Redis can refuse most of them. A buyer who is too early, or is
// refused because the last units are held, retries as a browser does. At the end, every unit must be sold.

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
/** The first clients start this long before the deal opens. */
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
    // A closed model: each client starts its next attempt when it has its answer.
    rush: { executor: 'shared-iterations', vus: size.clients, iterations: size.attempts, maxDuration: '10m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    // Invariants.
    units_joined: [`count==${size.cap}`],
    units_left: ['value==0'],
    unexpected: ['count==0'],
    decided: [`count==${size.attempts}`],
    ...AUDIT_THRESHOLDS,
    // Generous, because clients and servers share one machine.
    time_to_join: ['p(95)<3000'],
    time_to_refusal: ['p(95)<2000'],
    http_req_failed: ['rate==0'],
  },
};

/** Each run has its own deal and its own keys. */
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
    retryOn: ['not_open'],
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
