// Every key is sent 25 times concurrently to all nodes, and once more later, when the deal may be sold out. A key that
// was answered 201 always gets the same signup, units and number, and never a second signup. A refusal is not
// remembered.

import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Rate } from 'k6/metrics';

import { codeOf, join, joinRequest, progress } from './lib/api.js';
import { AUDIT_THRESHOLDS, audit } from './lib/audit.js';
import { NO_DROPPED_ITERATIONS, TEARDOWN_TIMEOUT, atRate, buyers, deals } from './lib/config.js';
import { sizes } from './lib/sizes.js';
import { summary } from './lib/summary.js';

const size = sizes('retries');
const deal = deals[0];

const sameAnswer = new Rate('same_answer');
const keptPlace = new Rate('kept_place');
const signups = new Counter('signups');
const replays = new Counter('replays');
const refusals = new Counter('refusals');
const busy = new Counter('busy');
const unexpected = new Counter('unexpected');
const unitsOver = new Gauge('units_over_the_cap');
const unitsLeft = new Gauge('units_left');

const REFUSED = ['sold_out', 'places_held', 'not_enough_left'];

export const options = {
  scenarios: { keys: atRate(size.rate, size.duration_s, { eachS: 4 }) },
  batch: size.times,
  batchPerHost: size.times,
  teardownTimeout: TEARDOWN_TIMEOUT,
  thresholds: {
    same_answer: ['rate==1'],
    kept_place: ['rate==1'],
    signups: [`count==${size.cap}`],
    units_over_the_cap: ['value==0'],
    units_left: ['value==0'],
    unexpected: ['count==0'],
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
  const [buyer, key] = [buyers[n % buyers.length], `retries-${run}-${n}`];
  const answers = http.batch(Array.from({ length: size.times }, (_, turn) => joinRequest(deal, buyer, 1, key, turn)));
  const places = answers.filter((answer) => answer.status === 201).map(place);
  for (const answer of answers.filter((other) => other.status !== 201)) {
    if (REFUSED.includes(codeOf(answer))) refusals.add(1);
    else if ([202, 503].includes(answer.status)) busy.add(1);
    else wrong(answer);
  }
  replays.add(answers.filter((answer) => answer.headers['Idempotency-Replayed'] === 'true').length);
  // The deal may be sold out by now, which must not affect keys that have joined.
  sleep(2 * Math.random());
  const { answer: last } = join(deal, buyer, 1, key);
  if (last.status === 201) {
    signups.add(1);
    places.push(place(last));
  } else if (!REFUSED.includes(codeOf(last))) {
    wrong(last);
  }
  if (places.length === 0) return;
  keptPlace.add(last.status === 201);
  sameAnswer.add(places.every((other) => other === places[0]));
}

/** The parts of the answer that must never change. */
function place(answer) {
  const { id, deal: of, units, number } = answer.json();
  return JSON.stringify([id, of, units, number]);
}

function wrong(answer) {
  unexpected.add(1);
  console.error(`${answer.status} ${answer.error} ${answer.body}`);
}

export function teardown() {
  const { units, left } = progress(deal);
  unitsOver.add(Math.max(0, units - size.cap));
  unitsLeft.add(left);
  audit();
}

export function handleSummary(data) {
  return summary('retries', data, ['replays', 'refusals', 'busy', 'http_reqs', 'http_req_duration']);
}
