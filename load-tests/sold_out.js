// Requests at a constant rate for a deal that is sold out. New buyers are refused without a call to Postgres. Buyers
// who have a signup and retry get a 201.

import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';

import { join, joinOnce, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('sold_out');
const deal = deals[0];
/** One in this many requests is a retry by a buyer who has a signup. */
const RETRY_EVERY = 20;

const refusedRight = new Rate('refused_with_sold_out');
const replayedRight = new Rate('owner_heard_201');
const refusalTime = new Trend('time_to_refusal', true);
const replayTime = new Trend('time_to_replay', true);
const filled = new Counter('filled');

export const options = {
  scenarios: { late: atRate(size.rate, size.duration_s, { maxVus: 4 * size.rate }) },
  setupTimeout: '120s',
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    filled: [`count==${size.cap}`],
    refused_with_sold_out: ['rate==1'],
    owner_heard_201: ['rate==1'],
    time_to_refusal: ['p(95)<200'],
    time_to_replay: ['p(95)<500'],
    http_req_failed: ['rate==0'],
    ...NO_DROPPED_ITERATIONS,
    ...AUDIT_THRESHOLDS,
  },
};

/** The first buyers take all units. */
export function setup() {
  const run = Date.now();
  for (let n = 0; n < size.cap; n += 1) {
    if (join(deal, buyers[n], 1, `sold-${run}-${n}`).answer.status === 201) filled.add(1);
  }
  if (progress(deal).left !== 0) throw new Error(`the deal is not sold out: ${JSON.stringify(progress(deal))}`);
  return { run };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  if (n % RETRY_EVERY === 0) {
    const owner = (n / RETRY_EVERY) % size.cap;
    const answer = joinOnce(deal, buyers[owner], 1, `sold-${run}-${owner}`);
    replayTime.add(answer.timings.duration);
    replayedRight.add(answer.status === 201 && answer.headers['Idempotency-Replayed'] === 'true');
    return;
  }
  const late = size.cap + (n % (buyers.length - size.cap));
  const answer = joinOnce(deal, buyers[late], 1, `late-${run}-${n}`);
  refusalTime.add(answer.timings.duration);
  const right = answer.status === 409 && answer.json('code') === 'sold_out';
  if (!right) console.error(`${answer.status} ${answer.error} ${answer.body}`);
  refusedRight.add(right);
}

export function teardown() {
  audit();
}

export function handleSummary(data) {
  return summary('sold_out', data, ['http_reqs', 'iteration_duration']);
}
