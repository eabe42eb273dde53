// Many more people than places, all at once: 300 clients make 20,000 attempts at a cap of 1,000, with 1 to 3 units each.
//
// Each attempt is another buyer's, so that most of them can be refused without Postgres. A buyer who is told that the last
// places are held asks again, as a browser does. As single units are refused, too, nothing may be left in the end.

import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';

import { codeOf, join, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { TEARDOWN_TIMEOUT, buyers, deals, setting } from './lib/config.js';
import { summary } from './lib/summary.js';

const CLIENTS = setting('CLIENTS', 300);
const ATTEMPTS = setting('ATTEMPTS', 20000);
const CAP = setting('CAP', 1000);

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
    rush: { executor: 'shared-iterations', vus: CLIENTS, iterations: ATTEMPTS, maxDuration: '10m' },
  },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    // What was promised.
    units_joined: [`count==${CAP}`],
    units_left: ['value==0'],
    unexpected: ['count==0'],
    decided: [`count==${ATTEMPTS}`],
    ...AUDIT_THRESHOLDS,
    // Generous: clients and servers share a small machine.
    time_to_join: ['p(95)<3000'],
    time_to_refusal: ['p(95)<2000'],
    http_req_failed: ['rate==0'],
  },
};

http.setResponseCallback(http.expectedStatuses({ min: 200, max: 299 }));

/** Another run is another set of keys. */
export function setup() {
  return { run: Date.now() };
}

export default function ({ run }) {
  const attempt = exec.scenario.iterationInTest;
  const buyer = buyers[attempt % buyers.length];
  const units = 1 + (attempt % 3);
  const { answer, tries, decided: isDecided } = join(deals[0], buyer, units, `rush-${run}-${attempt}`);
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
  } else if (REFUSALS.includes(codeOf(answer))) {
    refused.add(1, { code: codeOf(answer) });
    refusalTime.add(answer.timings.duration);
  } else {
    unexpected.add(1);
    console.error(`${answer.status} ${answer.error} ${answer.body}`);
  }
}

export function teardown() {
  unitsLeft.add(progress(deals[0]).left);
  audit();
}

export function handleSummary(data) {
  return summary('join_rush', data, ['joined', 'refused', 'came_back', 'http_reqs', 'iteration_duration']);
}
