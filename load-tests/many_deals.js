// Many deals whose popularity follows Zipf's law. Checks that a rush on one deal does not delay joins of other deals.

import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';

import { join } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { zipf } from './lib/chance.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('many_deals');
const popular = zipf(deals.length);

const joined = new Counter('joined');
const unexpected = new Counter('unexpected');
const cameBack = new Counter('came_back');
/** Join times of the most popular tenth of the deals, and of all others. */
const hot = new Trend('hot_join_time', true);
const quiet = new Trend('quiet_join_time', true);

export const options = {
  scenarios: { buyers: atRate(size.rate, size.duration_s) },
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    joined: [`count>=${Math.floor(0.99 * size.rate * size.duration_s)}`],
    unexpected: ['count==0'],
    hot_join_time: ['p(95)<500'],
    quiet_join_time: ['p(95)<500'],
    http_req_failed: ['rate==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

export function setup() {
  return { run: Date.now() };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  const which = popular();
  const { answer, tries } = join(deals[which], buyers[n % buyers.length], 1, `many-${run}-${n}`);
  cameBack.add(tries - 1);
  if (answer.status !== 201) {
    unexpected.add(1);
    console.error(`${answer.status} ${answer.error} ${answer.body}`);
    return;
  }
  joined.add(1);
  (which < deals.length / 10 ? hot : quiet).add(answer.timings.duration);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('many_deals', data, ['came_back', 'http_reqs', 'iteration_duration']);
}
